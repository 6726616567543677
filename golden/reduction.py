# SPDX-License-Identifier: Apache-2.0
"""Images reduced to a small grid of boxes, by the mean of each box (contract, section 14)."""

import numpy as np

from nms.contract.errors import UserError
from nms.contract.settings import LeanSettings, Settings
from nms.golden.fixed import Ints

BLOCK = 1 << 22
"""Bytes of images summed at a time."""


def _starts(length: int, boxes: int) -> Ints:
    """The first row, or column, of each box."""
    return np.arange(boxes, dtype=np.int64) * length // boxes


def reduce(images: object, settings: Settings | LeanSettings) -> np.ndarray:
    """Reduce uint8 images (N, pixels) to their boxes' means: uint8 (N, ``settings.reduced``).

    Raises
    ------
    UserError
        The images are not of ``settings.pixels`` bytes.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (settings.pixels,):
        raise UserError(
            f"images {images.dtype} {images.shape}: must be uint8 (images, {settings.pixels}), a byte each"
        )
    if not settings.side:
        return images
    reduced = np.empty((len(images), settings.reduced), np.uint8)
    step = max(1, BLOCK // settings.pixels)
    for begin in range(0, len(images), step):
        some = slice(begin, begin + step)
        reduced[some] = _means(images[some], settings).reshape(-1, settings.reduced)
    return reduced


def _means(images: np.ndarray, settings: Settings | LeanSettings) -> Ints:
    """The mean of each box, of one channel or, with ``grey``, of all."""
    height, width, channels = settings.height, settings.width, settings.channels
    # planes are single channels of as many more images
    planes = settings.planes or channels == 1
    x = images.reshape(-1, height, width, 1 if planes else channels)
    first_row, first_column = map(_starts, (height, width), settings.grid)
    strips = np.add.reduceat(x, first_row, axis=1, dtype=np.uint32)  # a strip's column is below 2^20
    sums = np.add.reduceat(strips, first_column, axis=2, dtype=np.int64)
    rows, columns = np.diff(first_row, append=height), np.diff(first_column, append=width)
    number = (rows[:, None] * columns)[:, :, None]
    if settings.grey:
        sums, number = sums.sum(axis=3, keepdims=True), number * channels
    return (sums + number // 2) // number
