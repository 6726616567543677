# SPDX-License-Identifier: Apache-2.0
"""The embedding: the contract in Python integers, and float64 within the derived bound of an iteration."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.contract.bounds import Bounds
from nms.contract.config import PRESETS, Config
from nms.golden import grid, newton, te

presets = pytest.mark.parametrize("config", [PRESETS["paper"], PRESETS["edge"]], ids=lambda c: c.formats)


def half_up(v: int, n: int) -> int:
    if n < 0:
        return v << -n
    return (v + (1 << (n - 1))) >> n if n else v


def plain_embed(
    config: Config, affinity: list[list[int]], y0: list[list[int]], count: int
) -> list[list[int]]:
    """The contract's words in Python integers."""
    p = config.profile
    b, k, fk, fp = (f.fraction for f in (p.position, p.kernel_reciprocal, p.kernel, p.affinity))

    def inverse(value: int, fraction: int) -> int:
        m = value << (k - fraction) if k >= fraction else value >> (fraction - k)
        return int(newton.reciprocal(m, k, k, p.kernel_seed, p.kernel_steps))

    y = [list(point) for point in y0]
    v = [[0, 0] for _ in y]
    n = len(y)
    for t in range(count):
        early = t < count // 4
        x_shift, momentum, c = (1, 8, 0) if early else (0, 13, 1)
        z = 0
        att, rep = [[0, 0] for _ in y], [[0, 0] for _ in y]
        for i in range(n):
            for j in range(n):
                if i == j:
                    continue
                d = [y[i][axis] - y[j][axis] for axis in (0, 1)]
                a = (1 << b) + half_up(d[0] ** 2 + d[1] ** 2, b)
                e = a.bit_length() - 1 - b
                w = half_up(inverse(a, b + e), e + k - fk)
                z += w
                for axis in (0, 1):
                    att[i][axis] += half_up(affinity[i][j] * w, fk) * d[axis]
                    rep[i][axis] += half_up(w * w, fk) * d[axis]
        bz = z.bit_length() - 1
        yz = inverse(z, bz)
        new = []
        for i in range(n):
            sigma = 0
            while sum(affinity[i]) > 1 << (fp + sigma):
                sigma += 1
            point = []
            for axis in (0, 1):
                pull = half_up(att[i][axis], fp) << x_shift
                push = half_up(half_up(rep[i][axis], fk) * n * yz, k + bz - fk)
                step = half_up(momentum * v[i][axis], 4) - half_up((pull - push) << c, sigma)
                v[i][axis] = min(max(step, p.velocity.min), p.velocity.max)
                point.append(min(max(y[i][axis] + v[i][axis], p.position.min), p.position.max))
            new.append(point)
        y = new
    return y


