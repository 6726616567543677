# SPDX-License-Identifier: Apache-2.0
"""The jobs that run at gate level, of each method: small ones, on which blocks are fitted and judged."""

from typing import Any

import numpy as np

from nms.contract.config import Config, ReducedConfig, SamplerConfig, make
from nms.contract.settings import LeanSettings, Pick, Settings
from nms.sim.activity.intervals import Workload

FITTING_SIZES: dict[str, dict[str, int]] = {
    "desne": {"pes": 4, "te_lanes": 4, "grid_lanes": 2},
    "herding": {},
    "lean": {"map_lanes": 2, "grid_lanes": 2},
}
"""Sizes to which a configuration shrinks for the fit, by method: fewer instances of the same blocks."""

JUDGING_SIZES: dict[str, dict[str, int]] = {
    "desne": {"pes": 8, "te_lanes": 8, "grid_lanes": 4, "side": 4},
    "herding": {"images": 32, "side": 4},
    "lean": {"images": 32, "side": 4, "map_lanes": 4, "grid_lanes": 4},
}
"""Sizes to which it shrinks to judge the fit on another configuration."""

COUNT, PIXELS, SIDE, ITERATIONS, RATIO = 16, 64, 16, 12, 0.3
"""Largest batch, bytes of an image that is taken as it is, height and width in pixels of one that is reduced,
gradient iterations, and fraction kept."""

SEARCHES = ("de-rand1", "window", "section")
"""Searches of the published method's jobs, in the order of :func:`list_jobs`."""


def shrink(config: SamplerConfig, sizes: dict[str, int]) -> SamplerConfig:
    """The configuration with no parameter above ``sizes``; memories, formats and pipelines stay."""
    fitting = 1 << (config.images.bit_length() - 1)
    values = config.model_dump()
    return make(values | {key: min(n, values[key], fitting) for key, n in sizes.items()})


def list_jobs(job: Workload, seed: int) -> list[Workload]:
    """Three small jobs like ``job``, each with a seed of its own.

    The first is for the fit, the second has random images, and the third another configuration. Searches
    differ from job to job; what a lean sampler picks does not, as that decides which of its blocks work.
    """
    fitting, judging = (
        shrink(job.config, sizes[job.config.method]) for sizes in (FITTING_SIZES, JUDGING_SIZES)
    )
    given, shape = crop(job)
    drawn = np.random.default_rng(seed + 1).integers(0, 256, given.shape, np.uint8)
    return [
        Workload(config, _make_settings(config, job.settings, len(images), shape, seed + n, search), images)
        for n, (config, images, search) in enumerate(
            zip((fitting, fitting, judging), (given, drawn, given), SEARCHES, strict=True)
        )
    ]


def crop(job: Workload) -> tuple[np.ndarray, tuple[int, ...]]:
    """The first images of a job, cut to a corner, (N, D) uint8, and the shape of one."""
    images, settings = job.images[:COUNT], job.settings
    if not settings.height:
        cut = images[:, :PIXELS]
        return np.ascontiguousarray(cut), cut.shape[1:]
    if settings.planes:
        cut = images.reshape(-1, settings.channels, settings.height, settings.width)[:, :, :SIDE, :SIDE]
    else:
        cut = images.reshape(-1, settings.height, settings.width, settings.channels)[:, :SIDE, :SIDE]
    return np.ascontiguousarray(cut.reshape(len(cut), -1)), cut.shape[1:]


def _make_settings(
    config: SamplerConfig,
    settings: Settings | LeanSettings,
    count: int,
    shape: tuple[int, ...],
    seed: int,
    search: str,
) -> Settings | LeanSettings:
    """``settings`` for ``count`` images of a ``shape``."""
    assert isinstance(config, Config | ReducedConfig)
    given: dict[str, Any] = {
        "ratio": RATIO, "perplexity": min(15.0, (count - 1) / 2), "iterations": ITERATIONS, "seed": seed,
        "pick": str(Pick(settings.pick)), "side": min(settings.side, config.side),
        "planes": settings.planes, "grey": settings.grey,
    }  # fmt: skip
    if isinstance(config, Config):
        return Settings.make(config, count, shape, search=search, **given)
    assert isinstance(settings, LeanSettings)
    return LeanSettings.make(config, count, shape, evaluations=settings.evaluations or 1, **given)
