# SPDX-License-Identifier: Apache-2.0
"""Coefficients of every block of a configuration, fitted at gate level and judged on what is new to them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nms.contract.config import Config
from nms.contract.provenance import digest
from nms.contract.settings import Settings
from nms.energy.sampler.cache import kept
from nms.energy.sampler.fit import Coefficients, Judgement, fit, judge
from nms.energy.sampler.gate_reference import Reference, reference
from nms.energy.sampler.gates import Options
from nms.energy.sampler.library import PowerLibrary
from nms.energy.sampler.netlists import mapped
from nms.sim.activity.windows import InstrumentedSampler, Workload

SMALL = {"pes": 4, "te_lanes": 4, "grid_lanes": 2}
"""What a configuration is cut to where it is fitted: fewer instances of the same blocks."""

OTHER = {"pes": 8, "te_lanes": 8, "grid_lanes": 4}
"""What it is cut to where the fit is judged on another configuration."""

COUNT, PIXELS, ITERATIONS = 16, 64, 12
"""Largest batch and image, and gradient iterations, of the jobs that are run at gate level."""

UNSEEN = ("vectors", "configuration")
"""What a fit is judged on."""


@dataclass(frozen=True)
class Fitted:
    """Coefficients of every block, and how well they do.

    Members
    -------
    judgements : by what is new, and by block; "vectors": on the same small configuration, with random images,
        another seed and another search; "configuration": on another small configuration, with the images,
        another seed and a third search
    coverage : share of the capacitance of each block's netlist whose toggles are known
    checked : registers of netlists whose next values were compared with the RTL's, and are the same
    """

    coefficients: dict[str, Coefficients]
    judgements: dict[str, dict[str, Judgement]]
    coverage: dict[str, float]
    checked: int


def cut(config: Config, sizes: dict[str, int]) -> Config:
    """The configuration with fewer PEs and lanes; memories, formats and pipelines stay."""
    fitting = 1 << (config.images.bit_length() - 1)
    return Config.model_validate(config.model_dump() | {key: min(n, fitting) for key, n in sizes.items()})


def fitted(
    config: Config,
    images: np.ndarray,
    seed: int,
    files: Sequence[Path],
    library: PowerLibrary,
    options: Options,
    build: Callable[[Config], InstrumentedSampler],
    tell: Callable[[str], None],
    judging: bool = True,
) -> Fitted:
    """Fit every block of a configuration, cut to a small one, on ``images`` (N, D) uint8.

    ``build``: a configuration's sampler with counters.
    ``judging``: the fit is judged, too, which takes two more runs and another sampler.
    """
    given = np.ascontiguousarray(images[:COUNT, :PIXELS])
    drawn = np.random.default_rng(seed + 1).integers(0, 256, given.shape, np.uint8)

    texts = [hashlib.sha256(text.encode()).hexdigest() for text in library.texts]

    def at_gates(small: Config, data: np.ndarray, seed: int, search: str) -> Reference:
        count, pixels = data.shape
        perplexity = min(15.0, (count - 1) / 2)
        settings = Settings.make(small, count, pixels, 0.3, perplexity, ITERATIONS, seed, search)
        counted = build(small)

        def find() -> Reference:
            activity = counted.measure(Workload(small, settings, data), seed, rows=True)
            netlists = mapped(counted.emitted, files, tell)
            return reference(activity, netlists, library, options, tell)

        key = [counted.design.verilog, settings, digest(data), texts, options.wire, options.voltage]
        return kept(key, find)

    learned = at_gates(cut(config, SMALL), given, seed, "de-rand1")
    unseen = []
    if judging:
        unseen.append(at_gates(cut(config, SMALL), drawn, seed + 1, "window"))
        unseen.append(at_gates(cut(config, OTHER), given, seed + 2, "section"))
    coefficients = {m: fit(sample) for m, sample in learned.samples.items() if sample.toggles.any()}

    judgements = {
        name: {
            module: judge(found, learned.samples[module], run.samples[module])
            for module, found in coefficients.items()
            if run.samples[module].energy.any()
        }
        for name, run in zip(UNSEEN, unseen, strict=False)
    }
    runs = (learned, *unseen)
    return Fitted(
        coefficients,
        judgements,
        {m: min(run.coverage[m] for run in runs) for m in learned.coverage},
        sum(run.checked for run in runs),
    )
