# SPDX-License-Identifier: Apache-2.0
"""Reduction against Pillow, scipy, float64 means and the contract's words byte by byte."""

from typing import cast

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binned_statistic_2d
from sklearn.datasets import load_digits, load_sample_images

from nms.contract.config import PRESETS, ReducedConfig, load
from nms.contract.errors import UserError
from nms.contract.settings import LeanSettings
from nms.golden import exact
from nms.golden.exact.reduction import averaging
from nms.golden.exact.reduction import reduce as exact_reduce
from nms.golden.pea import distances
from nms.golden.reduction import reduce
from tests.golden.plain import plain_reduce


def wide() -> ReducedConfig:
    """A configuration for every side."""
    config = load("herding", ["pixels=3072", "side=32"])
    assert isinstance(config, ReducedConfig)
    return config


def settings(
    shape: tuple[int, ...], side: int | None, planes: bool = False, grey: bool = False
) -> LeanSettings:
    return LeanSettings.make(wide(), 4, shape, side=side, planes=planes, grey=grey)


@pytest.mark.parametrize("seed", range(60))
def test_any_shape_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 50, 2).tolist()
    side = int(rng.choice([4, 8, 16, 32]))
    channels, planes, grey = [(1, False, False), (3, False, False), (3, True, False), (3, False, True)][
        seed % 4
    ]
    shape = (channels, height, width) if planes else (height, width, channels)
    s = settings(shape, side, planes, grey)
    images = rng.integers(0, 256, (2, s.pixels), np.uint8)
    images[1] = rng.choice([0, 255])
    assert reduce(images, s).tolist() == [plain_reduce(image, s) for image in images.tolist()]


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 32), (128, 256), (16, 8)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pillow_reduces_to_the_same(height: int, width: int, channels: int) -> None:
    """Pillow's own reduction of noise and of full contrast, by powers of two: its division is exact."""
    rng = np.random.default_rng(height + channels)
    images = rng.integers(0, 256, (50, height, width, channels), np.uint8)
    images[25:] = rng.choice(np.array([0, 1, 254, 255], np.uint8), (25, height, width, channels))
    s = settings((height, width, channels), 8)
    rows, columns = s.grid
    shape = (rows, columns, channels)
    for image, reduced in zip(images, reduce(images.reshape(50, -1), s), strict=True):
        theirs = Image.fromarray(image.squeeze()).reduce((width // columns, height // rows))
        assert np.array_equal(np.asarray(theirs).reshape(shape), reduced.reshape(shape))


def photographs() -> list[np.ndarray]:
    return list(load_sample_images().images)


@pytest.mark.parametrize("side", [4, 8, 16, 32])
@pytest.mark.parametrize("grey", [False, True])
def test_photographs_within_half_of_exact(side: int, grey: bool) -> None:
    """Rounding half up moves a mean by at most 1/2; float64 adds less than 1e-9."""
    for photograph in photographs():
        images = photograph[None, :, :-3]  # 427 x 637: uneven boxes
        mean = exact_reduce(images, side, grey)
        s = settings(images.shape[1:], side, grey=grey)
        error = reduce(images.reshape(1, -1), s) - mean.reshape(1, -1)
        assert error.shape == (1, side * side * (1 if grey else 3))
        assert np.abs(error).max() <= 0.5 + 1e-9


def test_exact_means_against_scipy() -> None:
    for photograph in photographs():
        grey = photograph[:, :, 1]
        height, width = grey.shape
        y, x = np.indices(grey.shape)
        for side in (4, 8, 32):
            bins = [np.arange(side + 1) * length // side - 0.5 for length in (height, width)]
            theirs = binned_statistic_2d(y.ravel(), x.ravel(), grey.ravel(), "mean", bins).statistic
            assert np.allclose(exact_reduce(grey[None], side)[0], theirs, rtol=1e-13, atol=0)


@pytest.mark.parametrize("length", [1, 3, 8, 9, 31, 4096])
def test_parts_are_as_equal_as_can_be(length: int) -> None:
    for side in (4, 8, 16, 32):
        sizes = (averaging(length, side) > 0).sum(axis=1)
        assert len(sizes) == min(side, length)
        assert sizes.sum() == length
        assert np.ptp(sizes) <= 1


def test_distances_within_the_roundings() -> None:
    """Each difference is off by at most 1: ``|D - D'| <= sum(2 |d'| + 1)``."""
    images = np.random.default_rng(3).integers(0, 256, (40, 30, 17, 3), np.uint8)
    mean = exact_reduce(images, 8).reshape(40, -1)
    s = settings((30, 17, 3), 8)
    difference = np.abs(mean[:, None] - mean[None])
    error = distances(reduce(images.reshape(40, -1), s)) - (difference**2).sum(axis=2)
    assert (np.abs(error) <= (2 * difference + 1).sum(axis=2) + 1e-6).all()


def test_images_as_they_are() -> None:
    digits = load_digits().data[:20].astype(np.uint8)
    s = LeanSettings.make(cast("ReducedConfig", PRESETS["herding"]), 20, (64,))
    assert np.array_equal(reduce(digits, s), digits)
    s = settings((8, 8), 8)
    assert np.array_equal(reduce(digits, s), digits)  # boxes of one pixel
    assert np.array_equal(distances(reduce(digits, s)), exact.distances(digits))


def test_the_largest_box() -> None:
    """4096 x 4096 white pixels of three bytes in 4 x 4 boxes, whose sums have 30 bits."""
    white = np.full((1, 4096 * 4096 * 3), 255, np.uint8)
    assert (reduce(white, settings((4096, 4096, 3), 4, grey=True)) == 255).all()


def test_images_that_do_not_match() -> None:
    s = settings((8, 8), 8)
    for images in (np.zeros((4, 63), np.uint8), np.zeros((4, 64), np.int64), np.zeros((4, 8, 8), np.uint8)):
        with pytest.raises(UserError, match="64"):
            reduce(images, s)
