# SPDX-License-Identifier: Apache-2.0
"""Blocks of a sampler at gate level: the energy of their netlists beside their toggles in the RTL."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nms.energy.sampler import gate_sim as evaluate
from nms.energy.sampler.fit import Sample
from nms.energy.sampler.gates import GateModule, Options
from nms.energy.sampler.library import PowerLibrary
from nms.energy.sampler.netlists import Netlists
from nms.sim.activity.instrument import KINDS, InstrumentedDesign
from nms.sim.activity.toggles import Recording
from nms.sim.activity.windows import Activity


def toggles(design: InstrumentedDesign, recording: Recording) -> dict[str, np.ndarray]:
    """(windows, modules, kinds) of each block: its own, then those of modules in it, sorted by path."""
    found: dict[str, list[np.ndarray]] = {}
    for path in sorted(recording.sums):
        found.setdefault(design.block_of(path), []).append(recording.sums[path][:, : len(KINDS)])
    return {block: np.stack(parts, axis=1) for block, parts in found.items()}


@dataclass(frozen=True)
class Reference:
    """Blocks at gate level.

    Members
    -------
    samples : toggles in the RTL and energy of the netlist, by block
    coverage : share of the capacitance whose toggles are known, by block
    checked : registers whose next values were compared with the RTL's, and are the same
    """

    samples: dict[str, Sample]
    coverage: dict[str, float]
    checked: int


def reference(
    activity: Activity, mapped: Netlists, library: PowerLibrary, options: Options, tell: Callable[[str], None]
) -> Reference:
    """Energy of the first instance of every block from its netlist, beside its toggles in the RTL.

    Raises
    ------
    RuntimeError
        A netlist does something else than the RTL.
    """
    design, recording = activity.design, activity.recording
    counted = toggles(design, recording)
    kinds = evaluate.kinds(mapped.cells)
    lengths = recording.cycles.tolist()
    time = evaluate.Timeline(recording.windows)
    samples, coverage, checked = {}, {}, 0
    blocks = [name for name in mapped.modules if name in design.nets]
    for path, module in design.first_instances(blocks).items():
        if "__" in module:
            continue
        tell(f"evaluating the netlist of {module}")
        evaluator = evaluate.Evaluator(mapped.modules[module], kinds)
        found = evaluator.run(time.integers(recording.values_by_name(design, path)), time)
        if found.wrong:
            raise RuntimeError(f"block {module}: the netlist differs from the RTL in {found.wrong[:3]}")
        checked += found.checked
        bits = sorted(found.values)
        gates = GateModule(mapped.modules[module], bits, library, options)
        changes = time.toggles([found.values[bit] for bit in bits])
        parts = [gates.energy(row, length) for row, length in zip(changes, lengths, strict=True)]
        missing = np.isin(bits, list(found.unknown))
        whole = gates.capacitance.sum()
        coverage[module] = float(1 - gates.capacitance[missing].sum() / whole) if whole else 1.0
        energy = np.array([[part["registers"], part["combinational"]] for part in parts])
        samples[module] = Sample(
            counted.get(path, np.zeros((len(lengths), 1, len(KINDS)))), energy, recording.cycles
        )
    return Reference(samples, coverage, checked)
