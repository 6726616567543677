# SPDX-License-Identifier: Apache-2.0
"""``nms energy -c PRESET``: energy of a sampler by block and phase, from counted toggles."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nms.errors import UserError
from nms.spec.config import Config
from nms.spec.readout import Phase
from nms.spec.settings import Settings
from sim.activity import KINDS, Mean, Recording, estimate
from sim.instrument import Instrumented
from sim.runner import cache_directory
from sim.windows import PHASES, Activity, Counted, Job
from synth import flow, targets
from synth.energy import evaluate
from synth.energy.fit import Coefficients, Judgement, Sample, fit, judge
from synth.energy.gates import GateModule, Options
from synth.energy.library import PowerLibrary
from synth.energy.memory import MemoryModel

PARTS = ("registers", "combinational", "clock", "memory", "leakage")

NODES = {"sky130": 130, "sg13g2": 130, "asap7": 7, "osu018": 180}
"""Nodes (nm) of known libraries, by a part of the file's name."""

SMALL = {"images": 16, "pixels": 64, "pes": 4, "te_lanes": 4, "grid_lanes": 2, "contexts": 2}
"""What a configuration is cut to where netlists are evaluated: fewer instances of the same blocks."""


def shrunk(config: Config) -> Config:
    """The configuration with fewer and shorter images, fewer PEs and lanes; formats and pipelines stay."""
    values = config.model_dump()
    return Config.model_validate(values | {key: min(values[key], most) for key, most in SMALL.items()})


def node(files: Sequence[Path], given: int | None) -> int:
    """The library's node in nm: as given, or by its name.

    Raises
    ------
    UserError
        It is not given and the name is not known.
    """
    if given is not None:
        return given
    for part, found in NODES.items():
        if all(part in file.name.lower() for file in files):
            return found
    raise UserError(f"liberty {files[0].name!r}: of which node is it? give --node NM")


@dataclass(frozen=True)
class Netlist:
    """A sampler mapped to a library: Yosys' JSON of its blocks and of the library's cells."""

    modules: dict[str, Any]
    cells: dict[str, Any]


def netlist(config: Config, files: Sequence[Path], tell: Callable[[str], None]) -> Netlist:
    """Map the whole sampler, block by block; kept with the simulations, by configuration and library."""
    texts = [file.read_bytes() for file in files]
    sources = sorted((Path(flow.__file__).parent).glob("*.py")) + sorted(
        Path(flow.__file__).parents[1].glob("rtl/*.py")
    )
    key = hashlib.sha256(
        b"".join([config.digest.encode(), *texts, *(s.read_bytes() for s in sources)])
    ).hexdigest()
    folder = cache_directory() / f"netlist-{key[:16]}"
    done = folder / "done"
    if not done.exists():
        tell("synthesising the sampler")
        target = targets.target(None, tuple(files))
        flow.synthesise(config, "sampler", target, folder, lambda text: tell(f"synthesising {text}"))
        done.touch()
    work = folder / "sampler"
    return Netlist(
        json.loads((work / "netlist.json").read_text())["modules"],
        json.loads((work / "cells.json").read_text())["modules"],
    )


def toggles(design: Instrumented, recording: Recording) -> dict[str, np.ndarray]:
    """(windows, registers, combinational, inputs) of each block, by path."""
    found: dict[str, np.ndarray] = {}
    for path, values in recording.sums.items():
        block = design.block_of(path)
        sums = found.setdefault(block, np.zeros((len(recording.windows), len(KINDS)), np.int64))
        sums[:, :2] += values[:, :2]
        if path == block:
            sums[:, 2] += values[:, 2]
    return found


@dataclass(frozen=True)
class Reference:
    """Blocks at gate level: a sample of each, the share of capacitance annotated, registers compared."""

    samples: dict[str, Sample]
    coverage: dict[str, float]
    checked: int


