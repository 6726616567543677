# SPDX-License-Identifier: Apache-2.0
"""Estimate the energy of a run by block, phase and part, from counted toggles and memory accesses."""

from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.contract.readout import Phase
from nms.energy.sampler.fit import Coefficients
from nms.energy.sampler.gate_reference import sum_by_block
from nms.energy.sampler.gate_sim import Bit
from nms.energy.sampler.netlist_energy import NetlistEnergy, OperatingPoint
from nms.energy.sampler.netlists import MappedBlocks
from nms.energy.sampler.on_chip_memory import OnChipMemoryModel
from nms.energy.sampler.parts import SAMPLER_PARTS
from nms.energy.sampler.power_library import PowerLibrary
from nms.sim.activity.instrument import KINDS
from nms.sim.activity.intervals import Activity
from nms.sim.activity.toggles import Mean, estimate


@dataclass(frozen=True)
class BlockEnergy:
    """All instances of one block: joules by (phase, part), and what an instance has of clock gates."""

    module: str
    instances: int
    energy: np.ndarray
    flip_flops: int
    gated_flip_flops: int
    clock_gates: int


@dataclass(frozen=True)
class EnergyEstimate:
    """Energy of one run.

    Members
    -------
    blocks : joules by phase and part
    at_rest : joules by phase of clock and of memories, (phases, 2), in intervals in which a block is at rest:
        neither its registers nor the values read from its memories change
    errors : joules a cycle by phase, all blocks together, with their standard errors
    lengths : cycles by phase
    """

    blocks: list[BlockEnergy]
    at_rest: np.ndarray
    errors: dict[Phase, Mean]
    lengths: dict[Phase, int]

    @property
    def table(self) -> np.ndarray:
        """Joules, (blocks, phases, parts)."""
        return np.array([block.energy for block in self.blocks])

    def phase(self, phase: Phase) -> float:
        """Joules of a phase."""
        return float(self.table[:, list(self.lengths).index(phase)].sum())

    @property
    def total(self) -> float:
        """Joules of the run."""
        return float(self.table.sum())


def estimate_energy(
    activity: Activity,
    mapped: MappedBlocks,
    coefficients: dict[str, Coefficients],
    opened: dict[str, dict[Bit, np.ndarray]],
    library: PowerLibrary,
    memory: OnChipMemoryModel,
    point: OperatingPoint,
) -> EnergyEstimate:
    """Energy of a run by block, phase and part.

    Registers and logic cost toggles times ``coefficients``. Clock and leakage are those of the
    configuration's own netlist, times the cycles, and behind clock gates times those in which these are open
    (:func:`nms.energy.sampler.gate_reference.count_open_cycles`), in all instances as often as in the
    first. Memories cost their accesses times joules by size. A
    phase is the weighted sum of its intervals.

    Raises
    ------
    UserError
        A block toggles but has no coefficients.
    """
    design, recording = activity.design, activity.recording
    toggles = sum_by_block(design, recording)
    cycles = recording.cycles
    intervals: dict[str, np.ndarray] = {}
    instances: dict[str, int] = {}
    at_rest = np.zeros((len(cycles), 2))
    resting: dict[str, np.ndarray] = {}
    gates = {
        module: NetlistEnergy(mapped.modules[module], [], library, point)
        for module in mapped.modules
        if module in design.nets
    }
    for path, module in design.instances.items():
        if "__" in module:
            continue
        instances[module] = instances.get(module, 0) + 1
        sums = intervals.setdefault(module, np.zeros((len(cycles), len(SAMPLER_PARTS))))
        changes = toggles.get(path)
        if changes is not None and changes.any():
            if module not in coefficients:
                raise UserError(
                    f"block {module}: toggles, but did not in the run to which coefficients are fitted"
                )
            sums[:, :2] += coefficients[module].energy(changes)
        clock = gates[module].clock_energy * cycles
        if gates[module].gated_nets:
            counts = np.stack([opened[module][net] for net in gates[module].gated_nets], axis=1)
            clock = clock + counts @ gates[module].open_energy
        sums[:, 2] += clock
        resting[path] = np.ones(len(cycles), bool)
        if changes is not None:
            resting[path] &= ~changes[:, :, :2].any(axis=(1, 2))
        at_rest[:, 0] += np.where(resting[path], clock, 0.0)
        sums[:, 4] += gates[module].leakage * cycles / point.frequency
    for path, values in recording.sums.items():
        at = len(KINDS)
        for found in design.nets[design.instances[path]].memories:
            block = design.block_of(path)
            sums = intervals[design.instances[block]]
            sums[:, 4] += found.bits * memory.leakage_bit * cycles / point.frequency
            for port in found.ports:
                joules = memory.access(found.depth, found.width, found.synchronous, port.writes, port.bits)
                sums[:, 3] += values[:, at] * joules
                at_rest[:, 1] += np.where(resting[block], values[:, at] * joules, 0.0)
                at += 1

    def by_phase(values: np.ndarray) -> np.ndarray:
        """Sums over whole phases, (phases, ...), from intervals, (intervals, ...)."""
        return np.array(
            [activity.weights[at] @ values[at] for at in map(activity.intervals, activity.phases)]
        )

    blocks = [
        BlockEnergy(
            module,
            instances[module],
            by_phase(sums),
            gates[module].flip_flops,
            gates[module].gated_flip_flops,
            len(gates[module].gated_nets),
        )
        for module, sums in intervals.items()
    ]
    total = np.sum(list(intervals.values()), axis=0)
    errors = {
        phase: estimate(total[at].sum(axis=1), cycles[at], activity.weights[at])
        for phase in activity.phases
        for at in [activity.intervals(phase)]
    }
    return EnergyEstimate(blocks, by_phase(at_rest), errors, activity.lengths)
