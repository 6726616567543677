# SPDX-License-Identifier: Apache-2.0
"""The lean map: the contract in Python integers, and float64 within the derived bound of an iteration."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.contract.config import PRESETS, LeanConfig
from nms.golden import prng
from nms.golden.lean import map as unit
from nms.golden.lean.affinity import affinities
from nms.golden.lean.map import embed
from nms.golden.lean.search import search
from nms.golden.pea import distances
from tests.golden.lean.plain import plain_embed, plain_normaliser

LEAN, LEAN256 = (PRESETS[name] for name in ("lean", "lean256"))
assert isinstance(LEAN, LeanConfig)
assert isinstance(LEAN256, LeanConfig)
MOST = LEAN.profile.position.max


def random_affinity(count: int, seed: int) -> np.ndarray:
    """Symmetric, conditional rows summing to about 1, with a hub so that some sigma is above 0."""
    rng = np.random.default_rng(seed)
    p = rng.exponential(1, (count, count)) ** 3
    p[:, 0] += 10
    np.fill_diagonal(p, 0)
    p /= p.sum(axis=1, keepdims=True)
    return np.floor((p + p.T) * 2**15 + 0.5).astype(np.int64)


def spread(count: int, reach: float, seed: int = 3) -> np.ndarray:
    """Points within ``reach`` of the origin on each axis."""
    rng = np.random.default_rng(seed)
    return np.floor(rng.uniform(-reach, reach, (count, 2)) * 4096).clip(-MOST - 1, MOST).astype(np.int64)


def affinity_of_digits(count: int) -> np.ndarray:
    distance = distances(load_digits().data[:count].astype(np.uint8))
    rows = search(LEAN256, distance, 1000, 6)
    return affinities(LEAN256, rows.weights, rows.sums)


@pytest.mark.parametrize("reach", [0.25, 4.0, 32.0])
@pytest.mark.parametrize("count", [4, 5, 13])
def test_as_the_contract_says(count: int, reach: float) -> None:
    affinity, start = random_affinity(count, count), spread(count, reach)
    for iterations, exaggerated in ((0, 0), (1, 0), (9, 3), (20, 20)):
        seen: list[np.ndarray] = []
        got = embed(LEAN, affinity, start, iterations, exaggerated, seen.append)
        expected = plain_embed(affinity.tolist(), start.tolist(), iterations, exaggerated)
        assert got.tolist() == expected
        assert got.dtype == np.int64
        assert len(seen) == iterations


@pytest.mark.parametrize("count", [64, 256])
def test_whole_groups_as_the_contract_says(count: int) -> None:
    affinity, start = affinity_of_digits(count), prng.points(LEAN256, 1, count)
    iterations = 48 if count == 64 else 3
    expected = plain_embed(affinity.tolist(), start.tolist(), iterations, 12)
    assert embed(LEAN256, affinity, start, iterations, 12).tolist() == expected


def test_corners_of_the_range() -> None:
    """Points in the four corners, all in one place, and pulled apart by nothing: nothing overflows."""
    corners = np.array([[x, y] for x in (-MOST - 1, MOST) for y in (-MOST - 1, MOST)])
    affinity = random_affinity(4, 1)
    for start in (corners, np.zeros_like(corners), np.full_like(corners, MOST), corners // 2):
        for joint in (affinity, np.zeros_like(affinity)):
            expected = plain_embed(joint.tolist(), start.tolist(), 12, 3)
            assert embed(LEAN, joint, start, 12, 3).tolist() == expected


def test_points_in_one_place_stay_together() -> None:
    """Equal points have no force between them, and equal affinities move them alike."""
    joint = np.full((16, 16), (1 << 16) // 15)
    np.fill_diagonal(joint, 0)
    assert not embed(LEAN, joint, np.zeros((16, 2), np.int64), 48, 12).any()


def test_groups_together_are_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many groups are computed at a time."""
    affinity = np.stack([random_affinity(7, seed) for seed in range(6)])
    start = np.stack([spread(7, 2.0**seed / 4, seed) for seed in range(6)])
    alone = [embed(LEAN, one, y, 30, 7) for one, y in zip(affinity, start, strict=True)]
    for pairs in (1, 4 * 21, 1 << 14):
        monkeypatch.setattr(unit, "PAIRS", pairs)
        assert np.array_equal(embed(LEAN, affinity, start, 30, 7), alone)
    nested = embed(LEAN, affinity.reshape(2, 3, 7, 7), start.reshape(2, 3, 7, 2), 30, 7)
    assert np.array_equal(nested.reshape(6, 7, 2), alone)


