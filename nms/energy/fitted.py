# SPDX-License-Identifier: Apache-2.0
"""Coefficients of every block of a configuration, fitted and judged on small samplers at gate level."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nms.energy.reference import reference
from nms.spec.config import Config
from nms.spec.settings import Settings
from sim.windows import Counted, Job
from synth.energy.fit import Coefficients, Judgement, fit, judge
from synth.energy.gates import Options
from synth.energy.library import PowerLibrary
from synth.energy.netlists import mapped

SMALL = {"images": 16, "pixels": 64, "pes": 4, "te_lanes": 4, "grid_lanes": 2, "contexts": 2}
"""What a configuration is cut to where netlists are evaluated: fewer instances of the same blocks."""


def shrunk(config: Config) -> Config:
    """The configuration with fewer and shorter images, fewer PEs and lanes; formats and pipelines stay."""
    values = config.model_dump()
    return Config.model_validate(values | {key: min(values[key], most) for key, most in SMALL.items()})


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
    counted = Counted(small, tell)
    netlists = mapped(counted.emitted, files, tell)
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
    first = reference(learned, netlists, library, options, tell)
    second = reference(judged, netlists, library, options, tell)
    coefficients = {m: fit(s) for m, s in first.samples.items() if s.toggles.any()}
    judgements = {
        m: judge(coefficients[m], first.samples[m], second.samples[m])
        for m in coefficients
        if second.samples[m].energy.any()
    }
    return Fitted(coefficients, judgements, first.coverage, first.checked + second.checked)
