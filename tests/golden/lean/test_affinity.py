# SPDX-License-Identifier: Apache-2.0
"""The lean affinities: the contract in Python integers, and float64 within the derived bound."""

import numpy as np
import pytest

from nms.contract.config import PRESETS, LeanConfig
from nms.golden.lean.affinity import affinities
from tests.golden.lean.plain import plain_affinities

LEAN = PRESETS["lean"]
assert isinstance(LEAN, LeanConfig)


def weights(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights of rows that have at least one of 1, as a row's minimum has, and their sums."""
    rng = np.random.default_rng(seed)
    w = np.floor(256 * rng.uniform(0, 1, (count, count - 1)) ** rng.uniform(0, 20, (count, 1))).astype(
        np.int64
    )
    w[np.arange(count), rng.integers(0, count - 1, count)] = 256
    return w, w.sum(axis=1)


@pytest.mark.parametrize("count", [4, 5, 17, 64])
def test_as_the_contract_says(count: int) -> None:
    w, sums = weights(count, count)
    joint = affinities(LEAN, w, sums)
    assert joint.tolist() == plain_affinities(w.tolist(), sums.tolist())
    assert joint.dtype == np.int64
    assert np.array_equal(joint, joint.T)
    assert not joint.diagonal().any()


def test_error() -> None:
    """Against the mean of two w/S: 2^-9 256/2^16 from the reciprocal, 2^-17 from each of two roundings."""
    w, sums = weights(64, 1)
    p = np.zeros((64, 64))
    p[~np.eye(64, dtype=bool)] = (w / sums[:, None]).ravel()
    error = np.abs(affinities(LEAN, w, sums) / 2**16 - (p + p.T) / 2)
    assert 2.0**-18 < error.max() <= 3 * 2.0**-17


def test_extremes() -> None:
    """One neighbour takes all; all are equal."""
    alone = np.zeros((4, 3), np.int64)
    alone[:, 0] = 256
    joint = affinities(LEAN, alone, alone.sum(axis=1))
    assert joint[0].tolist() == [0, 1 << 16, 1 << 15, 1 << 15]
    equal = np.full((4, 3), 256)
    assert (affinities(LEAN, equal, equal.sum(axis=1))[~np.eye(4, dtype=bool)] == 21845).all()


def test_groups_together_are_as_alone() -> None:
    pairs = [weights(9, seed) for seed in range(6)]
    together = affinities(LEAN, np.stack([w for w, _ in pairs]), np.stack([s for _, s in pairs]))
    for one, (w, sums) in zip(together, pairs, strict=True):
        assert np.array_equal(one, affinities(LEAN, w, sums))
