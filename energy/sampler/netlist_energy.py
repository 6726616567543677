# SPDX-License-Identifier: Apache-2.0
"""Turn the toggles of a mapped netlist's nets into joules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nms.energy.sampler.power_library import PowerCell, PowerLibrary


@dataclass(frozen=True)
class OperatingPoint:
    """What the cell library does not say.

    Parameters
    ----------
    wire : capacitance of the wire to each input that a net drives, in farads
    voltage : supply, in volts; energies of transitions scale with its square, leakage in proportion
    frequency : of the clock, in hertz
    """

    wire: float
    voltage: float
    frequency: float


@dataclass(frozen=True)
class UncountedNets:
    """Nets of a module that drive cells but whose toggles are not counted: their number, and farads."""

    nets: int
    capacitance: float


class NetlistEnergy:
    """Energy of one module of a netlist, without the modules in it.

    Switching costs 1/2 C V^2 a toggle. C is the capacitance of the cell pins that the net drives in this
    module, with ``wire`` for each; of rise and fall the larger sum, as in OpenSTA. Nets of input ports are
    charged with the pins that they drive here, so that over a hierarchy every pin is charged once.

    Internal energy of an output's transition is the mean over rise and fall of the tables of its related
    pins, weighted by how often these toggle. That of an input's transition (``internal_power`` of the input
    itself) is charged for transitions that no output of the cell follows and, at a flip-flop, for all. A
    clock pin is charged two transitions a cycle; one behind a clock gate in the cycles in which it is open.

    A clock gate is charged its own clock pin as with a low enable, every cycle; in cycles in which it is
    open two transitions of its output; and its enable as an input of a flip-flop.

    Registers are the nets that flip-flops drive, and the flip-flops' pins; all else is combinational.

    Parameters
    ----------
    module : of Yosys' JSON; what is not a cell of the library is left out
    bits : numbers of the nets, in the order of their toggles

    Members
    -------
    capacitance : of each net in ``bits``, in farads
    clock_energy : joules a cycle of all clock pins that are not behind a clock gate
    gated_nets : the nets that clock gates drive
    open_energy : joules a cycle of each of these and what it clocks, while the gate is open
    gated_flip_flops : number of flip-flops behind clock gates
    leakage : watts
    uncounted : nets that drive cells but are not in ``bits``
    """

    def __init__(
        self, module: dict[str, Any], bits: Sequence[int], library: PowerLibrary, point: OperatingPoint
    ):
        self.library, self.point = library, point
        self.square = (point.voltage / library.voltage) ** 2
        self.place = {bit: at for at, bit in enumerate(bits)}
        self.size = len(self.place)
        cells = [c for c in module["cells"].values() if c["type"] in library.cells]
        gates = [c for c in cells if library.cells[c["type"]].enables]
        self.flip_flops = sum(library.cells[c["type"]].clocked for c in cells) - len(gates)
        self.gated_nets: list[int | str] = [
            bits[0]
            for cell in gates
            for pin, bits in cell["connections"].items()
            if library.cells[cell["type"]].pins[pin].direction == "output"
        ]
        self.leakage = sum(library.cells[c["type"]].leakage for c in cells) * point.voltage / library.voltage
        edges = np.zeros((self.size, 2))
        self.registered = np.zeros(self.size, bool)
        self.clock_capacitance = 0.0
        gated_capacitance = dict.fromkeys(self.gated_nets, 0.0)
        self.gated_flip_flops = 0
        uncounted: dict[int, float] = {}
        for cell in cells:
            known = library.cells[cell["type"]]
            for name, wires in cell["connections"].items():
                pin, bit = known.pins[name], wires[0]
                if pin.direction != "input":
                    if known.clocked and bit in self.place:
                        self.registered[self.place[bit]] = True
                    continue
                load = pin.capacitance + point.wire
                if pin.clock and bit in gated_capacitance:
                    gated_capacitance[bit] += load
                    self.gated_flip_flops += 1
                elif pin.clock:
                    self.clock_capacitance += load
                elif bit in self.place:
                    edges[self.place[bit]] += np.array(pin.edges) + point.wire
                elif isinstance(bit, int):
                    uncounted[bit] = uncounted.get(bit, 0.0) + load
        self.capacitance = edges.max(axis=1)
        self.uncounted = UncountedNets(len(uncounted), sum(uncounted.values()))
        self._collect_arcs(cells)
        self.open_energy = self._charge_gates(cells, gates, gated_capacitance)

    def _charge_gates(
        self, cells: list[dict[str, Any]], gates: list[dict[str, Any]], loads: dict[int | str, float]
    ) -> np.ndarray:
        """Joules of an open cycle by gate: its output, and the clock pins behind it."""
        inner = dict.fromkeys(loads, 0.0)
        for cell in gates:
            known = self.library.cells[cell["type"]]
            for name, bits in cell["connections"].items():
                if bits[0] in loads and known.clock in known.pins[name].energy:
                    load = np.array([loads[bits[0]]])
                    inner[bits[0]] += 2 * float(
                        known.pins[name].internal(known.clock, self.library.slew, load)[0]
                    )
        for cell in cells:
            known, wires = self.library.cells[cell["type"]], cell["connections"]
            if known.clocked and wires[known.clock][0] in inner:
                inner[wires[known.clock][0]] += self._clock_transitions(known, wires)
        return np.array(
            [inner[net] * self.square + loads[net] * self.point.voltage**2 for net in self.gated_nets]
        )

    def _clock_transitions(self, known: PowerCell, wires: dict[str, Any]) -> float:
        """Internal joules of two transitions of a cell's clock pin, at the library's voltage."""
        if "" not in known.pins[known.clock].energy:
            return 0.0
        ties = {name: bits[0] == "1" for name, bits in wires.items() if bits[0] in ("0", "1")}
        ties |= dict.fromkeys(known.enables, False)
        return 2 * self.library.input_energy(known.name, known.clock, ties)

    def _collect_arcs(self, cells: list[dict[str, Any]]) -> None:
        """Find the internal energy of every arc, at the load that its output drives."""
        input_energy = self.library.input_energy
        arcs: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
        owns: list[tuple[int, float, int]] = []
        clocks, groups = 0.0, 0
        self.answers: list[tuple[int, int]] = []
        for cell in cells:
            known, wires = self.library.cells[cell["type"]], cell["connections"]
            ties = {n: bits[0] == "1" for n, bits in wires.items() if bits[0] in ("0", "1")}
            outputs = [
                n for n in wires
                if known.pins[n].direction != "input" and wires[n][0] in self.place and not known.enables
            ]  # fmt: skip
            inputs = [
                n for n in wires
                if known.pins[n].direction == "input"
                and not known.pins[n].clock
                and wires[n][0] in self.place
            ]  # fmt: skip
            for output in outputs:
                tables = known.pins[output].energy
                related = ["clock"] if known.clocked else [n for n in inputs if n in tables]
                if known.clocked:
                    clocked = [n for n in tables if n in known.pins and known.pins[n].clock]
                    for name in clocked:
                        arcs.setdefault((known.name, output, name), []).append(
                            (self.place[wires[output][0]], -1)
                        )
                    continue
                for name in related:
                    arcs.setdefault((known.name, output, name), []).append(
                        (self.place[wires[output][0]], self.place[wires[name][0]])
                    )
            for name in inputs:
                if "" in known.pins[name].energy:
                    energy = input_energy(known.name, name, ties)
                    group = -1 if known.clocked else groups
                    owns.append((self.place[wires[name][0]], energy, group))
            if not known.clocked:
                self.answers += [(groups, self.place[wires[n][0]]) for n in outputs]
                groups += 1
            elif wires[known.clock][0] not in self.gated_nets:
                clocks += self._clock_transitions(known, wires)
        driven_by, related_to, energies = [], [], []
        for (kind, pin, name), places in arcs.items():
            driven = np.array([place for place, _ in places])
            driven_by.append(driven)
            related_to.append(np.array([place for _, place in places]))
            energies.append(
                self.library.cells[kind].pins[pin].internal(name, self.library.slew, self.capacitance[driven])
            )
        self.arc_output = np.concatenate(driven_by) if driven_by else np.zeros(0, int)
        self.arc_related = np.concatenate(related_to) if related_to else np.zeros(0, int)
        self.arc_energy = (np.concatenate(energies) if energies else np.zeros(0)) * self.square
        self.own_place = np.array([place for place, _, _ in owns], int)
        self.own_energy = np.array([energy for _, energy, _ in owns]) * self.square
        self.own_group = np.array([group for _, _, group in owns], int)
        self.groups = groups
        self.clock_energy = clocks * self.square + self.clock_capacitance * self.point.voltage**2

    def switching(self, toggles: np.ndarray) -> float:
        """Joules to charge and discharge the nets: the sum of 1/2 C V^2 over their toggles."""
        return float(0.5 * self.point.voltage**2 * (self.capacitance @ toggles))

    def energy(self, toggles: np.ndarray, cycles: int, opened: Sequence[int] = ()) -> dict[str, float]:
        """Joules of an interval by part, :data:`nms.energy.sampler.parts.NETLIST_PARTS`.

        ``toggles``: (nets,), in the order of ``bits``, in so many ``cycles``; ``opened``: in how many of
        them each gate is open, in the order of ``gated_nets``.
        """
        net = 0.5 * self.point.voltage**2 * self.capacitance * toggles
        parts = {
            "registers": float(net[self.registered].sum()),
            "combinational": float(net[~self.registered].sum()),
        }
        clocked = self.arc_related < 0
        parts["registers"] += float(self.arc_energy[clocked] @ toggles[self.arc_output[clocked]])
        free = ~clocked
        out, into = self.arc_output[free], self.arc_related[free]
        weight = np.bincount(out, toggles[into], self.size)
        energy = np.bincount(out, toggles[into] * self.arc_energy[free], self.size)
        answered = weight > 0
        parts["combinational"] += float(
            (energy[answered] / weight[answered] * np.minimum(toggles[answered], weight[answered])).sum()
        )
        if self.own_place.size:
            own = toggles[self.own_place]
            held = self.own_group < 0
            parts["registers"] += float(self.own_energy[held] @ own[held])
            group, place = self.own_group[~held], self.own_place[~held]
            asked = np.bincount(group, own[~held], self.groups)
            numbers = np.array(self.answers, int).reshape(-1, 2)
            answers = np.bincount(numbers[:, 0], toggles[numbers[:, 1]], self.groups)
            with np.errstate(divide="ignore", invalid="ignore"):
                alone = np.where(asked > 0, np.clip(1 - answers / asked, 0, 1), 0.0)
            parts["combinational"] += float((self.own_energy[~held] * toggles[place] * alone[group]).sum())
        parts["clock"] = self.clock_energy * cycles + float(self.open_energy @ np.array(opened, float))
        parts["leakage"] = self.leakage * cycles / self.point.frequency
        return parts