def embed(config: Config, affinity: np.ndarray, y0: np.ndarray, iterations: int) -> np.ndarray:
    """The model's whole schedule, its first quarter exaggerated."""
    return te.embed(config, affinity, y0, iterations, iterations // 4)


def random_affinity(config: Config, count: int, seed: int) -> np.ndarray:
    """Symmetric, conditional rows summing to about 1, with a hub so that some sigma is above 0."""
    rng = np.random.default_rng(seed)
    p = rng.exponential(1, (count, count)) ** 3
    p[:, 0] += 10
    np.fill_diagonal(p, 0)
    p /= p.sum(axis=1, keepdims=True)
    return np.floor((p + p.T) / 2 / config.profile.affinity.lsb + 0.5).astype(np.int64)


def float_embed(
    config: Config, affinity: np.ndarray, y0: np.ndarray, iterations: int, first: int | None = None
) -> np.ndarray:
    """The same schedule in float64 from the same raw numbers; ``first`` iterations are exaggerated."""
    joint = affinity * config.profile.affinity.lsb
    y = y0 * config.profile.position.lsb
    v = np.zeros_like(y)
    sums = joint.sum(axis=1)
    step = 2.0 ** -np.array([max(0, math.ceil(math.log2(r))) for r in sums])[:, None]
    for t in range(iterations):
        early = t < (iterations // 4 if first is None else first)
        d = y[:, None] - y[None]
        w = 1 / (1 + (d**2).sum(axis=2))
        np.fill_diagonal(w, 0)
        attraction = ((joint * w)[..., None] * d).sum(axis=1)
        repulsion = len(y) / w.sum() * ((w * w)[..., None] * d).sum(axis=1)
        if early:
            v = v / 2 - step * (2 * attraction - repulsion)
        else:
            v = v * 13 / 16 - 2 * step * (attraction - repulsion)
        y = y + v
    return y


def spread(config: Config, count: int, reach: float, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.floor(rng.uniform(-reach, reach, (count, 2)) / config.profile.position.lsb).astype(np.int64)


@presets
@pytest.mark.parametrize("reach", [0.25, 4.0, 63.99])
def test_as_the_contract_says(config: Config, reach: float) -> None:
    for count in (4, 7):
        affinity = random_affinity(config, count, count)
        y0 = spread(config, count, reach)
        expected = plain_embed(config, affinity.tolist(), y0.tolist(), 9)
        assert embed(config, affinity, y0, 9).tolist() == expected


@presets
def test_corners_of_the_range(config: Config) -> None:
    """Points in the four corners, all in one place, and pulled apart by nothing: nothing overflows."""
    form = config.profile.position
    corners = np.array([[x, y] for x in (form.min, form.max) for y in (form.min, form.max)])
    affinity = random_affinity(config, 4, 1)
    for y0 in (corners, np.zeros_like(corners), np.full_like(corners, form.max)):
        expected = plain_embed(config, affinity.tolist(), y0.tolist(), 12)
        assert embed(config, affinity, y0, 12).tolist() == expected
    nothing = np.zeros((4, 4), np.int64)
    expected = plain_embed(config, nothing.tolist(), (corners // 2).tolist(), 4)
    assert embed(config, nothing, corners // 2, 4).tolist() == expected


@presets
@pytest.mark.parametrize("reach", [0.25, 2.0, 12.0])
@pytest.mark.parametrize("early", [True, False])
def test_error_of_an_iteration(config: Config, reach: float, early: bool) -> None:
    p = config.profile
    affinity = random_affinity(config, 48, 2)
    y0 = spread(config, 48, reach)
    phase = te.EARLY if early else te.LATE
    got, _ = te.iterate(config, affinity, y0, np.zeros_like(y0), phase)
    exact = float_embed(config, affinity, y0, 1, first=int(early))
    row_sum = affinity.sum(axis=1).max() * p.affinity.lsb
    extent = float(np.ptp(y0, axis=0).max() * p.position.lsb)
    error = np.abs(got * p.position.lsb - exact).max()
    d2 = (((y0[:, None] - y0[None]) * p.position.lsb) ** 2).sum(axis=2)
    z = (1 / (1 + d2)).sum() - len(y0)
    bound = Bounds(config).step(48, row_sum, extent, z, exaggerated=early)
    assert bound / 100 < error <= bound


@presets
def test_whole_schedule_stays_with_float64(config: Config) -> None:
    """300 iterations of digits' affinities: the maps agree, and the grid keeps the same points of both."""
    images = load_digits().data[:64]
    d = ((images[:, None] - images[None]) ** 2).sum(axis=2)
    w = np.exp(-8 * d / np.sort(d, axis=1)[:, 8:9])
    np.fill_diagonal(w, 0)
    w /= w.sum(axis=1, keepdims=True)
    p = config.profile
    affinity = np.floor((w + w.T) / 2 / p.affinity.lsb + 0.5).astype(np.int64)
    y0 = spread(config, 64, 0.25)
    got = embed(config, affinity, y0, 300)
    exact = float_embed(config, affinity, y0, 300) / p.position.lsb
    extent = np.ptp(exact)
    assert extent > 5 / p.position.lsb
    assert np.abs(got - exact).max() < {"wide": 5e-4, "edge": 1e-2}[config.formats] * extent
    kept = np.intersect1d(grid.sample(got, 19), grid.sample(np.floor(exact + 0.5).astype(np.int64), 19))
    assert len(kept) >= {"wide": 19, "edge": 18}[config.formats]


@presets
def test_no_iteration_changes_nothing(config: Config) -> None:
    y0 = spread(config, 5, 1)
    assert np.array_equal(embed(config, random_affinity(config, 5, 1), y0, 0), y0)


def test_row_sum_out_of_range() -> None:
    config = PRESETS["tiny"]
    affinity = np.full((16, 16), 3 << config.profile.affinity.fraction)
    with pytest.raises(OverflowError, match="R ="):
        embed(config, affinity, spread(config, 16, 1), 1)