@pytest.mark.parametrize("count", [4, 64, 256])
def test_normaliser(count: int) -> None:
    """As the contract says at the ends of its range and between; 10 bits of N/Z."""
    most = (count * (count - 1) // 2) << 12
    edges = [0, 1, (count << 7) - 1, count << 7, (count << 7) + 1, most - 1, most]
    edges += [(count << 2) << k for k in range(6, 24)] + [((count << 2) << k) + 1 for k in range(6, 24)]
    half_sums = np.array([value for value in edges if value <= most])
    half_sums = np.append(half_sums, np.random.default_rng(1).integers(0, most, 1000))
    zm, ze = unit.normalise(count, half_sums)
    assert list(zip(zm.tolist(), ze.tolist(), strict=True)) == [
        plain_normaliser(count, value) for value in half_sums.tolist()
    ]
    assert ((zm >= 512) & (zm < 1024)).all()
    exact = count * 2.0**11 / half_sums[half_sums > count << 7]
    got = (zm / 2.0**ze)[half_sums > count << 7]
    assert ((got <= exact) & (got > exact * (1 - 2.0**-9))).all()


def kernel_error() -> float:
    """Largest relative error of t 2^-(8+n): the floor of |dx|, the cells of 2^-7, the table's rounding.

    |dx| is floored to 2^-6, which takes less than 2^-5 (|dx| + |dy|) of 1 + d^2,
    at most 2^-6 sqrt(2) of it.
    The middle of a cell is off by 2^-8 at most, the table by 2^-9 of at least 1/2.
    """
    return 1 / (1 - 2.0**-6 * np.sqrt(2)) * (1 + 2.0**-8) * (1 + 2.0**-8) - 1


def test_error_of_the_kernel() -> None:
    rng = np.random.default_rng(2)
    d = np.floor(rng.uniform(-1, 1, (2, 200000)) * 2.0 ** rng.uniform(0, 18, 200000)).astype(np.int64)
    t, n = unit.kernel(d[0], d[1])
    assert ((t >= 128) & (t <= 255)).all()
    relative = t / 2.0 ** (8 + n) * (1 + (d / 4096.0 * d / 4096.0).sum(axis=0)) - 1
    assert kernel_error() / 2 < np.abs(relative).max() <= kernel_error()


@pytest.mark.parametrize("reach", [0.25, 2.0, 12.0])
@pytest.mark.parametrize("early", [True, False])
def test_error_of_an_iteration(reach: float, early: bool) -> None:
    """Y after one iteration from the same Y, V = 0 and normaliser, against float64.

    With eps = :func:`kernel_error` of w, for each pair:

    * c = X P' - w N/Z: N/Z is off by 2^-9 of itself, and c is rounded to 2^-17;
    * g = c w, rounded to 2^-17, then to 8 bits, which takes 2^-8 of it at most;
    * the force g dx is rounded to 2^-17.

    The step's shift and the velocity round once more each, by half a unit of Y.
    Velocities saturate, which adds nothing.
    """
    affinity, start = random_affinity(48, 2), spread(48, reach)
    phase = unit.EARLY if early else unit.LATE
    state = unit.State(start[None], np.zeros_like(start[None]), np.array([80 << 12]))
    got = unit.iterate(LEAN, affinity[None], state, phase)
    y, joint = start / 4096, affinity / 2.0**16
    difference = y[:, None] - y[None]
    w = 1 / (1 + (difference**2).sum(axis=2))
    np.fill_diagonal(w, 0)
    normaliser = 48 / 160
    c = joint * 2.0**phase.attraction - w * normaliser
    exact_force = np.einsum("ij,ijk->ik", c * w, difference)
    scale = 2.0 ** (phase.step - np.ceil(np.log2(np.maximum(1, joint.sum(axis=1)))))[:, None]
    eps = kernel_error()
    c_off = w * normaliser * ((1 + eps) * (1 + 2.0**-9) - 1) + 2.0**-17
    g_off = np.abs(c) * w * eps + (1 + eps) * w * c_off + 2.0**-17
    g_off += (np.abs(c * w) + g_off) * 2.0**-8
    bound = scale * (np.einsum("ij,ijk->ik", g_off, np.abs(difference)) + 47 * 2.0**-17) + 2.0**-12
    exact = y + np.clip(
        -scale * exact_force, LEAN.profile.velocity.min / 4096, LEAN.profile.velocity.max / 4096
    )
    error = np.abs(got.points[0] / 4096 - exact)
    assert (error <= bound).all()
    assert (error / bound).max() > 0.01
    total = got.half_sum[0] / 4096
    assert abs(total - w.sum() / 2) <= w.sum() / 2 * eps + 48 * 47 / 2 * 2.0**-12


def test_values_out_of_range() -> None:
    start = spread(4, 1)
    with pytest.raises(OverflowError, match="Y ="):
        embed(LEAN, np.zeros((4, 4), np.int64), start + (1 << 17), 1, 0)
    with pytest.raises(OverflowError, match="P' ="):
        embed(LEAN, np.full((4, 4), 1 << 17), start, 1, 0)
