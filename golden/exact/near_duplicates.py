# SPDX-License-Identifier: Apache-2.0
"""Near-duplicates by the profile of their rows, in float64: the same rule without rounding."""

import math

import numpy as np

BINS = 64
"""Numbers of a profile at most."""


def measure_profiles(images: np.ndarray) -> np.ndarray:
    """The mean byte of each bin of rows of images (N, height, width[, channels]): (N, B)."""
    height = images.shape[1]
    size = 2 ** max(0, math.ceil(math.log2((height + 1) / (BINS + 1))))
    rows = images.reshape(len(images), height, -1).mean(axis=2)[:, : height // size * size]
    return rows.reshape(len(images), -1, size).mean(axis=2)


def centre(profiles: np.ndarray) -> np.ndarray:
    """The inner part of profiles (N, B) at three places, each less its mean: (N, 3, B - 2).

    The mean is that of the middle numbers, as many as the largest power of two.
    """
    inner = profiles.shape[1] - 2
    middle = 2 ** int(math.log2(inner))
    first = (inner - middle) // 2
    parts = np.stack([profiles[:, place : place + inner] for place in range(3)], axis=1)
    return parts - parts[:, :, first : first + middle].mean(axis=2, keepdims=True)


def compare(parts: np.ndarray, earlier: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of an image (3, n) to, and norm of, each earlier one at its middle place (M, n): (M,) each."""
    distance = np.sqrt(((parts[:, None] - earlier) ** 2).sum(axis=2)).min(axis=0)
    return distance, np.sqrt((earlier**2).sum(axis=1))


def find_standing(images: np.ndarray, threshold: int, window: int) -> np.ndarray:
    """Find the images that are no near-duplicates of one of the latest ``window`` that stand: (N,) bool.

    A distance of at most ``sqrt(threshold / 256)`` norms makes a near-duplicate.

    Parameters
    ----------
    images : (N, height, width[, channels])
    """
    everything = centre(measure_profiles(images))
    standing = np.zeros(len(images), bool)
    for place, parts in enumerate(everything):
        latest = everything[np.flatnonzero(standing)[-window:], 1]
        distance, norm = compare(parts, latest)
        standing[place] = (distance > math.sqrt(threshold / 256) * norm).all()
    return standing


def tolerance(inner: int, threshold: int) -> float:
    """How far ``distance`` and ``sqrt(threshold/256) norm`` may differ while rounding decides which is less.

    In units of the bit-true profile, of n = ``inner`` numbers compared. Each number is floored, by r in
    [0, 1); so is the mean of those, by r' in [0, 1). An entry of f is off by r' + mean(r) - r, which is in
    (-1, 2), and a difference of two entries by less than 3. By the triangle inequality the norm is off by
    less than 2 sqrt(n), and the distance at each place, hence the least of them, by less than 3 sqrt(n).
    """
    return math.sqrt(inner) * (3.0 + 2.0 * math.sqrt(threshold / 256))
