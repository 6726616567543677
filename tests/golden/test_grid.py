# SPDX-License-Identifier: Apache-2.0
"""The grid against the contract's words by counting all pairs, round after round."""

import numpy as np
import pytest

from nms.golden import grid

Points = list[tuple[int, int]]


def plain(points: Points, keep: int) -> list[int]:
    side = 0
    while side**2 < 2 * keep:
        side += 1
    xs, ys = [x for x, _ in points], [y for _, y in points]
    s = max(max(xs) - min(xs), max(ys) - min(ys)) + 1
    rb = s.bit_length() + 16
    r = (2**rb // s) * side
    cells, offsets = [], []
    for x, y in points:
        ux, uy = (x - min(xs)) * r, (y - min(ys)) * r
        cx, cy = ux >> rb, uy >> rb
        assert 0 <= cx < side
        assert 0 <= cy < side
        ox, oy = (((u >> (rb - 12)) & 4095) - 2048 for u in (ux, uy))
        cells.append(cy * side + cx)
        offsets.append(ox * ox + oy * oy)
    everyone = range(len(points))
    rank = [
        sum(cells[j] == cells[i] and (offsets[j], j) < (offsets[i], i) for j in everyone) for i in everyone
    ]
    occupied = [cells.count(cells[i]) for i in everyone]
    kept: list[int] = []
    turn = 0
    while len(kept) < keep:
        candidates = [i for i in everyone if rank[i] == turn]
        if len(kept) + len(candidates) > keep:
            candidates.sort(key=lambda i: cells[i])
            candidates.sort(key=lambda i: occupied[i], reverse=True)
            candidates = candidates[: keep - len(kept)]
        kept += candidates
        turn += 1
    return sorted(kept)


def maps() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(6)
    limit = 1 << 30
    return {
        "one point": np.full((16, 2), 12345),
        "two points": np.array([[-limit, -limit], [limit - 1, limit - 1]] * 8),
        "line": np.stack([np.arange(40) * 1000, np.zeros(40, np.int64)], axis=1),
        "column": np.stack([np.zeros(40, np.int64), -np.arange(40)], axis=1),
        "small square": rng.integers(0, 3, (60, 2)),
        "full range": rng.integers(-limit, limit, (64, 2)),
        "clusters": (
            rng.integers(-5, 5, (8, 1, 2)) * (1 << 24) + rng.integers(0, 1 << 18, (8, 9, 2))
        ).reshape(-1, 2),
        "normal": (rng.normal(0, 4, (64, 2)) * (1 << 24)).astype(np.int64),
    }


@pytest.mark.parametrize("name", maps())
def test_brute_force(name: str) -> None:
    points = maps()[name]
    for keep in range(1, len(points) + 1):
        kept = grid.sample(points, keep)
        assert kept.dtype == np.int64
        assert kept.tolist() == plain([tuple(p) for p in points.tolist()], keep)
        assert len(set(kept.tolist())) == keep


def test_largest_batch() -> None:
    points = (np.random.default_rng(9).normal(0, 10, (1024, 2)) * (1 << 24)).astype(np.int64)
    assert grid.sample(points, 307).tolist() == plain([tuple(p) for p in points.tolist()], 307)


def test_refusals() -> None:
    for keep in (0, 5):
        with pytest.raises(ValueError, match="keep"):
            grid.sample(np.zeros((4, 2), np.int64), keep)
