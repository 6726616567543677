# SPDX-License-Identifier: Apache-2.0
"""Blocks of a sampler at gate level: the energy of their netlists beside their toggles in the RTL."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.activity import KINDS, Recording
from sim.instrument import Instrumented
from sim.windows import Activity
from synth.energy import evaluate
from synth.energy.fit import Sample
from synth.energy.gates import GateModule, Options
from synth.energy.library import PowerLibrary
from synth.energy.netlists import Netlists


def block_of(design: Instrumented, path: str) -> str:
    """Path of the block in which an instance lies: modules named ``outer__inner`` belong to ``outer``."""
    while "__" in design.instances[path]:
        path = path.rpartition(".")[0]
    return path


def toggles(design: Instrumented, recording: Recording) -> dict[str, np.ndarray]:
    """(windows, registers, combinational, inputs) of each block, by path."""
    found: dict[str, np.ndarray] = {}
    for path, values in recording.sums.items():
        block = block_of(design, path)
        sums = found.setdefault(block, np.zeros((len(recording.windows), len(KINDS)), np.int64))
        sums[:, :2] += values[:, :2]
        if path == block:
            sums[:, 2] += values[:, 2]
    return found


def _known(
    design: Instrumented, recording: Recording, path: str, time: evaluate.Timeline
) -> dict[tuple[str, int], int]:
    """Values of every name in a block, as the evaluation of its netlist wants them."""
    known: dict[tuple[str, int], int] = {}
    for inner, rows in recording.rows.items():
        if block_of(design, inner) != path:
            continue
        prefix = inner[len(path) + 1 :] + "." if inner != path else ""
        module = design.instances[inner]
        values = dict(zip((b.number for b in design.nets[module].bits), time.columns(rows), strict=True))
        for name, net in design.modules[module]["netnames"].items():
            if not net["hide_name"]:
                for place, bit in enumerate(net["bits"]):
                    if bit in values:
                        known[prefix + name.removeprefix("\\"), place] = values[bit]
    return known


@dataclass(frozen=True)
class Reference:
    """Blocks at gate level.

    Members
    -------
    samples : toggles in the RTL and energy of the netlist, by block
    coverage : share of the capacitance whose toggles are known, by block
    checked : registers whose next values were compared with the RTL's
    differing : registers that were not the same, by block
    """

    samples: dict[str, Sample]
    coverage: dict[str, float]
    checked: int
    differing: dict[str, int]


def reference(
    activity: Activity, mapped: Netlists, library: PowerLibrary, options: Options, tell: Callable[[str], None]
) -> Reference:
    """Energy of the first instance of every block from its netlist, beside its toggles in the RTL."""
    design, recording = activity.design, activity.recording
    counted = toggles(design, recording)
    kinds = evaluate.kinds(mapped.cells)
    lengths = recording.cycles.tolist()
    time = evaluate.Timeline(recording.windows)
    samples, coverage, checked, differing = {}, {}, 0, {}
    for path, module in design.first([name for name in mapped.modules if name in design.nets]).items():
        if "__" in module:
            continue
        tell(f"evaluating the netlist of {module}")
        evaluator = evaluate.Evaluator(mapped.modules[module], kinds)
        found = evaluator.run(_known(design, recording, path, time), time)
        differing[module] = len(found.wrong)
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
            counted.get(path, np.zeros((len(lengths), len(KINDS)))), energy, recording.cycles
        )
    return Reference(samples, coverage, checked, differing)
