# SPDX-License-Identifier: Apache-2.0
"""The whole sampler: images in, tables and kept indices out."""

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
from nms.golden.pea import distances, rows
from nms.golden.prng import points, seeds
from nms.golden.te import embed


def run(
    config: Config,
    settings: Settings,
    images: object,
    on_generation: Callable[[Ints, Ints], None] | None = None,
    on_iteration: Callable[[Ints], None] | None = None,
) -> Tables:
    """All tables of one run, raw, as the hardware of ``config`` holds them at its end.

    Parameters
    ----------
    images : uint8 (count, pixels) or (count, height, width[, channels]) as ``settings`` says
    on_generation, on_iteration : see :func:`nms.golden.de.search` and :func:`nms.golden.te.embed`

    Raises
    ------
    UserError
        Images that do not match the settings.
    OverflowError
        A signal left its format (named); the contract's formats are wide enough that none should.
    """
    images = np.asarray(images)
    images = images.reshape(len(images), -1)
    if images.shape != (settings.count, settings.pixels):
        raise UserError(
            f"images {images.shape}: the settings say {settings.count} images of {settings.pixels} bytes"
        )
    distance = distances(images)
    minimum, scale, ties = rows(config, distance)
    states = seeds(settings.seed, settings.count)
    found = search(config, settings.target, distance, states, settings.search, on_generation)
    affinity = affinities(config, distance, found)
    start = points(config, settings.seed, settings.count)
    embedding = embed(config, affinity, start, settings.iterations, settings.exaggerated, on_iteration)
    return Tables(
        distance=distance,
        minimum=minimum,
        scale=scale,
        ties=ties,
        mantissa=found.mantissa,
        exponent=found.exponent,
        perplexity=found.perplexity,
        generations=found.generations,
        status=found.status,
        affinity=affinity,
        embedding_init=start,
        embedding=embedding,
        kept=sample(embedding, settings.keep),
    )
