# SPDX-License-Identifier: Apache-2.0
"""Near-duplicates against the contract's words in Python's integers, the float64 rule, and whole runs."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from nms.contract.config import PRESETS, ReducedConfig, load
from nms.contract.settings import LeanSettings, Pick
from nms.golden import sampler
from nms.golden.exact import near_duplicates as exact
from nms.golden.lean.sampler import run_groups
from nms.golden.near_duplicates import Removal, centre, is_near_duplicate, measure_profiles

WIDE = cast("ReducedConfig", load("lean", ["images=64", "window=256"]))

SHAPES = [
    (4, 4), (5, 4, 3), (3, 6, 4), (17, 9), (31, 40, 3), (64, 8, 3), (65, 12), (3, 66, 11), (127, 6, 3),
    (128, 5), (129, 7), (300, 70, 3), (3, 300, 70), (70, 300),
]  # fmt: skip
"""(height, width[, 3]) or, of planes, (3, height, width)."""


def planes(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[2] != 3


def settings(shape: tuple[int, ...], count: int = 24, **given: Any) -> LeanSettings:
    given = {"threshold": 8, **given}
    return LeanSettings.make(WIDE, count, shape, planes=planes(shape), **given)


def profile(image: list[int], s: LeanSettings) -> list[int]:
    """v of section 22, byte by byte, in Python's integers."""
    h, w, channels = s.height, s.width, s.channels
    shift = 0
    while h >> shift > 64:
        shift += 1
    bins = h >> shift
    sums = [0] * bins
    for y in range(bins << shift):
        for x in range(w):
            for c in range(channels):
                at = (c * h + y) * w + x if s.planes else (y * w + x) * channels + c
                sums[y >> shift] += image[at]
    return [one >> max(0, (255 * w * channels).bit_length() + shift - 10) for one in sums]


def by_hand(batches: list[list[list[int]]], s: LeanSettings) -> list[list[int]]:
    """Of each image of each batch whether it stands, of their profiles."""
    n = len(batches[0][0]) - 2
    k = n.bit_length() - 1
    o = (n - 2**k) >> 1

    def f(v: list[int], t: int) -> list[int]:
        a = [v[i + 1 + t] for i in range(n)]
        mean = sum(a[o : o + 2**k]) >> k
        return [one - mean for one in a]

    standing: list[list[int]] = []
    found = []
    for batch in batches:
        if not s.across:
            standing = []
        bits = []
        for v in batch:
            duplicate = False
            for other in standing[-s.window :]:
                e = f(other, 0)
                d = min(sum((a - b) ** 2 for a, b in zip(f(v, t), e, strict=True)) for t in (-1, 0, 1))
                duplicate |= 256 * d <= s.threshold * sum(one * one for one in e)
            if not duplicate:
                standing.append(v)
            bits.append(int(not duplicate))
        found.append(bits)
    return found


