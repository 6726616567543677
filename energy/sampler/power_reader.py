# SPDX-License-Identifier: Apache-2.0
"""Read the cells of a library: what their power groups say, in farads, joules, watts and seconds."""

import numpy as np

from nms.energy.sampler.power_cells import Held, InternalPower, PowerCell, PowerPin, Table
from nms.energy.sampler.power_rails import is_ground
from nms.synth.liberty_cells import check_function, is_multiple, known_names, list_related, read_direction
from nms.synth.liberty_functions import BooleanFunction
from nms.synth.liberty_tables import find_templates, read_table
from nms.synth.liberty_text import Group
from nms.synth.liberty_units import read_units

SLEW, LOAD, OTHER_LOAD = "slew of the input", "load of the output", "load of the opposite output"
VARIABLES = {
    "input_transition_time": SLEW,
    "input_net_transition": SLEW,
    "total_output_net_capacitance": LOAD,
    "equal_or_opposite_output_net_capacitance": OTHER_LOAD,
}
"""What the axes of power tables may be."""

TABLES = ("rise_power", "fall_power", "power")


class PowerReader:
    """Reads the cells of one library in its units."""

    def __init__(self, library: Group):
        self.library, self.units, self.templates = library, read_units(library), find_templates(library)
        self.defaults = {
            direction: library.number(f"default_{direction}_pin_cap")
            for direction in ("input", "output", "inout")
        }

    def cell(self, group: Group) -> PowerCell:
        for power in group.inner("internal_power"):
            power.fail("is in a cell; must be in a pin, with related_pin")
        known = None if is_multiple(group) else known_names(group)
        flip_flop = next(group.inner("ff"), None)
        held, clocks = None, frozenset(pin.name for pin in group.inner("pin") if self._is_clock(pin))
        if flip_flop is not None:
            held = self._held(flip_flop, known)
            clocks = clocks or self._clocks(flip_flop, known)
        pins = {pin.name: self._pin(group, pin, known, pin.name in clocks) for pin in group.inner("pin")}
        enables: tuple[str, ...] = ()
        if group.find("clock_gating_integrated_cell") is not None:
            enables = tuple(pin.name for pin in group.inner("pin") if self._is_enable(pin))
        sequential = any(True for _ in group.inner("ff", "latch"))
        return PowerCell(
            group.place, group.name, self._leakage(group, known), sequential, pins, held, enables
        )

    @staticmethod
    def _is_clock(pin: Group) -> bool:
        return pin.flag("clock") or pin.flag("clock_gate_clock_pin")

    @staticmethod
    def _is_enable(pin: Group) -> bool:
        """Whether a pin of a clock gate opens it."""
        return pin.flag("clock_gate_enable_pin") or pin.flag("clock_gate_test_pin")

    @staticmethod
    def _clocks(flip_flop: Group, known: set[str] | None) -> frozenset[str]:
        """The pins that clock a flip-flop, whose own groups do not say so."""
        function = _function(flip_flop, "clocked_on", known)
        return function.names if function is not None else frozenset()

    @staticmethod
    def _held(flip_flop: Group, known: set[str] | None) -> Held:
        state, complement = (*flip_flop.names, "", "")[:2]
        return Held(state, complement, _function(flip_flop, "next_state", known))

    def _leakage(self, cell: Group, known: set[str] | None) -> float | None:
        """Watts: the sum over supplies of the mean over states, or else what the cell or the library says."""
        in_state: dict[str, list[float]] = {}
        in_any: dict[str, list[float]] = {}
        for group in cell.inner("leakage_power"):
            value = group.number("value")
            if value is None:
                group.fail("has no value")
            rail = group.word("related_pg_pin")
            if rail and is_ground(group, cell, self.library):
                continue
            found = in_any if _function(group, "when", known) is None else in_state
            found.setdefault(rail, []).append(value)
        whole = cell.number("cell_leakage_power")
        chosen = in_state or in_any
        if "" in chosen and len(chosen) > 1:
            cell.fail("some leakage_power has a related_pg_pin, some has none; must be all or none")
        if in_state or (in_any and whole is None):
            whole = sum(float(np.mean(values)) for values in chosen.values())
        if whole is None:
            whole = self.library.number("default_cell_leakage_power")
        area, density = cell.number("area"), self.library.number("default_leakage_power_density")
        if whole is None and area is not None and density is not None:
            whole = area * density
        return None if whole is None else whole * self.units.watt

    def _pin(self, cell: Group, pin: Group, known: set[str] | None, clock: bool) -> PowerPin:
        energy: dict[str, list[InternalPower]] = {}
        for power in pin.inner("internal_power"):
            rail = power.word("related_pg_pin")
            if rail and is_ground(power, cell, self.library):
                continue
            when = _function(power, "when", known)
            tables = tuple(self._table(table) for table in power.inner(*TABLES))
            if not tables:
                power.fail(f"has no table; must have {', '.join(TABLES)}")
            for related in list_related(power, cell) or [""]:
                powers = energy.setdefault(related, [])
                powers.append(InternalPower(when, rail, tables))
                if any(bool(each.rail) != bool(rail) for each in powers):
                    power.fail("some internal_power has a related_pg_pin, some has none; must be all or none")
        direction = read_direction(pin)
        function = _function(pin, "function", known) if direction == "output" else None
        return PowerPin(pin.place, direction, self._capacitances(pin, direction), clock, function, energy)

    def _capacitances(self, pin: Group, direction: str) -> tuple[float, float] | None:
        whole = pin.number("capacitance")
        rise, fall = (pin.number(f"{edge}_capacitance") for edge in ("rise", "fall"))
        for other in (rise, fall, self.defaults.get(direction)):
            whole = other if whole is None else whole
        if whole is None:
            return None
        edges = [whole if edge is None else edge for edge in (rise, fall)]
        if min(edges) < 0:
            pin.fail(f"capacitance {min(edges):g}: must be 0 or more")
        return edges[0] * self.units.farad, edges[1] * self.units.farad

    def _table(self, group: Group) -> Table:
        axes, values = read_table(group, self.templates)
        kinds = []
        for axis in axes:
            kind = VARIABLES.get(axis.variable)
            if kind is None or kind in kinds:
                group.fail(f"variable {axis.variable!r}: must be one each of {', '.join(VARIABLES)}")
            kinds.append(kind)
        points = {kind: axis.points for kind, axis in zip(kinds, axes, strict=True)}
        order = [kinds.index(kind) for kind in (SLEW, LOAD, OTHER_LOAD) if kind in kinds]
        energy = values.transpose(order) * self.units.joule
        if OTHER_LOAD in kinds:
            energy = energy[..., 0]
        slews, loads = (points.get(kind, np.zeros(1)) for kind in (SLEW, LOAD))
        return Table(
            slews * self.units.second, loads * self.units.farad, energy.reshape(len(slews), len(loads))
        )


def _function(group: Group, name: str, known: set[str] | None) -> BooleanFunction | None:
    """The function that an attribute is, or ``None`` if it is absent or one of several bits together."""
    found = group.find(name)
    if found is None or known is None or not found.text.strip():
        return None
    return check_function(group, found, known)
