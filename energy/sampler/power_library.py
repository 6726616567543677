# SPDX-License-Identifier: Apache-2.0
"""Read what Liberty files say of power: pin capacitances, internal energy of transitions, leakage."""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product, takewhile
from pathlib import Path

import numpy as np
from liberty.parser import parse_boolean_function, parse_liberty
from liberty.types import Group
from scipy.interpolate import RegularGridInterpolator

from nms.contract.errors import UserError

PREFIXES = {"": 1.0, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
INPUT_SLEW = ("input_transition_time", "input_net_transition")
LOAD = ("total_output_net_capacitance",)


@dataclass(frozen=True)
class Table:
    """Joules of one transition by slew of the input (s) and load of the output (F), (slews, loads)."""

    slews: np.ndarray
    loads: np.ndarray
    energy: np.ndarray

    def __call__(self, slew: float, loads: np.ndarray) -> np.ndarray:
        """Joules at one slew and several loads: bilinear, clamped to the edges of the table."""
        if self.energy.size == 1:
            return np.full(len(loads), float(self.energy.reshape(-1)[0]))
        points = np.column_stack(
            [
                np.full(len(loads), np.clip(slew, self.slews[0], self.slews[-1])),
                np.clip(loads, self.loads[0], self.loads[-1]),
            ]
        )
        axes, kept = [], []
        for axis, values in enumerate((self.slews, self.loads)):
            if len(values) > 1:
                axes.append(values)
                kept.append(axis)
        return RegularGridInterpolator(axes, self.energy.squeeze())(points[:, kept])


@dataclass(frozen=True)
class InternalPower:
    """An ``internal_power`` group: its tables, and in which state of other pins they apply ("": any)."""

    when: str
    tables: tuple[Table, ...]

    def __call__(self, slew: float, loads: np.ndarray) -> np.ndarray:
        """Mean over rise and fall, in joules."""
        return np.mean([table(slew, loads) for table in self.tables], axis=0)


@dataclass(frozen=True)
class PowerPin:
    """A pin of a cell.

    Members
    -------
    edges : its capacitances (F) as it rises and as it falls
    function : of an output, else empty
    energy : of its transitions, by related pin; "" for what the pin's own transition costs
    """

    direction: str
    edges: tuple[float, float]
    clock: bool
    function: str
    energy: dict[str, list[InternalPower]] = field(default_factory=dict)

    @property
    def capacitance(self) -> float:
        """The larger of the two capacitances, in farads."""
        return max(self.edges)

    def internal(self, related: str, slew: float, loads: np.ndarray) -> np.ndarray:
        """Mean over rise and fall, and over the states of the other pins, in joules."""
        return np.mean([power(slew, loads) for power in self.energy[related]], axis=0)


@dataclass(frozen=True)
class PowerCell:
    """A cell.

    Members
    -------
    leakage : in watts, mean over the states that the library lists
    held : name of a flip-flop's state and function of its next state; both empty for all other cells
    enables : pins that open a clock gate, those for test among them; none for all other cells
    """

    name: str
    leakage: float
    sequential: bool
    pins: dict[str, PowerPin]
    held: tuple[str, str] = ("", "")
    enables: tuple[str, ...] = ()

    @property
    def clocked(self) -> bool:
        """Whether it is a flip-flop, a latch or a clock gate."""
        return self.sequential or bool(self.enables)

    @property
    def clock(self) -> str:
        """The clock pin of a flip-flop or a clock gate.

        Raises
        ------
        UserError
            The library names none.
        """
        for name, pin in self.pins.items():
            if pin.clock:
                return name
        raise UserError(f"liberty cell {self.name!r}: holds state, but has no pin with clock : true")

    def states(self, ties: Mapping[str, bool]) -> Iterator[dict[str, bool]]:
        """Values of a flip-flop's pins wherever it keeps its state, with some inputs tied.

        Of a clock gate, those with its output low.
        """
        state, following = self.held
        inputs = [name for name, pin in self.pins.items() if pin.direction == "input"]
        names = inputs if self.enables else [*inputs, state]
        for values in product((False, True), repeat=len(names)):
            found = dict(zip(names, values, strict=True))
            if any(found[name] != value for name, value in ties.items() if name in found):
                continue
            if self.enables:
                yield {name: found.get(name, False) for name in self.pins}
                continue
            if _evaluate(following, found) != found[state]:
                continue
            shown = {name: pin.function for name, pin in self.pins.items() if pin.function}
            for name, function in shown.items():
                found[name] = found[state] == (function == state)
            yield found


def _evaluate(function: str, values: Mapping[str, bool]) -> bool:
    """Evaluate a Liberty function, given the values of its pins."""
    return bool(parse_boolean_function(function).subs(dict(values)))


def _parse_unit(text: str) -> float:
    """Parse a unit: ``1pW`` is 1e-12."""
    text = str(text).strip('" ')
    digits = "".join(c for c in text if c.isdigit() or c in ".e-")
    letters = text[len(digits) :]
    return float(digits) * PREFIXES[letters[:-1] if len(letters) > 1 else ""]


def _word(value: object) -> str:
    return str(value).strip('"').strip()


class PowerLibrary:
    """The cells of one or more Liberty files at one voltage.

    Internal energies are in the files' capacitance unit times volts squared, as Liberty defines it. Where a
    file has a table for each supply rail, those of ground are left out: they describe the same charge.

    Parameters
    ----------
    files : Liberty files, also .gz

    Members
    -------
    name : what the libraries' names have in common
    voltage : nominal, in volts
    slew : of the inputs, in seconds, at which tables are read: the median of the tables' second points

    Raises
    ------
    UserError
        A file is not readable or lacks a unit, their voltages differ, or none has ``internal_power``.
    """

    def __init__(self, files: Sequence[Path]):
        self.cells: dict[str, PowerCell] = {}
        self.texts: list[str] = []
        self._input_energy: dict[tuple[str, str, frozenset[tuple[str, bool]]], float] = {}
        names: list[str] = []
        voltages: set[float] = set()
        slews: list[float] = []
        for file in files:
            try:
                raw = file.read_bytes()
                text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode()
                root = parse_liberty(text)
                self.texts.append(text)
            except Exception as error:  # the parser raises what its grammar raises
                raise UserError(
                    f"liberty {str(file)!r}: not readable ({str(error).splitlines()[0]})"
                ) from None
            names.append(_word(root.args[0]))
            self._read(root, file, slews)
            voltages.add(float(root["nom_voltage"]))
        given = ", ".join(map(str, files))
        if len(voltages) != 1:
            raise UserError(f"liberty {given}: nominal voltages {sorted(voltages)}; must be one voltage")
        shared = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
        self.name = "".join(letters[0] for letters in shared).rstrip("_") or names[0]
        self.voltage = voltages.pop()
        if not slews:
            raise UserError(f"liberty {given}: has no internal_power; must have power tables")
        self.slew = float(np.median(slews))

    def _read(self, root: Group, file: Path, slews: list[float]) -> None:
        needed = ("capacitive_load_unit", "leakage_power_unit", "time_unit", "nom_voltage")
        for name in needed:
            if root.get(name) is None:
                raise UserError(f"liberty {str(file)!r}: has no {name}; must have {', '.join(needed)}")
        scale, unit = root["capacitive_load_unit"]
        farad = float(scale) * PREFIXES[_word(unit).lower().removesuffix("f")]
        watt, second = _parse_unit(root["leakage_power_unit"]), _parse_unit(root["time_unit"])
        templates = {_word(g.args[0]): g for kind in ("power_lut_template",) for g in root.get_groups(kind)}
        for group in root.get_groups("cell"):
            cell = _Reader(farad, watt, second, templates).cell(group)
            self.cells[cell.name] = cell
            for pin in cell.pins.values():
                tables = (t for powers in pin.energy.values() for power in powers for t in power.tables)
                slews += [table.slews[1] for table in tables if len(table.slews) > 1]

    def input_energy(self, cell: str, pin: str, ties: Mapping[str, bool] | None = None) -> float:
        """Joules of a transition of an input that no output follows, mean over rise and fall.

        For a flip-flop, the mean over the states in which it keeps its state, with the inputs of ``ties``
        tied, and for a clock gate, over those with a low output; for other cells, over the states that the
        library lists.
        """
        key = (cell, pin, frozenset((ties or {}).items()))
        if key not in self._input_energy:
            known, no_load = self.cells[cell], np.zeros(1)
            powers = known.pins[pin].energy[""]
            if not known.held[1] and not known.enables:
                self._input_energy[key] = float(known.pins[pin].internal("", self.slew, no_load)[0])
            else:
                self._input_energy[key] = float(
                    np.mean([self._in_state(powers, state) for state in known.states(ties or {})])
                )
        return self._input_energy[key]

    def _in_state(self, powers: Sequence[InternalPower], state: Mapping[str, bool]) -> float:
        """Joules in one state: the groups for this state or, if there are none, those for any state."""
        special = [power for power in powers if power.when and _evaluate(power.when, state)]
        chosen = special or [power for power in powers if not power.when]
        return float(sum(power(self.slew, np.zeros(1))[0] for power in chosen))


class _Reader:
    """Reads the cells of one file in its units."""

    def __init__(self, farad: float, watt: float, second: float, templates: dict[str, Group]):
        self.farad, self.watt, self.second, self.templates = farad, watt, second, templates

    def cell(self, group: Group) -> PowerCell:
        pins = {_word(pin.args[0]): self._pin(pin) for pin in group.get_groups("pin")}
        for bundle in group.get_groups("bundle"):
            pins |= {_word(pin.args[0]): self._pin(pin) for pin in bundle.get_groups("pin")}
        states = [
            float(state["value"])
            for state in group.get_groups("leakage_power")
            if "VSS" not in _word(state.get("related_pg_pin") or "")
            and "VGND" not in _word(state.get("related_pg_pin") or "")
            and state.get("when") is not None
        ]
        whole = group.get("cell_leakage_power")
        leakage = float(np.mean(states)) if states else float(whole if whole is not None else 0.0)
        flip_flops = group.get_groups("ff")
        held = ("", "")
        if flip_flops:
            held = (_word(flip_flops[0].args[0]), _word(flip_flops[0].get("next_state") or ""))
        enables: tuple[str, ...] = ()
        if group.get("clock_gating_integrated_cell") is not None:
            enables = tuple(_word(pin.args[0]) for pin in group.get_groups("pin") if self._enables(pin))
        sequential = bool(flip_flops or group.get_groups("latch"))
        return PowerCell(_word(group.args[0]), leakage * self.watt, sequential, pins, held, enables)

    @staticmethod
    def _enables(pin: Group) -> bool:
        """Whether a pin of a clock gate opens it."""
        return any(_word(pin.get(f"clock_gate_{role}_pin") or "") == "true" for role in ("enable", "test"))

    def _pin(self, group: Group) -> PowerPin:
        energy: dict[str, list[InternalPower]] = {}
        for power in group.get_groups("internal_power"):
            rail = _word(power.get("related_pg_pin") or "")
            if rail in ("VSS", "VGND", "GND"):
                continue
            for related in _word(power.get("related_pin") or "").split() or [""]:
                tables = tuple(
                    self._table(g)
                    for g in power.groups
                    if g.group_name in ("rise_power", "fall_power", "power")
                )
                energy.setdefault(related, []).append(InternalPower(_word(power.get("when") or ""), tables))
        return PowerPin(
            _word(group.get("direction") or ""),
            (self._capacitance(group, "rise"), self._capacitance(group, "fall")),
            any(_word(group.get(name) or "") == "true" for name in ("clock", "clock_gate_clock_pin")),
            _word(group.get("function") or "") if _word(group.get("direction") or "") == "output" else "",
            energy,
        )

    def _capacitance(self, group: Group, edge: str) -> float:
        found = group.get(f"{edge}_capacitance")
        return float((group.get("capacitance") or 0.0) if found is None else found) * self.farad

    def _table(self, group: Group) -> Table:
        values = np.atleast_2d(group.get_array("values")).astype(float) * self.farad
        template = self.templates.get(_word(group.args[0]) if group.args else "scalar")
        if template is None or values.size == 1:
            return Table(np.zeros(1), np.zeros(1), values[:1, :1])
        axes = []
        for number in (1, 2):
            variable = template.get(f"variable_{number}")
            if variable is None:
                continue
            own = group if group.get(f"index_{number}") is not None else template
            axes.append((_word(variable), np.ravel(own.get_array(f"index_{number}")).astype(float)))
        if len(axes) == 1:
            name, points = axes[0]
            if name in LOAD:
                return Table(np.zeros(1), points * self.farad, values.reshape(1, -1))
            return Table(points * self.second, np.zeros(1), values.reshape(-1, 1))
        (first, x), (_, y) = axes
        if first in LOAD:
            values, x, y = values.T, y, x
        return Table(x * self.second, y * self.farad, values)
