# SPDX-License-Identifier: Apache-2.0
"""Write a library in a plain spelling that Yosys, abc and OpenSTA all read, and read alike.

What the text means stays, and so does every number of a table, letter by letter.
"""

import re
from collections.abc import Iterator, Mapping

from nms.synth import liberty_numbers
from nms.synth.liberty_file import NAME, SEVERAL, read_direction
from nms.synth.liberty_functions import BooleanFunction
from nms.synth.liberty_tables import find_templates, read_table
from nms.synth.liberty_text import FOLD, Attribute, Group, split
from nms.synth.liberty_units import SYMBOLS, Units, read_units, spell

UNUSED = frozenset(
    ("internal_power", "leakage_power", "output_current_rise", "output_current_fall", "receiver_capacitance")
)
"""Groups that mapping and timing do not use, and that are most of a large file."""

MULTIPLE = frozenset(("bus", "ff_bank", "latch_bank", "memory"))
"""Groups of cells that mapping, bit by bit, does not use."""

FUNCTIONS = frozenset(
    ("function", "three_state", "next_state", "clocked_on", "clear", "preset", "enable", "data_in")
)
STATES = frozenset(("ff", "latch", "statetable"))
WORDS = frozenset(("direction", "timing_sense", "timing_type", "pg_type", "delay_model"))
"""Attributes whose value is one of a few words, which the tools want in lower case."""

NUMBERS = frozenset(("area", "capacitance", "rise_capacitance", "fall_capacitance", "nom_voltage"))
"""Attributes that are numbers in quotes, too."""

FLAGS = frozenset(("clock", "dont_use"))
"""Attributes that are written if they are true alone: abc takes any ``dont_use`` for true."""

ESCAPE = re.compile(r'\\"?')

DELAYS = frozenset(
    ("cell_rise", "cell_fall", "rise_transition", "fall_transition", "rise_constraint", "fall_constraint")
)
"""Tables that mapping and timing use."""


def write_plain(library: Group, power: bool = False) -> str:
    """The text of a library for the tools, with its power tables or, by default, without.

    Raises
    ------
    UserError
        A unit, a number, a table, a function or a flag is not understood.
    """
    return "\n".join(_Writer(library, power).lines) + "\n"


class _Writer:
    def __init__(self, library: Group, power: bool) -> None:
        self.templates = find_templates(library)
        self.dropped = SEVERAL if power else SEVERAL | UNUSED
        self.load = [load for load in [library.number("default_input_pin_cap")] if load is not None]
        name = library.name if NAME.fullmatch(library.name) else "cells"
        self.lines = [f"library ({name}) {{", *_write_units(library, read_units(library))]
        for attribute in library.attributes:
            if attribute.name not in SYMBOLS:
                self._attribute(library, attribute, "  ")
        for group in library.groups:
            if group.kind != "cell":
                self._group(group, "  ")
            elif not is_multiple(group):
                _check_cell(group)
                self._group(group, "  ")
        self.lines.append("}")

    def _group(self, group: Group, indent: str) -> None:
        if group.kind in DELAYS:
            read_table(group, self.templates)
        self.lines.append(f"{indent}{group.kind} ({', '.join(map(_fold, group.values))}) {{")
        for attribute in group.attributes:
            self._attribute(group, attribute, indent + "  ")
        for inner in group.groups:
            if inner.kind not in self.dropped:
                self._group(inner, indent + "  ")
        if group.kind == "pin" and group.word("direction").lower() == "input" and not _has_load(group):
            self.lines += [f"{indent}  capacitance : {load};" for load in self.load]
        self.lines.append(f"{indent}}}")

    def _attribute(self, group: Group, attribute: Attribute, indent: str) -> None:
        name, text = attribute.name, attribute.text.strip()
        if not attribute.simple:
            values = _rows(group, attribute, self.templates) if _is_table(name) else attribute.values
            self.lines.append(f"{indent}{name} ({', '.join(map(_fold, values))});")
        elif name in FLAGS:
            if group.flag(name):
                self.lines.append(f"{indent}{name} : true;")
        elif text:
            self.lines.append(f"{indent}{name} : {_value(attribute, text)};")