def stream(shape: tuple[int, ...], count: int, seed: int) -> np.ndarray:
    """Images (count, ...) of few scenes: equal, shifted, lightened and noisy ones; flat ones; others."""
    rng = np.random.default_rng(seed)
    rows = 1 if planes(shape) else 0  # the axis of rows
    scenes = []
    for _ in range(max(2, count // 4)):
        coarse = rng.integers(0, 256, [max(1, side // 5 + 1) for side in shape])
        whole = coarse
        for axis, side in enumerate(shape):
            whole = np.take(whole, np.arange(side) * coarse.shape[axis] // side, axis)
        scenes.append(whole)
    images = []
    for _ in range(count):
        image = scenes[rng.integers(len(scenes))].astype(np.float64)
        match rng.integers(8):
            case 0 | 1:
                image = np.roll(image, rng.integers(-2, 3), rows)
            case 2:
                image *= rng.uniform(0.8, 1.2)
            case 3 | 4:
                image += rng.normal(0, rng.uniform(0, 20), shape)
            case 5:
                image[:] = rng.integers(256)
            case 6:
                image = rng.integers(0, 256, shape).astype(np.float64)
        images.append(np.clip(np.rint(image), 0, 255).astype(np.uint8))
    return np.stack(images)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batches_by_hand(shape: tuple[int, ...]) -> None:
    """Batches of any size, alone and as of one job, at several thresholds and windows."""
    small = np.prod(shape) < 10000
    images = stream(shape, 36 if small else 9, len(shape) * shape[0]).reshape(3, -1, int(np.prod(shape)))
    stood = []
    profiles = [[profile(image, settings(shape)) for image in batch] for batch in images.tolist()]
    for batch, expected in zip(images, profiles, strict=True):
        assert measure_profiles(batch, settings(shape)).tolist() == expected
    white = measure_profiles(np.full((1, images.shape[2]), 255, np.uint8), settings(shape))
    assert white.max() < 1024
    assert white.min() >= 512
    for threshold, window, across in [(8, 16, True), (8, 16, False), (1, 256, True), (255, 2, True)]:
        s = settings(shape, threshold=threshold, window=window, across=across)
        removal = Removal(s)
        found = [removal.find_standing(batch) for batch in images]
        assert all(one.dtype == np.int64 for one in found)
        assert [one.tolist() for one in found] == by_hand(profiles, s)
        stood.append(np.concatenate(found).sum())
    assert 1 <= stood[0] < images.shape[0] * images.shape[1]
    assert stood[0] <= stood[1]
    assert len(set(stood)) > 1


def wave(rows: int, width: int, amplitude: float = 100.0, middle: float = 128.0) -> np.ndarray:
    """An image (rows, width) whose rows are brighter and darker in turn, without a period."""
    angle = np.sqrt(1.0 + np.arange(rows)) * 3.0
    return np.rint(middle + amplitude * np.sin(angle))[:, None].repeat(width, 1).astype(np.uint8)


class TestByHand:
    """Pairs whose verdict is plain; the first image always stands."""

    S = settings((40, 12))

    def second_stands(self, first: np.ndarray, second: np.ndarray, **changes: Any) -> bool:
        pair = np.stack([first, second]).reshape(2, -1)
        found = Removal(replace(self.S, **changes)).find_standing(pair).tolist()
        assert found[0] == 1
        return bool(found[1])

    def test_equal_ones(self) -> None:
        assert not self.second_stands(wave(40, 12), wave(40, 12), threshold=1)

    def test_flat_ones(self) -> None:
        black, white = np.zeros((40, 12), np.uint8), np.full((40, 12), 255, np.uint8)
        assert not self.second_stands(black, white, threshold=1)
        assert self.second_stands(black, wave(40, 12), threshold=255)
        assert self.second_stands(wave(40, 12), black, threshold=255)

    def test_shifted_by_a_row(self) -> None:
        image = wave(42, 12)
        assert not self.second_stands(image[1:41], image[:40])
        assert not self.second_stands(image[1:41], image[2:])
        assert self.second_stands(image[2:], image[:40])

    def test_shifted_by_columns(self) -> None:
        image = np.random.default_rng(1).integers(0, 256, (40, 12), np.uint8)
        assert not self.second_stands(image, np.roll(image, 5, 1), threshold=1)

    def test_lightened(self) -> None:
        """By a constant the profile less its mean is the same."""
        assert not self.second_stands(wave(40, 12), wave(40, 12) + np.uint8(20), threshold=1)
        assert not self.second_stands(wave(40, 12), wave(40, 12, 110.0))
        assert self.second_stands(wave(40, 12), wave(40, 12, 60.0))

    def test_noise(self) -> None:
        noisy = wave(40, 12) + np.random.default_rng(2).integers(-9, 10, (40, 12))
        assert not self.second_stands(wave(40, 12), noisy.astype(np.uint8))

    def test_vertical_stripes_are_all_alike(self) -> None:
        stripes = np.tile(np.arange(12, dtype=np.uint8) * 20, (40, 1))
        assert not self.second_stands(stripes, stripes[:, ::-1].copy(), threshold=1)

    def test_window(self) -> None:
        """The first image is forgotten as soon as `window` others stand."""
        rng = np.random.default_rng(3)
        others = [np.tile(rng.integers(0, 256, (40, 1), np.uint8), 12) for _ in range(3)]
        images = np.stack([wave(40, 12), *others, wave(40, 12)]).reshape(5, -1)
        for window, last in [(1, 1), (3, 1), (4, 0), (16, 0)]:
            assert Removal(replace(self.S, window=window)).find_standing(images).tolist() == [
                1,
                1,
                1,
                1,
                last,
            ]

    def test_equality_counts(self) -> None:
        """256 d = threshold E is a near-duplicate, one more is none."""
        earlier = np.array([[4, -4, 4, -4]])
        for change, verdict in [(1, True), (2, False)]:
            parts = np.repeat(earlier + np.array([0, 0, 0, change]), 3, axis=0)
            assert is_near_duplicate(parts, earlier, 4) is verdict

    def test_without_removal_all_stand(self) -> None:
        images = np.zeros((9, 480), np.uint8)
        assert Removal(LeanSettings.make(WIDE, 9, (40, 12))).find_standing(images).tolist() == [1] * 9


@pytest.mark.parametrize("shape", [(4, 4), (32, 32, 3), (28, 28), (3, 65, 30), (300, 70)], ids=str)
def test_verdicts_of_float64(shape: tuple[int, ...]) -> None:
    """Every pair of a stream: the two rules agree wherever the bound of the roundings leaves no choice."""
    s = settings(shape)
    images = stream(shape, 48, sum(shape))
    pixels = np.moveaxis(images, 1, -1) if planes(shape) else images
    parts, floats = centre(measure_profiles(images, s)), centre_exactly(pixels, s)
    decided = compared = differing = 0
    for threshold in (1, 8, 64, 255):
        tolerance = exact.tolerance(parts.shape[2], threshold)
        for k in range(len(images)):
            distance, norm = exact.compare(floats[k], floats[:, 1])
            margin = distance - np.sqrt(threshold / 256) * norm
            verdicts = np.array([is_near_duplicate(parts[k], one[None, 1], threshold) for one in parts])
            clear = np.abs(margin) >= tolerance
            assert np.array_equal(verdicts[clear], margin[clear] <= 0)
            decided, compared = decided + clear.sum(), compared + len(clear)
            differing += (verdicts != (margin <= 0)).sum()
    assert decided > compared // 4
    assert differing < compared // 50


def centre_exactly(pixels: np.ndarray, s: LeanSettings) -> np.ndarray:
    """f of the float64 rule in units of the bit-true profile."""
    shift = max(0, (s.height // 65).bit_length())
    largest = 255 * s.width * s.channels
    unit = s.width * s.channels * 2.0**shift / 2 ** max(0, largest.bit_length() + shift - 10)
    return exact.centre(exact.measure_profiles(pixels) * unit)


def test_streams_of_float64() -> None:
    images = stream((40, 30, 3), 60, 7)
    s = settings((40, 30, 3), window=5)
    found = Removal(s).find_standing(images)
    assert found.tolist() == exact.find_standing(images, 8, 5).tolist()
    assert 8 < found.sum() < 55


PICKS = pytest.mark.parametrize("pick", Pick)


@PICKS
@pytest.mark.parametrize(("scenes", "keep"), [(2, 1), (3, 2), (5, 3), (13, 6), (20, 6)])
def test_runs_are_those_of_the_standing_images(pick: Pick, scenes: int, keep: int) -> None:
    """M > K: all tables are those of a run on the standing images alone, and 0 beyond them."""
    rng = np.random.default_rng(scenes)
    images = np.zeros((20, 8, 8, 3), np.uint8)
    images[:] = rng.integers(0, 256, (scenes, 8, 1, 3), np.uint8)[rng.permutation(np.arange(20) % scenes)]
    given = settings((8, 8, 3), 20, pick=str(pick), perplexity=5, iterations=20, ratio=keep / 20, threshold=1)
    config = PRESETS["herding"] if pick is Pick.HERDING else PRESETS["lean"]
    tables = sampler.run(config, given, images)
    own = np.flatnonzero(Removal(given).find_standing(images))
    assert len(own) == scenes
    alone = sampler.run(config, replace(given, count=scenes, threshold=0), images[own])
    for name in type(tables).names():
        table, expected = getattr(tables, name), getattr(alone, name)
        if name == "kept":
            assert table.tolist() == own[expected].tolist()
        elif name == "standing":
            assert np.flatnonzero(table).tolist() == own.tolist()
        else:
            inside = tuple(map(slice, expected.shape))
            assert np.array_equal(table[inside], expected), name
            table[inside] = 0
            assert not table.any(), name
            assert len(table) == 20


@PICKS
def test_no_more_stand_than_are_kept(pick: Pick) -> None:
    """M <= K: those that stand and the first near-duplicates; nothing is computed."""
    images = np.repeat(np.stack([wave(8, 8), wave(8, 8)[::-1], wave(8, 8, 0.0)]), [2, 5, 5], axis=0)
    config = PRESETS["herding"] if pick is Pick.HERDING else PRESETS["lean"]
    for keep, kept in [(3, [0, 2, 7]), (4, [0, 1, 2, 7]), (7, [0, 1, 2, 3, 4, 5, 7])]:
        given = settings((8, 8), 12, pick=str(pick), perplexity=5, ratio=keep / 12)
        tables = sampler.run(config, given, images)
        assert tables.kept.tolist() == kept
        for name in type(tables).names():
            if name not in ("kept", "standing"):
                assert not getattr(tables, name).any(), name
                assert len(getattr(tables, name)) == 12


@PICKS
def test_groups_are_the_batches_of_a_job(pick: Pick) -> None:
    """Groups with different numbers of standing images, and one in which too few stand."""
    config = PRESETS["lean"]
    rng = np.random.default_rng(8)
    scenes = rng.integers(0, 256, (30, 8, 1, 3), np.uint8)
    groups = (
        np.stack(
            [
                scenes[rng.integers(first, last, 24)]
                for first, last in [(0, 20), (10, 30), (25, 28), (0, 9), (9, 18)]
            ]
        )
        .repeat(8, axis=3)
        .reshape(5, 24, -1)
    )
    keeps, seeds = [7, 3, 5, 4, 4], [1, 2, 3, 4, 5]
    stood_last = []
    for across in (False, True):
        given = settings((8, 8, 3), 24, pick=str(pick), perplexity=5, iterations=8, across=across)
        removal = Removal(given)
        together = run_groups(config, given, groups, keeps, seeds)  # type: ignore[arg-type]
        stood = []
        for tables, group, keep, seed in zip(together, groups, keeps, seeds, strict=True):
            standing = removal.find_standing(group)
            own = replace(given, keep=keep, seed=seed)
            alone = sampler.run(config, own, group, standing=standing)
            for name in type(tables).names():
                assert np.array_equal(getattr(tables, name), getattr(alone, name)), name
            assert np.array_equal(tables.standing, standing)
            stood.append(int(standing.sum()))
        assert stood[2] <= 3
        stood_last.append(stood[4])
    assert stood_last[1] < stood_last[0]