def reference(
    activity: Activity, mapped: Netlist, library: PowerLibrary, options: Options, tell: Callable[[str], None]
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
    for path, module in design.first([name for name in mapped.modules if name in design.nets]).items():
        if "__" in module:
            continue
        tell(f"evaluating the netlist of {module}")
        evaluator = evaluate.Evaluator(mapped.modules[module], kinds)
        found = evaluator.run(time.integers(recording.named(design, path)), time)
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
            counted.get(path, np.zeros((len(lengths), len(KINDS)))), energy, recording.cycles
        )
    return Reference(samples, coverage, checked)


@dataclass(frozen=True)
class Block:
    """One kind of block in the whole: joules by (phase, part) and standard error of the sum by phase."""

    module: str
    instances: int
    energy: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """Energy of one run, joules: blocks x phases x :data:`PARTS`; standard errors of the sums by phase."""

    blocks: list[Block]
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
    mapped: Netlist,
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
        sums[:, 2] += gates[module].clock_energy * cycles
        sums[:, 4] += gates[module].leakage * cycles / options.frequency
    for path, values in recording.sums.items():
        at = len(KINDS)
        for found in design.nets[design.instances[path]].memories:
            sums = windows[design.instances[design.block_of(path)]]
            sums[:, 4] += found.bits * memory.leakage_bit * cycles / options.frequency
            for port in found.ports:
                joules = memory.access(found.depth, found.width, found.synchronous, port.writes, port.bits)
                sums[:, 3] += values[:, at] * joules
                at += 1
    blocks = []
    for module, sums in windows.items():
        energy = np.zeros((len(PHASES), len(PARTS)))
        for number, phase in enumerate(PHASES):
            chosen = activity.windows(phase)
            if activity.lengths[phase]:
                energy[number] = activity.weights[chosen] @ sums[chosen]
        blocks.append(Block(module, instances[module], energy))
    every = np.sum(list(windows.values()), axis=0)
    errors = {
        phase: estimate(
            every[activity.windows(phase)].sum(axis=1),
            cycles[activity.windows(phase)],
            activity.weights[activity.windows(phase)],
        )
        for phase in PHASES
        if activity.lengths[phase]
    }
    return Estimate(blocks, errors, activity.lengths)


@dataclass(frozen=True)
class Fitted:
    """Coefficients of every block, and how well they do on vectors that they were not fitted on."""

    coefficients: dict[str, Coefficients]
    judgements: dict[str, Judgement]
    coverage: dict[str, float]
    checked: int


def fitted(
    config: Config,
    images: np.ndarray,
    seed: int,
    files: Sequence[Path],
    library: PowerLibrary,
    options: Options,
    tell: Callable[[str], None],
) -> Fitted:
    """Fit every block of a configuration, cut to a small one, on ``images``; judge on random images.

    The judging run has other images, another seed and the other search, so that no vector is the same.
    """
    small = shrunk(config)
    mapped = netlist(small, files, tell)
    counted = Counted(small, tell)
    pixels = min(images.shape[1], small.pixels)
    count = min(len(images), small.images)
    perplexity = min(15.0, (count - 1) / 2)
    learned, judged = (
        counted.activity(
            Job(small, Settings.make(small, count, pixels, 0.3, perplexity, 12, s, search), data),
            s,
            rows=True,
        )
        for data, s, search in (
            (np.ascontiguousarray(images[:count, :pixels]), seed, "de-rand1"),
            (np.random.default_rng(seed + 1).integers(0, 256, (count, pixels), np.uint8), seed + 1, "window"),
        )
    )
    first = reference(learned, mapped, library, options, tell)
    second = reference(judged, mapped, library, options, tell)
    coefficients = {m: fit(s) for m, s in first.samples.items() if s.toggles.any()}
    judgements = {
        m: judge(coefficients[m], first.samples[m], second.samples[m])
        for m in coefficients
        if second.samples[m].energy.any()
    }
    return Fitted(coefficients, judgements, first.coverage, first.checked + second.checked)
