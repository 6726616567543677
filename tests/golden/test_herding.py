# SPDX-License-Identifier: Apache-2.0
"""Herding against the contract by hand, the published formulas, and means matched in float64."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.golden import exact, herding
from nms.golden.exact.herding import choose as exact_choose
from tests.golden.exact.data import Load, real


def by_hand(distance: list[list[int]], keep: int) -> list[int]:
    """The contract's sentences in Python's integers."""
    everyone = range(len(distance))
    sums = [sum(row) for row in distance]
    score = list(sums)
    chosen: list[int] = []
    for _ in range(keep):
        _, c = min((score[i], i) for i in everyone if i not in chosen)
        chosen.append(c)
        for i in everyone:
            score[i] += sums[i] - len(distance) * distance[i][c]
    return sorted(chosen)


def by_kernel(distance: list[list[int]], keep: int) -> list[int]:
    """Chen, Welling and Smola (2010) in fractions: kernel herding with ``k = -D``, each image once."""
    count = len(distance)
    chosen: list[int] = []
    for taken in range(keep):

        def gain(i: int, taken: int = taken) -> Fraction:
            mean = Fraction(-sum(distance[i]), count)
            return mean - Fraction(-sum(distance[i][c] for c in chosen), taken + 1)

        chosen.append(max((i for i in range(count) if i not in chosen), key=gain))
    return sorted(chosen)


def by_mean(images: list[list[int]], keep: int) -> list[int]:
    """Rebuffi et al. (2017), algorithm 4, in fractions: of all next means that nearest to the mean of all."""
    count = len(images)
    mean = [Fraction(sum(column), count) for column in zip(*images, strict=True)]
    chosen: list[int] = []
    for taken in range(keep):

        def error(i: int, taken: int = taken) -> Fraction:
            sums = (sum(column) for column in zip(*(images[c] for c in [*chosen, i]), strict=True))
            return sum(
                ((m - Fraction(s, taken + 1)) ** 2 for m, s in zip(mean, sums, strict=True)), Fraction()
            )

        chosen.append(min((i for i in range(count) if i not in chosen), key=error))
    return sorted(chosen)


def groups() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(17)
    return {
        "noise": rng.integers(0, 256, (24, 12), np.uint8),
        "ties": rng.integers(0, 2, (24, 3), np.uint8),
        "all equal": np.full((9, 5), 77, np.uint8),
        "one outlier": np.concatenate([np.full((1, 5), 255, np.uint8), np.zeros((8, 5), np.uint8)]),
        "twins": np.repeat(rng.integers(0, 256, (8, 6), np.uint8), 2, axis=0),
        "four": rng.integers(0, 256, (4, 2), np.uint8),
        "digits": load_digits().data[:20].astype(np.uint8),
    }


@pytest.mark.parametrize("name", groups())
def test_published_formulas(name: str) -> None:
    images = groups()[name]
    distance = exact.distances(images)
    for keep in range(1, len(images) + 1):
        kept = herding.choose(distance, keep)
        assert kept.dtype == np.int64
        assert kept.tolist() == by_hand(distance.tolist(), keep)
        if keep % 4 == 0:
            assert kept.tolist() == by_kernel(distance.tolist(), keep) == by_mean(images.tolist(), keep)


@real
@pytest.mark.parametrize("keep", [6, 19, 32, 64])
def test_real_images_in_float64(load: Load, keep: int) -> None:
    images = load(64 * 8)
    for group in images.reshape(8, 64, -1):
        ours = herding.choose(exact.distances(group), keep)
        assert np.array_equal(ours, exact_choose(group.astype(np.float64), keep))


@real
def test_the_mean_of_all_is_followed(load: Load) -> None:
    """19 of 64: the mean of what herding keeps is nearer to that of all than of any of 200 random choices."""
    rng = np.random.default_rng(2)
    group = load(64).reshape(64, -1).astype(np.float64)
    mean = group.mean(axis=0)

    def error(kept: np.ndarray) -> float:
        return float(np.linalg.norm(group[kept].mean(axis=0) - mean))

    kept = herding.choose(exact.distances(load(64)), 19)
    assert error(kept) < min(error(rng.choice(64, 19, replace=False)) for _ in range(200))


def test_order_begins_with_what_fewer_keep() -> None:
    distance = exact.distances(load_digits().data[:40].astype(np.uint8))
    order = herding.order(distance, 40)
    assert sorted(order.tolist()) == list(range(40))
    assert order[0] == distance.sum(axis=1).argmin()  # the medoid
    for keep in range(1, 41):
        assert herding.order(distance, keep).tolist() == order[:keep].tolist()
        assert herding.choose(distance, keep).tolist() == sorted(order[:keep].tolist())


def test_the_largest_group_fits() -> None:
    """1024 images of 65536 bytes at opposite ends: no score leaves 64 bits."""
    farthest = 65536 * 255**2
    side = np.arange(1024) % 2
    distance = np.where(side[:, None] == side, 0, farthest)
    kept = herding.choose(distance, 1024)
    assert kept.tolist() == list(range(1024))
    assert herding.choose(distance, 307).tolist() == by_hand(distance.tolist(), 307)


def test_refusals() -> None:
    for keep in (0, 5):
        with pytest.raises(ValueError, match="keep"):
            herding.choose(np.zeros((4, 4), np.int64), keep)
