# SPDX-License-Identifier: Apache-2.0
"""The whole sampler, from images to tables and kept indices."""

from collections.abc import Callable
from typing import overload

import numpy as np

from nms.contract.config import Config, HerdingConfig, LeanConfig, SamplerConfig
from nms.contract.errors import UserError
from nms.contract.settings import LeanSettings, Settings
from nms.contract.tables import HerdingTables, LeanTables, SamplerTables, Tables
from nms.golden import herding, near_duplicates, picks
from nms.golden.affinity import affinities
from nms.golden.de import search
from nms.golden.fixed import Ints
from nms.golden.lean import sampler as lean
from nms.golden.pea import distances, summarise_rows
from nms.golden.prng import points, seeds
from nms.golden.reduction import reduce
from nms.golden.te import embed

OnGeneration = Callable[[Ints, Ints], None]
OnIteration = Callable[[Ints], None]


@overload
def run(
    config: Config,
    settings: Settings,
    images: object,
    on_generation: OnGeneration | None = None,
    on_iteration: OnIteration | None = None,
) -> Tables: ...


@overload
def run(
    config: HerdingConfig, settings: LeanSettings, images: object, *, standing: Ints | None = None
) -> HerdingTables: ...


@overload
def run(
    config: LeanConfig,
    settings: LeanSettings,
    images: object,
    *,
    on_iteration: OnIteration | None = None,
    standing: Ints | None = None,
) -> LeanTables: ...


@overload
def run(
    config: SamplerConfig,
    settings: Settings | LeanSettings,
    images: object,
    on_generation: OnGeneration | None = None,
    on_iteration: OnIteration | None = None,
    standing: Ints | None = None,
) -> SamplerTables: ...


def run(
    config: SamplerConfig,
    settings: Settings | LeanSettings,
    images: object,
    on_generation: OnGeneration | None = None,
    on_iteration: OnIteration | None = None,
    standing: Ints | None = None,
) -> SamplerTables:
    """Compute all tables of a run, raw, as the hardware of ``config`` must hold them at its end.

    Parameters
    ----------
    images : uint8 (count, pixels) or (count, height, width[, channels]), of the size in ``settings``
    on_generation : of the published method alone, see :func:`nms.golden.de.search`
    on_iteration : of the methods with a map, see :func:`nms.golden.te.embed`
    standing : (N,) 1 of the images that are no near-duplicates, if they are known, as those of a batch that
        comes after others: :meth:`nms.golden.near_duplicates.Removal.find_standing`

    Raises
    ------
    UserError
        The images do not match the settings.
    OverflowError
        A signal leaves its format, which the message names; the formats are made so that none does.
    """
    images = np.asarray(images)
    images = images.reshape(len(images), -1)
    if images.shape != (settings.count, settings.pixels):
        raise UserError(
            f"images {images.shape}: the settings are for {settings.count} images of {settings.pixels} bytes"
        )
    if isinstance(config, Config) and isinstance(settings, Settings):
        return _run_published(config, settings, images, on_generation, on_iteration)
    if isinstance(config, HerdingConfig) and isinstance(settings, LeanSettings):
        return _run_herding(settings, images, standing)
    if isinstance(config, LeanConfig) and isinstance(settings, LeanSettings):
        return lean.run(config, settings, images, on_iteration, standing)
    raise TypeError(f"{type(config).__name__} does not go with {type(settings).__name__}")


def _run_herding(settings: LeanSettings, images: np.ndarray, standing: Ints | None) -> HerdingTables:
    """The tables of the method ``herding``."""
    if standing is None:
        standing = near_duplicates.Removal(settings).find_standing(images)
    if settings.threshold and standing.sum() <= settings.keep:
        return near_duplicates.settle(HerdingTables, standing, settings.keep)
    distance = distances(reduce(images[standing == 1], settings))
    tables = {"distance": distance, "kept": herding.choose(distance, settings.keep)}
    return near_duplicates.place(HerdingTables, standing, tables)


def _run_published(
    config: Config,
    settings: Settings,
    images: np.ndarray,
    on_generation: OnGeneration | None,
    on_iteration: OnIteration | None,
) -> Tables:
    """The tables of the published method."""
    distance = distances(reduce(images, settings))
    minimum, scale, ties = summarise_rows(config, distance)
    states = seeds(settings.seed, settings.count)
    result = search(config, settings.target, distance, states, settings.search, on_generation)
    affinity = affinities(config, distance, result)
    start = points(config, settings.seed, settings.count)
    embedding = embed(config, affinity, start, settings.iterations, settings.exaggerated, on_iteration)
    return Tables(
        distance=distance,
        minimum=minimum,
        scale=scale,
        ties=ties,
        mantissa=result.mantissa,
        exponent=result.exponent,
        perplexity=result.perplexity,
        generations=result.generations,
        status=result.status,
        affinity=affinity,
        embedding_init=start,
        embedding=embedding,
        kept=picks.choose(settings.pick, embedding, settings.keep, distance, affinity),
    )
