# SPDX-License-Identifier: Apache-2.0
"""The grid against its rule by hand, and its software-only options."""

import math

import numpy as np
import pytest

from nms.contract.errors import UserError
from nms.golden import exact
from tests.golden.exact.data import digits


def grid_by_hand(y: np.ndarray, keep: int, step: float) -> list[int]:
    """The rule of the contract, one sentence a line, in Python's integers."""
    points = [(math.floor(a / step + 0.5), math.floor(b / step + 0.5)) for a, b in y.tolist()]
    side = next(g for g in range(1, 2 * keep + 1) if g * g >= 2 * keep)
    low = [min(axis) for axis in zip(*points, strict=True)]
    span = max(max(axis) - min(axis) for axis in zip(*points, strict=True)) + 1
    shift = span.bit_length() + 16
    cells, offsets = [], []
    for point in points:
        u = [(p - m) * (2**shift // span * side) for p, m in zip(point, low, strict=True)]
        cells.append((u[1] >> shift) * side + (u[0] >> shift))
        offsets.append(sum((((v >> (shift - 12)) & 4095) - 2048) ** 2 for v in u))
    everyone = range(len(points))
    rank = [
        sum(cells[j] == cells[i] and (offsets[j], j) < (offsets[i], i) for j in everyone) for i in everyone
    ]
    kept: list[int] = []
    for level in everyone:
        this_round = [i for i in everyone if rank[i] == level]
        this_round.sort(key=lambda i: (-cells.count(cells[i]), cells[i]))
        kept += this_round[: keep - len(kept)]
    return sorted(kept)


@pytest.mark.parametrize("seed", range(60))
def test_grid_against_the_rule_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 80))
    keep = int(rng.integers(1, count + 1))
    shape = [
        rng.normal(0, rng.choice([1e-6, 1.0, 40.0]), (count, 2)),
        rng.integers(-2, 3, (count, 2)).astype(np.float64),
        rng.normal(0, 1, (count, 1)) * rng.normal(0, 1, (1, 2)),
    ][seed % 3]
    step = float(rng.choice([2.0**-24, 2.0**-20, 2.0**-50]))
    assert exact.sample(shape, keep, step).tolist() == grid_by_hand(shape, keep, step)


@pytest.mark.parametrize("keep", [1, 2, 7, 19, 63, 64])
@pytest.mark.parametrize(
    "y",
    [
        np.zeros((64, 2)),
        np.stack([np.linspace(-3, 3, 64), np.zeros(64)], axis=1),
        np.stack([np.full(64, 5.0), np.linspace(-3, 3, 64)], axis=1),
        np.random.default_rng(1).normal(0, 20, (64, 2)),
    ],
    ids=["one point", "horizontal", "vertical", "cloud"],
)
def test_grid_keeps_exactly_k(y: np.ndarray, keep: int) -> None:
    kept = exact.sample(y, keep)
    assert kept.shape == (keep,)
    assert (np.diff(kept) > 0).all()
    assert 0 <= kept[0] <= kept[-1] < 64
    if not y.any():
        assert kept.tolist() == list(range(keep))


@pytest.mark.parametrize("keep", [0, -1, 65])
def test_keep_out_of_range(keep: int) -> None:
    with pytest.raises(UserError, match="1 to 64"):
        exact.sample(np.zeros((64, 2)), keep)
    with pytest.raises(UserError, match="1 to 64"):
        exact.run(digits(64), keep)


@pytest.mark.parametrize("seed", range(5))
def test_fine_side_is_the_smallest_with_enough_cells(seed: int) -> None:
    y = np.random.default_rng(seed).normal(0, 3, (150, 2))
    for keep in (1, 15, 60):
        side = exact.fine_side(y, keep)
        occupied = [len(set(exact.assign_cells(y, g)[0].tolist())) for g in range(1, side + 1)]
        assert max(occupied[:-1], default=0) < keep <= occupied[-1]
        kept = exact.sample(y, keep, side=side)
        assert len(set(exact.assign_cells(y, side)[0][kept].tolist())) == keep


def test_fine_side_where_points_coincide() -> None:
    y = np.repeat(np.random.default_rng(1).normal(0, 1, (5, 2)), 20, axis=0)
    assert exact.fine_side(y, 30) == 40  # 4 ceil(sqrt 100)
    assert len(exact.sample(y, 30, side=40)) == 30


@pytest.mark.parametrize("seed", range(20))
def test_proportional_quota_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, preference = rng.normal(0, 1, (60, 2)), rng.permutation(60)
    keep, side = int(rng.integers(1, 61)), int(rng.integers(1, 9))
    cell = exact.assign_cells(y, side)[0].tolist()
    members = {c: sorted((i for i in range(60) if cell[i] == c), key=lambda i: preference[i]) for c in cell}
    share = {c: keep * len(of) // 60 for c, of in members.items()}
    rest = sorted(members, key=lambda c: (-(keep * len(members[c]) % 60), c))
    for c in rest[: keep - sum(share.values())]:
        share[c] += 1
    expected = sorted(i for c, of in members.items() for i in of[: share[c]])
    assert exact.sample(y, keep, side=side, preference=preference, proportional=True).tolist() == expected


def test_preference_decides_within_a_cell() -> None:
    y = np.repeat([[0.0, 0.0], [1.0, 1.0]], 3, axis=0)
    assert exact.sample(y, 2, side=2, preference=np.array([2, 0, 1, 5, 5, 4])).tolist() == [1, 5]


@pytest.mark.parametrize("seed", range(10))
def test_apportion(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 50, 12)
    total = int(rng.integers(0, sizes.sum() + 1))
    shares = exact.apportion(total, sizes)
    assert shares.sum() == total
    assert (shares <= sizes).all()
    assert (np.abs(shares - total * sizes / sizes.sum()) < 1).all()
