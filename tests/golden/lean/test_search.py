# SPDX-License-Identifier: Apache-2.0
"""The lean search: the contract in Python integers, float64 within the derived bound, hard groups."""

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.contract.config import PRESETS, LeanConfig
from nms.contract.tables import Status
from nms.golden.lean import search as unit
from nms.golden.lean.search import Rows, search
from nms.golden.pea import distances
from tests.golden.lean.plain import half_up, plain_search

LEAN, LEAN256 = (PRESETS[name] for name in ("lean", "lean256"))
assert isinstance(LEAN, LeanConfig)
assert isinstance(LEAN256, LeanConfig)


def digits(count: int, first: int = 0) -> np.ndarray:
    return load_digits().data[first : first + count].astype(np.uint8)


def bits(perplexity: float) -> int:
    """The raw target of a perplexity."""
    return math.floor(math.log2(perplexity) * 256 + 0.5)


def same(rows: Rows, other: Rows) -> bool:
    return all(np.array_equal(value, getattr(other, name)) for name, value in vars(rows).items())


def judge(config: LeanConfig, distance: np.ndarray, target: int, evaluations: int) -> Rows:
    """The rows of a group, after they were compared with the contract and with what holds for each."""
    rows = search(config, distance, target, evaluations)
    expected = plain_search(distance.tolist(), target, evaluations)
    for name, value in vars(rows).items():
        assert value.dtype == np.int64
        assert value.tolist() == [row[name] for row in expected], name
    assert np.array_equal(rows.sums, rows.weights.sum(axis=1))
    searched = (rows.status == Status.SOLVED) | (rows.status == Status.UNCONVERGED)
    assert (rows.evaluations[searched] >= 1).all()
    assert (rows.evaluations <= evaluations).all()
    assert not rows.evaluations[~searched].any()
    assert not rows.mantissa[~searched].any()
    off = np.abs(rows.entropy - target)
    assert (off[rows.status == Status.SOLVED] <= 4).all()
    assert (off[rows.status == Status.UNCONVERGED] > 4).all()
    assert (rows.entropy[rows.status == Status.INFEASIBLE] > target).all()
    assert (off[rows.status == Status.SATURATED] == 0).all()
    assert (rows.evaluations[rows.status == Status.UNCONVERGED] == evaluations).all()
    return rows


def random_images(rng: np.random.Generator, count: int) -> np.ndarray:
    """Images of few or many values in few or many bytes, some of them equal."""
    images = rng.integers(0, int(rng.choice([2, 4, 256])), (count, int(rng.choice([1, 3, 192]))), np.uint8)
    images[rng.integers(0, count, count // 3)] = images[0]
    return images


@pytest.mark.parametrize("seed", range(40))
def test_random_groups_as_the_contract_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 30))
    target = int(rng.integers(1, (count - 1).bit_length() << 8))
    judge(LEAN, distances(random_images(rng, count)), target, int(rng.integers(1, 16)))


