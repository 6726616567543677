# SPDX-License-Identifier: Apache-2.0
"""The whole sampler, from images to tables and kept indices."""

from collections.abc import Callable

import numpy as np

from nms.contract.config import Config
from nms.contract.errors import UserError
from nms.contract.settings import Settings
from nms.contract.tables import Tables
from nms.golden.affinity import affinities
from nms.golden.de import search
from nms.golden.fixed import Ints
from nms.golden.grid import sample
from nms.golden.pea import distances, summarise_rows
from nms.golden.prng import points, seeds
from nms.golden.te import embed


def run(
    config: Config,
    settings: Settings,
    images: object,
    on_generation: Callable[[Ints, Ints], None] | None = None,
    on_iteration: Callable[[Ints], None] | None = None,
) -> Tables:
    """Compute all tables of a run, raw, as the hardware of ``config`` must hold them at its end.

    Parameters
    ----------
    images : uint8 (count, pixels) or (count, height, width[, channels]), of the size in ``settings``
    on_generation, on_iteration : see :func:`nms.golden.de.search` and :func:`nms.golden.te.embed`

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
    distance = distances(images)
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
        kept=sample(embedding, settings.keep),
    )
