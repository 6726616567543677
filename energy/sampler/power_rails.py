# SPDX-License-Identifier: Apache-2.0
"""Tell the ground of a cell from its supplies, by what the library itself says of them."""

from nms.synth import liberty_numbers
from nms.synth.liberty_text import Group, split

WELLS = ("pwell", "deeppwell")
"""Bodies at ground, if no voltage is given."""


def is_ground(power: Group, cell: Group, library: Group) -> bool:
    """Whether the rail that a power group names is ground: by its ``pg_pin`` or its ``voltage_map``.

    Raises
    ------
    UserError
        The library has neither.
    """
    rail = power.word("related_pg_pin")
    pin = next((pin for pin in cell.inner("pg_pin") if rail in pin.names), None)
    kind = pin.word("pg_type").lower() if pin is not None else ""
    if kind.endswith("ground"):
        return True
    if kind.endswith("power"):
        return False
    voltage = _voltage(library, pin.word("voltage_name") or rail if pin is not None else rail)
    if voltage is not None:
        return voltage == 0
    if kind:
        return kind in WELLS
    power.fail(
        f"related_pg_pin {rail!r}: is unknown; must be a pg_pin of the cell or have a voltage_map",
        power.find("related_pg_pin"),
    )


def _voltage(library: Group, rail: str) -> float | None:
    """What a ``voltage_map`` says of a rail, in the library's unit."""
    for attribute in library.attributes:
        if attribute.name == "voltage_map":
            name, *value = split(attribute.values)
            if name == rail:
                try:
                    return liberty_numbers.evaluate(" ".join(value))
                except ValueError as error:
                    library.fail(f"voltage_map ({attribute.text}): {error}", attribute)
    return None
