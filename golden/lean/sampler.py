# SPDX-License-Identifier: Apache-2.0
"""The whole lean sampler, from images to tables and kept indices, of one group or of many."""

from collections.abc import Callable, Sequence

import numpy as np

from nms.contract.config import LeanConfig
from nms.contract.settings import LeanSettings, Pick
from nms.contract.tables import LeanTables
from nms.golden import herding, picks
from nms.golden.fixed import Ints
from nms.golden.lean.affinity import affinities
from nms.golden.lean.map import embed
from nms.golden.lean.search import search
from nms.golden.pea import distances
from nms.golden.prng import points
from nms.golden.reduction import reduce


def run_groups(
    config: LeanConfig,
    settings: LeanSettings,
    images: np.ndarray,
    keeps: Sequence[int],
    seeds: Sequence[int],
    on_iteration: Callable[[Ints], None] | None = None,
) -> list[LeanTables]:
    """Compute the tables of groups of equal size together, each as it is alone.

    Parameters
    ----------
    settings : of every group, but for ``keep`` and ``seed``
    images : uint8 (groups, count, pixels)
    keeps, seeds : of each group
    on_iteration : called with Y (groups, count, 2) after each iteration

    Raises
    ------
    UserError
        The images do not match the settings.
    OverflowError
        A signal leaves its format, which the message names.
    """
    distance = np.stack([distances(reduce(group, settings)) for group in images])
    if settings.pick == Pick.HERDING:
        return [_without_map(one, keep) for one, keep in zip(distance, keeps, strict=True)]
    rows = search(config, distance, settings.target, settings.evaluations)
    affinity = affinities(config, rows.weights, rows.sums)
    start = np.stack([points(config, seed, settings.count) for seed in seeds])
    embedding = embed(config, affinity, start, settings.iterations, settings.exaggerated, on_iteration)
    return [
        LeanTables(
            distance=distance[k],
            minimum=rows.minimum[k],
            scale=rows.scale[k],
            ties=rows.ties[k],
            mantissa=rows.mantissa[k],
            exponent=rows.exponent[k],
            entropy=rows.entropy[k],
            evaluations=rows.evaluations[k],
            status=rows.status[k],
            affinity=affinity[k],
            embedding_init=start[k],
            embedding=embedding[k],
            kept=picks.choose(settings.pick, embedding[k], keep, distance[k], affinity[k]),
        )
        for k, keep in enumerate(keeps)
    ]


def _without_map(distance: Ints, keep: int) -> LeanTables:
    """The tables of a group that herding picks: all that a map needs is 0."""
    row = np.zeros(len(distance), np.int64)
    square, map_ = np.zeros_like(distance), np.zeros((len(distance), 2), np.int64)
    return LeanTables(
        distance=distance,
        minimum=row,
        scale=row,
        ties=row,
        mantissa=row,
        exponent=row,
        entropy=row,
        evaluations=row,
        status=row,
        affinity=square,
        embedding_init=map_,
        embedding=map_,
        kept=herding.choose(distance, keep),
    )


def run(
    config: LeanConfig,
    settings: LeanSettings,
    images: np.ndarray,
    on_iteration: Callable[[Ints], None] | None = None,
) -> LeanTables:
    """Compute the tables of one group, uint8 (count, pixels); see :func:`run_groups`.

    ``on_iteration`` is called with Y (count, 2) after each iteration.
    """

    def show(points: Ints) -> None:
        if on_iteration:
            on_iteration(points[0])

    return run_groups(config, settings, images[None], [settings.keep], [settings.seed], show)[0]
