# SPDX-License-Identifier: Apache-2.0
"""Distances and what is taken from each row of them, by brute force."""

import numpy as np
import pytest

from nms.contract.config import PRESETS, load
from nms.contract.errors import UserError
from nms.golden import pea


@pytest.mark.parametrize("shape", [(5, 1), (16, 64), (7, 3072)])
def test_brute_force(shape: tuple[int, int]) -> None:
    config = PRESETS["paper"]
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    images[-1] = images[0]
    distance = pea.distances(images)
    minimum, scale, ties = pea.summarise_rows(config, distance)
    dn = pea.normalise(config, distance)
    values = images.tolist()
    for i, x in enumerate(values):
        row = [sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in values]
        assert distance[i].tolist() == row
        others = row[:i] + row[i + 1 :]
        least = min(others)
        assert (minimum[i], ties[i]) == (least, others.count(least))
        assert scale[i] == (max(others) - least).bit_length()
        width = config.derived.distance_width
        assert dn[i].tolist() == [(d - least) << (width - int(scale[i])) for d in others]


def test_largest_images_are_exact() -> None:
    config = load("edge", ["pixels=65536", "images=1024"])
    images = np.zeros((4, 65536), np.uint8)
    images[1], images[2, ::2] = 255, 255
    distance = pea.distances(images)
    assert distance[0, 1] == 65536 * 255**2
    assert distance[0, 2] == 32768 * 255**2
    minimum, scale, ties = pea.summarise_rows(config, distance)
    assert minimum.tolist() == [0, 32768 * 255**2, 32768 * 255**2, 0]
    assert scale.tolist() == [32, 31, 0, 32]
    assert ties.tolist() == [1, 1, 3, 1]
    assert pea.normalise(config, distance).max() < 1 << config.derived.distance_width
    with pytest.raises(OverflowError, match="distance"):
        pea.summarise_rows(PRESETS["tiny"], distance)


def test_refusals() -> None:
    for images in (np.zeros((4, 4)), np.zeros((4, 2, 2), np.uint8)):
        with pytest.raises(UserError, match="uint8"):
            pea.distances(images)