def _write_units(library: Group, units: Units) -> Iterator[str]:
    for name in SYMBOLS:
        found = library.find(name)
        if found is None:
            continue
        if name == "capacitive_load_unit":
            small = "ff" in found.text.lower()
            yield f"  {name} ({units.farad / (1e-15 if small else 1e-12):.9g}, {'ff' if small else 'pf'});"
        else:
            yield f'  {name} : "{spell(library, name)}";'


def is_multiple(cell: Group) -> bool:
    """Whether a cell has several bits that belong together, which its functions may take as one."""
    together = {bundle.name for bundle in cell.inner("bundle")}
    pins = [pin for pin in cell.inner("pin") if "[" in pin.name or together & _named(pin.word("function"))]
    return bool(pins) or any(True for _ in cell.inner(*MULTIPLE))


def _named(function: str) -> set[str]:
    return set(re.findall(r"\w+", function))


def _has_load(pin: Group) -> bool:
    return any(pin.find(f"{edge}capacitance") is not None for edge in ("", "rise_", "fall_"))


def _check_cell(cell: Group) -> None:
    area = cell.number("area")
    if area is not None and area < 0:
        cell.fail(f"area {area:g}: must be 0 or more", cell.find("area"))
    known = known_names(cell)
    for pin in cell.inner("pin"):
        read_direction(pin)
    for group in cell.inner("pin", "ff", "latch"):
        for attribute in group.attributes:
            if attribute.name in FUNCTIONS:
                check_function(group, attribute, known)


def known_names(cell: Group) -> set[str]:
    """The names that functions of a cell may have: of its pins and its states."""
    return {pin.name for pin in cell.inner("pin")} | {
        name for group in cell.inner(*STATES) for name in group.names
    }


def check_function(group: Group, attribute: Attribute, known: set[str]) -> BooleanFunction:
    """The function that an attribute is, of known names alone.

    Raises
    ------
    UserError
        It is no function, or has other names.
    """
    try:
        function = BooleanFunction(attribute.text)
    except ValueError as error:
        group.fail(f"{attribute.name} {attribute.text!r}: {error}; must be a Boolean function", attribute)
    unknown = sorted(function.names - known)
    if unknown:
        group.fail(f"{attribute.name} {attribute.text!r}: the cell has no {unknown[0]!r}", attribute)
    return function


def _is_table(name: str) -> bool:
    return name == "values" or name.startswith("index_")


def _rows(group: Group, attribute: Attribute, templates: Mapping[tuple[str, str], Group]) -> list[str]:
    """Rows of a table with commas between numbers, if they are spelled in another way."""
    values = attribute.values
    if len(values) > 1 and "," in values[0]:
        return values
    words = split(values)
    size = len(words)
    if attribute.name == "values" and group.kind in DELAYS:
        axes, _ = read_table(group, templates)
        size = len(axes[-1].points) if axes else 1
    return [f'"{", ".join(words[at : at + size])}"' for at in range(0, len(words), size)]


def _value(attribute: Attribute, text: str) -> str:
    """The value of a simple attribute: a sum as a number, a function in quotes."""
    if attribute.name in FUNCTIONS:
        return f'"{text}"'
    if attribute.name in WORDS:
        return text.lower()
    quoted = attribute.values[0].startswith('"')
    if liberty_numbers.is_number(text) or (quoted and attribute.name not in NUMBERS):
        return " ".join(map(_fold, attribute.values))
    try:
        return repr(liberty_numbers.evaluate(text))
    except ValueError:
        return " ".join(map(_fold, attribute.values))


def _fold(value: str) -> str:
    """A value on one line, without the quotes in its quotes that not every tool reads."""
    return f'"{ESCAPE.sub("", FOLD.sub(" ", value[1:-1]))}"' if value.startswith('"') else value
