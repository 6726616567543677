# SPDX-License-Identifier: Apache-2.0
"""Write a library in a plain spelling that Yosys, abc and OpenSTA all read, and read alike.

What the text means stays, and so does every number of a table, letter by letter.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from nms.synth import liberty_numbers
from nms.synth.liberty_cells import FUNCTIONS, check_cell, is_multiple, list_related
from nms.synth.liberty_file import NAME, SEVERAL
from nms.synth.liberty_tables import find_templates, read_table
from nms.synth.liberty_text import FOLD, Attribute, Group, split
from nms.synth.liberty_units import SYMBOLS, Units, read_units, spell

UNUSED = frozenset(
    ("internal_power", "leakage_power", "output_current_rise", "output_current_fall", "receiver_capacitance")
)
"""Groups that mapping and timing do not use, and that are most of a large file."""

WORDS = frozenset(("direction", "timing_sense", "timing_type", "pg_type", "delay_model"))
"""Attributes whose value is one of a few words, which the tools want in lower case."""

NUMBERS = frozenset(("area", "capacitance", "rise_capacitance", "fall_capacitance", "nom_voltage"))
"""Attributes that are numbers in quotes, too."""

FLAGS = frozenset(("clock", "dont_use"))
"""Attributes that are written if they are true alone: abc takes any ``dont_use`` for true."""

USUAL = frozenset(
    (
        "input_net_transition", "total_output_net_capacitance", "constrained_pin_transition",
        "related_pin_transition",
    )
)  # fmt: skip
"""Axes of tables with two; abc reads no table with three."""

AXIS = re.compile(r"(variable|index)_(\d)")
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
        load = library.number("default_input_pin_cap")
        self.load = [] if load is None else [Attribute("capacitance", [repr(load)], True, library.at)]
        self.lines: list[str] = []
        name = library.name if NAME.fullmatch(library.name) else "cells"
        rest = [each for each in library.attributes if each.name not in SYMBOLS]
        units = _list_units(library, read_units(library))
        self._write(_replace(library, [*units, *rest]), f"library ({name})", "", self._library_group)

    def _write(self, group: Group, head: str, indent: str, inner: Callable[[Group], None]) -> None:
        """Write a group in the order of the file, as OpenSTA finds names; ``inner`` writes groups."""
        self.lines.append(f"{indent}{head} {{")
        items: list[Attribute | Group] = [*group.attributes, *group.groups]
        for item in sorted(items, key=lambda item: item.at):
            if isinstance(item, Group):
                inner(item)
            else:
                self._attribute(group, item, indent + "  ")
        self.lines.append(f"{indent}}}")

    def _library_group(self, group: Group) -> None:
        if group.kind != "cell":
            self._group(group, "  ")
        elif not is_multiple(group):
            check_cell(group)
            self._write(group, _head(group), "  ", partial(self._cell_group, group))

    def _cell_group(self, cell: Group, group: Group) -> None:
        if group.kind != "pin":
            self._group(group, "    ")
            return
        attributes = group.attributes
        if group.word("direction").lower() == "input" and not _has_load(group):
            attributes = [*attributes, *self.load]
        pin = _replace(group, attributes)
        self._write(pin, _head(pin), "    ", partial(self._pin_group, cell))

    def _pin_group(self, cell: Group, group: Group) -> None:
        """Write a group of a pin; one of delays for each pin that it is related to."""
        related = list_related(group, cell) if group.kind == "timing" else []
        for each in [_relate(group, name) for name in related] if len(related) > 1 else [group]:
            self._group(each, "      ")

    def _group(self, group: Group, indent: str) -> None:
        if group.kind in self.dropped:
            return
        if group.kind in DELAYS:
            group = self._flatten_table(group)
        elif group.kind == "lu_table_template" and group.find("variable_3") is not None:
            group = _drop_axis(group, _other_axis([group.word(f"variable_{n}") for n in (1, 2, 3)]))
        self._write(group, _head(group), indent, lambda inner: self._group(inner, indent + "  "))

    def _flatten_table(self, table: Group) -> Group:
        """A table in rows, of three axes where the one that is neither slew nor load has its first point."""
        axes, _ = read_table(table, self.templates)
        found = table.find("values")
        words = np.array(split(found.values) if found is not None else [], object)
        words = words.reshape([len(axis.points) for axis in axes] or [1])
        if len(axes) > 2:
            other = _other_axis([axis.variable for axis in axes])
            words, table = np.take(words, 0, other), _drop_axis(table, other)
        rows = [f'"{", ".join(row)}"' for row in words.reshape(-1, words.shape[-1])]
        values = [
            Attribute("values", rows, False, each.at) for each in table.attributes if each.name == "values"
        ]
        return _replace(table, [each for each in table.attributes if each.name != "values"] + values)

    def _attribute(self, group: Group, attribute: Attribute, indent: str) -> None:
        name, text = attribute.name, attribute.text.strip()
        if not attribute.simple:
            values = attribute.values
            if name.startswith("index_"):
                values = [f'"{", ".join(split(values))}"']
            self.lines.append(f"{indent}{name} ({', '.join(map(_fold, values))});")
        elif name in FLAGS:
            if group.flag(name):
                self.lines.append(f"{indent}{name} : true;")
        elif text:
            self.lines.append(f"{indent}{name} : {_value(attribute, text)};")


def _list_units(library: Group, units: Units) -> Iterator[Attribute]:
    for name in SYMBOLS:
        found = library.find(name)
        if found is None:
            continue
        if name == "capacitive_load_unit":
            symbol, size = ("ff", 1e-15) if "ff" in found.text.lower() else ("pf", 1e-12)
            yield Attribute(name, [f"{units.farad / size:.9g}", symbol], False, library.at)
        else:
            yield Attribute(name, [f'"{spell(library, name)}"'], True, library.at)


def _head(group: Group) -> str:
    return f"{group.kind} ({', '.join(map(_fold, group.values))})"


def _relate(timing: Group, name: str) -> Group:
    """Delays from one pin."""
    rest = [each for each in timing.attributes if each.name not in ("related_pin", "related_bus_pins")]
    return _replace(timing, [Attribute("related_pin", [f'"{name}"'], True, timing.at), *rest])


def _other_axis(variables: Sequence[str]) -> int:
    """The axis of three that is neither slew nor load."""
    return next((n for n, variable in enumerate(variables) if variable.lower() not in USUAL), 2)


def _drop_axis(group: Group, axis: int) -> Group:
    """A template or a table without one of its axes, counted from 0."""
    kept = []
    for each in group.attributes:
        found = AXIS.fullmatch(each.name)
        if found is None:
            kept.append(each)
        elif int(found[2]) != axis + 1:
            number = int(found[2]) - (int(found[2]) > axis + 1)
            kept.append(Attribute(f"{found[1]}_{number}", each.values, each.simple, each.at))
    return _replace(group, kept)


def _replace(group: Group, attributes: list[Attribute]) -> Group:
    """A group with other attributes."""
    return Group(group.source, group.outer, group.kind, group.values, group.at, attributes, group.groups)


def _has_load(pin: Group) -> bool:
    return any(pin.find(f"{edge}capacitance") is not None for edge in ("", "rise_", "fall_"))


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