HARD: dict[str, tuple[np.ndarray, float, set[Status]]] = {
    "all equal": (np.full((16, 64), 77, np.uint8), 5, {Status.INFEASIBLE}),
    "all equal, largest target": (np.full((16, 64), 1, np.uint8), 15.9, {Status.UNCONVERGED}),
    "one outlier": (
        np.concatenate([np.full((1, 192), 255, np.uint8), np.zeros((15, 192), np.uint8)]), 5,
        {Status.INFEASIBLE},
    ),
    "one outlier of different ones": (
        np.concatenate([np.full((1, 64), 255, np.uint8), digits(15) // 4]), 5,
        {Status.SOLVED, Status.UNCONVERGED},
    ),
    "twins": (np.repeat(digits(12), 2, axis=0), 5, {Status.SOLVED, Status.UNCONVERGED}),
    "twins, target of one bit": (
        np.repeat(digits(8), 3, axis=0), 2, {Status.SOLVED, Status.SATURATED, Status.INFEASIBLE},
    ),
    "black and white": (
        np.array([[0], [255]] * 8, np.uint8).repeat(192, axis=1), 8.5,
        {Status.SOLVED, Status.UNCONVERGED},
    ),
    "smallest gap at full scale": (
        np.concatenate([np.arange(12, dtype=np.uint8)[:, None] // np.ones((1, 192), np.uint8),
                        np.full((4, 192), 255, np.uint8)]).astype(np.uint8), 5,
        {Status.SOLVED, Status.UNCONVERGED},
    ),
    "four": (digits(4), 1.9, {Status.SOLVED, Status.UNCONVERGED}),
    "smallest target": (digits(16), 1.003, {Status.SOLVED, Status.UNCONVERGED, Status.SATURATED}),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
def test_hard_groups(name: str) -> None:
    images, perplexity, statuses = HARD[name]
    for evaluations in (1, 6, 15):
        rows = judge(LEAN, distances(images), bits(perplexity), evaluations)
        if evaluations > 1:
            assert set(rows.status.tolist()) <= statuses


def test_ties_decide_the_status() -> None:
    """m images at the minimum have the entropy log2 m: a target below, at and above it."""
    images = np.concatenate([np.full((9, 64), 200, np.uint8), digits(7)])
    level = int(search(LEAN, distances(images), 1, 1).entropy[0])
    assert abs(level - 3 * 256) <= 2
    expected = [Status.INFEASIBLE, Status.SATURATED, Status.SOLVED]
    for target, status in zip((level - 1, level, level + 1), expected, strict=True):
        assert (judge(LEAN, distances(images), target, 15).status[:9] == status).all()


def test_largest_group() -> None:
    rows = judge(LEAN256, distances(digits(256)), bits(15), 6)
    assert (rows.status == Status.SOLVED).mean() > 0.8


def test_longest_distances_keep_every_format() -> None:
    """Gaps of all bits of 3072 bytes and of one: u to both ends of its range, no signal leaves its format."""
    top = 3072 * 255**2
    config = LEAN.model_copy(update={"pixels": 3072})
    for gap in (1, top):
        distance = np.full((8, 8), top)
        distance[::2, 1::2] = distance[1::2, ::2] = top - gap
        np.fill_diagonal(distance, 0)
        for target in (1, bits(2), bits(4.5), 3 * 256 - 1):
            judge(config, distance, target, 15)


@pytest.mark.parametrize("perplexity", [2.0, 5.0, 15.0])
def test_groups_together_are_as_alone(perplexity: float) -> None:
    rng = np.random.default_rng(5)
    groups = [digits(20, 20 * k) for k in range(5)]
    groups += [np.zeros((20, 64), np.uint8), np.repeat(digits(10), 2, axis=0)]
    distance = np.stack([distances(rng.permutation(group)) for group in groups])
    together = search(LEAN, distance, bits(perplexity), 6)
    for index, one in enumerate(distance):
        alone = search(LEAN, one, bits(perplexity), 6)
        assert same(alone, Rows(**{name: value[index] for name, value in vars(together).items()}))
    nested = search(LEAN, distance[:6].reshape(2, 3, 20, 20), bits(perplexity), 6)
    assert np.array_equal(nested.weights.reshape(6, 20, 19), together.weights[:6])


def exact_entropy(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entropy in bits and the distribution of weights 2^-z, by rows."""
    w = np.exp2(-z)
    p = w / w.sum(axis=-1, keepdims=True)
    return np.log2(w.sum(axis=-1)) + (p * z).sum(axis=-1), p


def entropy_bound(z: np.ndarray) -> np.ndarray:
    """Bound on the error of H of the exact exponents z, by rows.

    With p = w/S and zbar = T/S: dH/dz_j = ln 2 p_j (zbar - z_j), dH/dw_j = (1/ln 2 + z_j - zbar)/S, the first
    order taken at the smallest S that the errors leave.

    * z is off by half of 2^-6 and, from the mantissa, by z 2^-9 at most;
    * w is off by 2^-9 2^-floor(z) from the table and 2^-9 from rounding; from 10 on by 2^-z or 2^-9;
    * the table of logarithms has cells of 2^-7, whose middles are off by 2^-8/ln 2, and is rounded to 2^-9;
    * the quotient is floored to 2^-8.
    """
    _, p = exact_entropy(z)
    total = np.exp2(-z).sum(axis=-1, keepdims=True)
    mean = (p * z).sum(axis=-1, keepdims=True)
    off_z = 2.0**-7 + z * 2.0**-9
    off_w = np.minimum(2.0**-9 * (1 + 2.0 ** -np.floor(z - off_z)), np.where(z > 10.1, np.exp2(-z), 1))
    least = total - off_w.sum(axis=-1, keepdims=True)
    from_z = math.log(2) * (p * np.abs(mean - z) * off_z).sum(axis=-1) * 1.1
    from_w = ((1 / math.log(2) + np.abs(z - mean)) * off_w / least).sum(axis=-1)
    return from_z + from_w + 2.0**-8 / math.log(2) + 2.0**-9 + 2.0**-8


def test_error_of_the_entropy() -> None:
    distance = np.stack([distances(digits(64, 64 * k)) for k in range(4)])
    gap = distance[:, ~np.eye(64, dtype=bool)].reshape(256, 63)
    gap -= gap.min(axis=1, keepdims=True)
    scale = np.frexp(gap.max(axis=1).astype(float))[1].astype(np.int64)
    worst = []
    for u in range(-2048, 7 << 8, 37):
        z = np.exp2(u / 256 - scale)[:, None] * gap
        got = unit.evaluate(LEAN, np.full(256, u), gap, scale) / 256
        error = np.abs(got - exact_entropy(z)[0])
        bound = entropy_bound(z)
        assert (error <= bound).all()
        worst.append((error / bound).max())
    assert max(worst) > 0.25


def test_rounding_of_negative_shifts() -> None:
    """z of a gap of one at the largest u: the product is shifted to the left."""
    u, gap, scale = np.array([(1 + 4) * 256 - 1]), np.array([[0, 1]]), np.array([1])
    z, w = unit.weigh(LEAN, u, gap, scale)
    assert z.tolist() == [[0, min(half_up(511, 2 + 1 - 4), 1023)]]
    assert w.tolist() == [[256, 0]]
