# SPDX-License-Identifier: Apache-2.0
"""What the groups of a cell say, checked: its functions, its pins and what these relate to."""

import re

from nms.synth.liberty_file import SEVERAL
from nms.synth.liberty_functions import BooleanFunction
from nms.synth.liberty_text import Attribute, Group

MULTIPLE = frozenset(("bus", "ff_bank", "latch_bank", "memory"))
"""Groups of cells of several bits."""

STATES = frozenset(("ff", "latch", "statetable"))
FUNCTIONS = frozenset(
    ("function", "three_state", "next_state", "clocked_on", "clear", "preset", "enable", "data_in")
)
"""Attributes that are Boolean functions."""

DIRECTIONS = ("input", "output", "inout", "internal")
"""Directions of pins."""


def is_multiple(cell: Group) -> bool:
    """Whether a cell has several bits that belong together, which its functions may take as one."""
    together = {bundle.name for bundle in cell.inner("bundle")}
    pins = [pin for pin in cell.inner("pin") if "[" in pin.name or together & _named(pin.word("function"))]
    return bool(pins) or any(True for _ in cell.inner(*MULTIPLE))


def _named(function: str) -> set[str]:
    return set(re.findall(r"\w+", function))


def check_cell(cell: Group) -> None:
    """Check a cell's area, the directions of its pins, and its functions.

    Raises
    ------
    UserError
        One of them is not understood.
    """
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


def read_direction(pin: Group) -> str:
    """The direction of a pin, one of :data:`DIRECTIONS`.

    Raises
    ------
    UserError
        It has none of these.
    """
    direction = pin.word("direction").lower()
    if direction not in DIRECTIONS:
        pin.fail(f"direction {direction!r}: must be one of {', '.join(DIRECTIONS)}", pin.find("direction"))
    return direction


def list_related(group: Group, cell: Group) -> list[str]:
    """The pins of a cell that a group is related to; of a bus or a bundle, all of them.

    Raises
    ------
    UserError
        The cell has no such pin.
    """
    pins = {pin.name: [pin.name] for pin in cell.inner("pin")}
    pins |= {pin.name: pin.words("members") for pin in cell.inner(*SEVERAL)}
    found = []
    for attribute in ("related_pin", "related_bus_pins"):
        for name in group.words(attribute):
            if name not in pins:
                group.fail(f"{attribute} {name!r}: the cell has no such pin", group.find(attribute))
            found += pins[name]
    return found


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
