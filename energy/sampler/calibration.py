# SPDX-License-Identifier: Apache-2.0
"""Calibrate the blocks of a configuration: fit coefficients at gate level, and judge them on unseen runs."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nms.contract.config import Config
from nms.contract.provenance import digest
from nms.contract.settings import Settings
from nms.energy.sampler.cache import load_or_run
from nms.energy.sampler.fit import Coefficients, Judgement, fit, judge
from nms.energy.sampler.gate_reference import GateReference, measure_blocks
from nms.energy.sampler.netlist_energy import OperatingPoint
from nms.energy.sampler.netlists import map_blocks
from nms.energy.sampler.power_library import PowerLibrary
from nms.sim.activity.windows import InstrumentedSampler, Workload

FITTING_SIZES = {"pes": 4, "te_lanes": 4, "grid_lanes": 2}
"""Sizes to which a configuration shrinks for the fit: fewer instances of the same blocks."""

JUDGING_SIZES = {"pes": 8, "te_lanes": 8, "grid_lanes": 4}
"""Sizes to which it shrinks to judge the fit on another configuration."""

COUNT, PIXELS, ITERATIONS = 16, 64, 12
"""Largest batch, bytes of an image, and gradient iterations of the jobs that run at gate level."""

UNSEEN = ("vectors", "configuration")
"""What is new to the fit where it is judged."""


@dataclass(frozen=True)
class Calibration:
    """Coefficients of every block, and how good they are.

    Members
    -------
    coefficients : by block; none for blocks in which nothing toggles
    judgements : by :data:`UNSEEN`, and by block; "vectors": on the same small configuration, with random
        images, another seed and another search; "configuration": on another small configuration, with the
        images, another seed and a third search
    coverage : share of the pin capacitance of each block's netlist whose toggles are known; the least of all
        runs
    compared : registers of netlists whose next values were compared with the RTL's, and match
    """

    coefficients: dict[str, Coefficients]
    judgements: dict[str, dict[str, Judgement]]
    coverage: dict[str, float]
    compared: int


def shrink(config: Config, sizes: dict[str, int]) -> Config:
    """The configuration with fewer PEs and lanes; memories, formats and pipelines stay."""
    fitting = 1 << (config.images.bit_length() - 1)
    return Config.model_validate(config.model_dump() | {key: min(n, fitting) for key, n in sizes.items()})


def calibrate(
    config: Config,
    images: np.ndarray,
    seed: int,
    files: Sequence[Path],
    library: PowerLibrary,
    point: OperatingPoint,
    build: Callable[[Config], InstrumentedSampler],
    tell: Callable[[str], None],
    judging: bool = True,
    clock_gating: bool | None = None,
) -> Calibration:
    """Fit every block of a configuration, shrunk to a small one, on ``images``.

    Parameters
    ----------
    images : (N, D) uint8; the first ``COUNT`` images and ``PIXELS`` bytes are used
    files : Liberty files of ``library``
    build : builds a configuration's sampler with counters
    tell : is told what is being done
    judging : whether to judge the fit as well, which takes two more runs and another sampler
    clock_gating : that of :class:`nms.synth.targets.Target`

    Raises
    ------
    ToolError
        A tool failed.
    RuntimeError
        A netlist does not match the RTL.
    """
    given = np.ascontiguousarray(images[:COUNT, :PIXELS])
    drawn = np.random.default_rng(seed + 1).integers(0, 256, given.shape, np.uint8)

    texts = [hashlib.sha256(text.encode()).hexdigest() for text in library.texts]

    def measure(small: Config, data: np.ndarray, seed: int, search: str) -> GateReference:
        count, pixels = data.shape
        perplexity = min(15.0, (count - 1) / 2)
        settings = Settings.make(small, count, pixels, 0.3, perplexity, ITERATIONS, seed, search)
        counted = build(small)

        def run() -> GateReference:
            activity = counted.measure(Workload(small, settings, data), seed, rows=True)
            netlists = map_blocks(counted.emitted, files, tell, clock_gating=clock_gating)
            return measure_blocks(activity, netlists, library, point, tell)

        key = [counted.design.verilog, settings, digest(data), texts, point.wire, point.voltage, clock_gating]
        return load_or_run(key, run)

    learned = measure(shrink(config, FITTING_SIZES), given, seed, "de-rand1")
    unseen = []
    if judging:
        unseen.append(measure(shrink(config, FITTING_SIZES), drawn, seed + 1, "window"))
        unseen.append(measure(shrink(config, JUDGING_SIZES), given, seed + 2, "section"))
    coefficients = {module: fit(sample) for module, sample in learned.samples.items() if sample.toggles.any()}

    judgements = {
        name: {
            module: judge(fitted, learned.samples[module], run.samples[module])
            for module, fitted in coefficients.items()
            if run.samples[module].energy.any()
        }
        for name, run in zip(UNSEEN, unseen, strict=False)
    }
    runs = (learned, *unseen)
    return Calibration(
        coefficients,
        judgements,
        {m: min(run.coverage[m] for run in runs) for m in learned.coverage},
        sum(run.compared for run in runs),
    )
