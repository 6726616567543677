# SPDX-License-Identifier: Apache-2.0
"""Inner products of images, a few pixels of all at a time."""

import numpy as np

PIXELS = 1 << 14
"""Pixels of each image that are in memory as float64 at once."""


def gram(images: np.ndarray) -> np.ndarray:
    """The products ``sum_d x_id x_jd`` of uint8 images (N, D): (N, N) float64.

    They are exact: every partial sum is an integer below 2**53, for up to 2**36 pixels.
    """
    found = np.zeros((len(images), len(images)))
    for begin in range(0, images.shape[1], PIXELS):
        part = images[:, begin : begin + PIXELS].astype(np.float64)
        found += part @ part.T
    return found
