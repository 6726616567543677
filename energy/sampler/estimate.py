# SPDX-License-Identifier: Apache-2.0
"""Energy of a run of a sampler by block, phase and part, from counted toggles and accesses."""

from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.contract.readout import Phase
from nms.energy.sampler import PARTS
from nms.energy.sampler.fit import Coefficients
from nms.energy.sampler.gate_reference import toggles
from nms.energy.sampler.gates import GateModule, Options
from nms.energy.sampler.library import PowerLibrary
from nms.energy.sampler.memory import MemoryModel
from nms.energy.sampler.netlists import Netlists
from nms.sim.activity.instrument import KINDS
from nms.sim.activity.toggles import Mean, estimate
from nms.sim.activity.windows import PHASES, Activity


@dataclass(frozen=True)
class Block:
    """One kind of block in the whole: joules by (phase, part) and standard error of the sum by phase."""

    module: str
    instances: int
    energy: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """Energy of one run, joules: blocks x phases x :data:`PARTS`; standard errors of the sums by phase.

    ``still``: joules of clock and memories, by phase, in the windows of each block in which neither its
    registers nor what its memories give change.
    """

    blocks: list[Block]
    still: np.ndarray
    errors: dict[Phase, Mean]
    lengths: dict[Phase, int]

    @property
    def table(self) -> np.ndarray:
        """(blocks, phases, parts)."""
        return np.array([block.energy for block in self.blocks])

    def phase(self, phase: Phase) -> float:
        """Joules of a phase."""
        return float(self.table[:, PHASES.index(phase)].sum())

    @property
    def total(self) -> float:
        """Joules of the run."""
        return float(self.table.sum())


def estimated(
    activity: Activity,
    mapped: Netlists,
    coefficients: dict[str, Coefficients],
    library: PowerLibrary,
    memory: MemoryModel,
    options: Options,
) -> Estimate:
    """Energy of a run by block, phase and part.

    Clock and leakage are those of the configuration's own netlist, memories by their accesses and sizes.

    Raises
    ------
    UserError
        A block toggles for which there are no coefficients.
    """
    design, recording = activity.design, activity.recording
    counted = toggles(design, recording)
    cycles = recording.cycles
    windows: dict[str, np.ndarray] = {}
    instances: dict[str, int] = {}
    still = np.zeros((len(cycles), 2))
    resting: dict[str, np.ndarray] = {}
    gates = {
        module: GateModule(mapped.modules[module], [], library, options)
        for module in mapped.modules
        if module in design.nets
    }
    for path, module in design.instances.items():
        if "__" in module:
            continue
        instances[module] = instances.get(module, 0) + 1
        sums = windows.setdefault(module, np.zeros((len(cycles), len(PARTS))))
        changes = counted.get(path)
        if changes is not None and changes.any():
            if module not in coefficients:
                raise UserError(f"block {module}: toggles, but has no fitted coefficients")
            sums[:, :2] += coefficients[module].energy(changes)
        clock = gates[module].clock_energy * cycles
        sums[:, 2] += clock
        resting[path] = np.ones(len(cycles), bool)
        if changes is not None:
            resting[path] &= ~changes[:, :, :2].any(axis=(1, 2))
        still[:, 0] += np.where(resting[path], clock, 0.0)
        sums[:, 4] += gates[module].leakage * cycles / options.frequency
    for path, values in recording.sums.items():
        at = len(KINDS)
        for found in design.nets[design.instances[path]].memories:
            block = design.block_of(path)
            sums = windows[design.instances[block]]
            sums[:, 4] += found.bits * memory.leakage_bit * cycles / options.frequency
            for port in found.ports:
                joules = memory.access(found.depth, found.width, found.synchronous, port.writes, port.bits)
                sums[:, 3] += values[:, at] * joules
                still[:, 1] += np.where(resting[block], values[:, at] * joules, 0.0)
                at += 1

    def by_phase(values: np.ndarray) -> np.ndarray:
        """(phases, ...) of whole phases from (windows, ...)."""
        return np.array([activity.weights[at] @ values[at] for at in map(activity.windows, PHASES)])

    blocks = [Block(module, instances[module], by_phase(sums)) for module, sums in windows.items()]
    every = np.sum(list(windows.values()), axis=0)
    errors = {
        phase: estimate(every[at].sum(axis=1), cycles[at], activity.weights[at])
        for phase in PHASES
        for at in [activity.windows(phase)]
    }
    return Estimate(blocks, by_phase(still), errors, activity.lengths)
