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
from nms.golden.near_duplicates import Removal, place, settle
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
    standing: Sequence[Ints] | None = None,
) -> list[LeanTables]:
    """Compute the tables of groups of equal size, the batches of a job, each as it is alone.

    Parameters
    ----------
    settings : of every group, but for ``keep`` and ``seed``
    images : uint8 (groups, count, pixels)
    keeps, seeds : of each group
    on_iteration : called with Y (groups, points, 2) after each iteration, for all groups at once in which
        equally many images stand
    standing : (count,) of each group, 1 of the images that are no near-duplicates, if they are known

    Raises
    ------
    UserError
        The images do not match the settings.
    OverflowError
        A signal leaves its format, which the message names.
    """
    if standing is None:
        removal = Removal(settings)
        standing = [removal.find_standing(group) for group in images]
    found: dict[int, LeanTables] = {}
    by_size: dict[int, list[int]] = {}
    for k, (own, keep) in enumerate(zip(standing, keeps, strict=True)):
        if settings.threshold and own.sum() <= keep:
            found[k] = settle(LeanTables, own, keep)
        else:
            by_size.setdefault(int(own.sum()), []).append(k)
    for some in by_size.values():
        reduced = [reduce(images[k][standing[k] == 1], settings) for k in some]
        distance = np.stack([distances(group) for group in reduced])
        own_keeps, own_seeds = [keeps[k] for k in some], [seeds[k] for k in some]
        computed = (
            [_without_map(one, keep) for one, keep in zip(distance, own_keeps, strict=True)]
            if settings.pick == Pick.HERDING
            else _with_map(config, settings, distance, own_keeps, own_seeds, on_iteration)
        )
        found |= {k: place(LeanTables, standing[k], tables) for k, tables in zip(some, computed, strict=True)}
    return [found[k] for k in range(len(images))]


def _with_map(
    config: LeanConfig,
    settings: LeanSettings,
    distance: Ints,
    keeps: Sequence[int],
    seeds: Sequence[int],
    on_iteration: Callable[[Ints], None] | None,
) -> list[dict[str, Ints]]:
    """The tables of groups of distances (groups, N, N) whose maps pick."""
    count = distance.shape[1]
    rows = search(config, distance, settings.target, settings.evaluations)
    affinity = affinities(config, rows.weights, rows.sums)
    start = np.stack([points(config, seed, count) for seed in seeds])
    embedding = embed(config, affinity, start, settings.iterations, settings.exaggerated, on_iteration)
    return [
        {
            "distance": distance[k],
            "minimum": rows.minimum[k],
            "scale": rows.scale[k],
            "ties": rows.ties[k],
            "mantissa": rows.mantissa[k],
            "exponent": rows.exponent[k],
            "entropy": rows.entropy[k],
            "evaluations": rows.evaluations[k],
            "status": rows.status[k],
            "affinity": affinity[k],
            "embedding_init": start[k],
            "embedding": embedding[k],
            "kept": picks.choose(settings.pick, embedding[k], keep, distance[k], affinity[k]),
        }
        for k, keep in enumerate(keeps)
    ]


def _without_map(distance: Ints, keep: int) -> dict[str, Ints]:
    """The tables of a group that herding picks: all that a map needs is 0."""
    count = len(distance)
    tables = {table.name.lower(): np.zeros(table.shape(count), np.int64) for table in LeanTables.readouts()}
    del tables["standing"]
    return tables | {"distance": distance, "kept": herding.choose(distance, keep)}


def run(
    config: LeanConfig,
    settings: LeanSettings,
    images: np.ndarray,
    on_iteration: Callable[[Ints], None] | None = None,
    standing: Ints | None = None,
) -> LeanTables:
    """Compute the tables of one group, uint8 (count, pixels); see :func:`run_groups`.

    ``on_iteration`` is called with Y (points, 2) after each iteration.
    """

    def show(points: Ints) -> None:
        if on_iteration:
            on_iteration(points[0])

    known = None if standing is None else [standing]
    return run_groups(config, settings, images[None], [settings.keep], [settings.seed], show, known)[0]
