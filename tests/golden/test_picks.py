# SPDX-License-Identifier: Apache-2.0
"""Picks against the contract's words by counting all pairs, and against the float64 grid."""

import numpy as np
import pytest

from nms.contract.settings import Pick
from nms.golden import exact
from nms.golden.exact import picks as exact_picks
from nms.golden.grid import assign_cells, sample
from nms.golden.picks import choose
from tests.golden.plain import plain_kept, plain_keys

mapped = pytest.mark.parametrize("pick", [pick for pick in Pick if pick is not Pick.HERDING], ids=str)


def batch(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A map with crowded and empty cells, distances with ties, affinities."""
    rng = np.random.default_rng(seed)
    count = int(rng.choice([4, 5, 6, 7, 30, 64]))
    points = (rng.normal(0, 1, (count, 2)) * rng.choice([2, 1 << 12], (count, 1))).astype(np.int64)
    images = rng.integers(0, rng.choice([2, 256]), (count, 6), np.uint8)
    affinity = rng.integers(0, 1 << rng.choice([2, 16]), (count, count))
    affinity = np.triu(affinity, 1)
    return points, exact.distances(images), affinity + affinity.T


@mapped
@pytest.mark.parametrize("seed", range(24))
def test_by_hand(pick: Pick, seed: int) -> None:
    points, distance, affinity = batch(seed)
    for keep in {1, 2, len(points) // 3, len(points) - 1, len(points)} - {0}:
        cell, offset = assign_cells(points, keep)
        key = plain_keys(pick, cell.tolist(), offset.tolist(), distance.tolist(), affinity.tolist())
        kept = choose(pick, points, keep, distance, affinity)
        assert kept.dtype == np.int64
        assert kept.tolist() == plain_kept(key, cell.tolist(), keep)


@mapped
def test_float64_keeps_the_same(pick: Pick) -> None:
    """Of a map whose positions need no rounding, with integers for affinities."""
    for seed in range(24, 48):
        points, distance, affinity = batch(seed)
        keep = max(1, len(points) // 3)
        theirs = exact_picks.choose(pick, points * 2.0**-12, keep, distance, affinity, 2.0**-12)
        assert np.array_equal(choose(pick, points, keep, distance, affinity), theirs)


def test_centre_is_the_published_grid() -> None:
    points, distance, affinity = batch(5)
    for keep in range(1, len(points) + 1):
        assert np.array_equal(choose(Pick.CENTRE, points, keep, distance, affinity), sample(points, keep))


def test_a_medoid_is_at_home_in_its_cell() -> None:
    """One cell: the first kept is the batch's medoid, however far it is from the centre."""
    images = np.random.default_rng(4).integers(0, 256, (16, 9), np.uint8)
    distance = exact.distances(images)
    same = np.zeros((16, 2), np.int64)
    kept = choose(Pick.MEDOID, same, 1, distance, distance)
    assert kept.tolist() == [distance.sum(axis=1).argmin()]


def test_herding_takes_nothing_from_cells() -> None:
    with pytest.raises(ValueError, match="herding"):
        choose(Pick.HERDING, np.zeros((4, 2), np.int64), 2, np.zeros((4, 4), int), np.zeros((4, 4), int))
