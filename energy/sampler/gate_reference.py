# SPDX-License-Identifier: Apache-2.0
"""Measure blocks at gate level: the energy of their netlists beside their toggles in the RTL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nms.energy.sampler import gate_sim
from nms.energy.sampler.fit import BlockSample
from nms.energy.sampler.netlist_energy import NetlistEnergy, OperatingPoint
from nms.energy.sampler.netlists import MappedBlocks
from nms.energy.sampler.parts import FITTED_PARTS
from nms.energy.sampler.power_library import PowerLibrary
from nms.sim.activity.instrument import KINDS, InstrumentedDesign
from nms.sim.activity.intervals import Activity
from nms.sim.activity.toggles import Recording


def sum_by_block(design: InstrumentedDesign, recording: Recording) -> dict[str, np.ndarray]:
    """Toggles (intervals, modules, kinds) by block: its own, then those of nested modules, sorted by path."""
    found: dict[str, list[np.ndarray]] = {}
    for path in sorted(recording.sums):
        found.setdefault(design.block_of(path), []).append(recording.sums[path][:, : len(KINDS)])
    return {block: np.stack(parts, axis=1) for block, parts in found.items()}


@dataclass(frozen=True)
class GateReference:
    """Blocks at gate level: what coefficients are fitted to.

    Members
    -------
    samples : toggles in the RTL and energy of the netlist, by block
    coverage : share of the netlist's pin capacitance whose toggles are known, by block
    compared : registers whose next values were compared with the RTL's, and match
    """

    samples: dict[str, BlockSample]
    coverage: dict[str, float]
    compared: int


def measure_blocks(
    activity: Activity,
    mapped: MappedBlocks,
    library: PowerLibrary,
    point: OperatingPoint,
    tell: Callable[[str], None],
) -> GateReference:
    """Energy of the first instance of every block from its netlist, beside its toggles in the RTL.

    Raises
    ------
    RuntimeError
        A netlist does not match the RTL.
    """
    design, recording = activity.design, activity.recording
    toggles = sum_by_block(design, recording)
    cells = gate_sim.read_cells(mapped.cells)
    lengths = recording.cycles.tolist()
    time = gate_sim.Timeline(recording.intervals)
    samples, coverage, compared = {}, {}, 0
    for path, module, nets in _evaluate(activity, mapped, cells, time, list(mapped.modules), tell):
        compared += nets.compared
        bits = sorted(nets.values)
        netlist = NetlistEnergy(mapped.modules[module], bits, library, point)
        changes = time.toggles([nets.values[bit] for bit in bits])
        opened = time.count([nets.opens[net] for net in netlist.gated_nets])
        parts = [
            netlist.energy(row, length, opens)
            for row, length, opens in zip(changes, lengths, opened, strict=True)
        ]
        missing = np.isin(bits, list(nets.unknown))
        whole = netlist.capacitance.sum()
        coverage[module] = float(1 - netlist.capacitance[missing].sum() / whole) if whole else 1.0
        energy = np.array([[part[name] for name in FITTED_PARTS] for part in parts])
        samples[module] = BlockSample(
            toggles.get(path, np.zeros((len(lengths), 1, len(KINDS)))), energy, recording.cycles
        )
    return GateReference(samples, coverage, compared)


def count_open_cycles(
    activity: Activity, mapped: MappedBlocks, tell: Callable[[str], None]
) -> dict[str, dict[gate_sim.Bit, np.ndarray]]:
    """In how many cycles of each interval the clock gates of blocks are open, by block and gated net.

    These are the gates of a block's first instance; the activity must have its rows.

    Raises
    ------
    RuntimeError
        A netlist does not match the RTL.
    """
    cells = gate_sim.read_cells(mapped.cells)
    time = gate_sim.Timeline(activity.recording.intervals)
    blocks = list_gated(mapped)
    return {
        module: dict(zip(nets.opens, time.count(list(nets.opens.values())).T, strict=True))
        for _, module, nets in _evaluate(activity, mapped, cells, time, blocks, tell)
    }


def list_gated(mapped: MappedBlocks) -> list[str]:
    """The blocks that have clock gates."""
    gates = {name for name, logic in gate_sim.read_cells(mapped.cells).items() if logic.opens is not None}
    return [
        block
        for block, module in mapped.modules.items()
        if any(cell["type"] in gates for cell in module["cells"].values())
    ]


def _evaluate(
    activity: Activity,
    mapped: MappedBlocks,
    cells: dict[str, gate_sim.CellLogic],
    time: gate_sim.Timeline,
    blocks: list[str],
    tell: Callable[[str], None],
) -> Iterator[tuple[str, str, gate_sim.GateValues]]:
    """Evaluate the netlist of each block's first instance: path, block and values of the nets."""
    design, recording = activity.design, activity.recording
    for path, module in design.first_instances([name for name in blocks if name in design.nets]).items():
        if "__" in module:
            continue
        tell(f"evaluating the netlist of {module}")
        simulator = gate_sim.GateSimulator(mapped.modules[module], cells)
        nets = simulator.run(time.pack(recording.values_by_name(design, path)), time)
        if nets.mismatches:
            raise RuntimeError(f"block {module}: the netlist does not match the RTL in {nets.mismatches[:3]}")
        yield path, module, nets
