# SPDX-License-Identifier: Apache-2.0
"""Arrays of images of any type and layout, as bytes: what is converted, and what is refused."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nms.contract.errors import UserError
from nms.datasets.buffers import Hold

CHANNELS = (1, 3, 4)
"""Of an image: grey, or red, green and blue, with or without transparency."""

Read = Callable[[], Iterable[bytes]]
"""Opens an array's bytes anew and yields them in pieces of whole numbers."""

Convert = Callable[[np.ndarray], np.ndarray]


def find_layout(shape: tuple[int, ...]) -> tuple[tuple[int, int, int], bool]:
    """The shape (H, W, C) of an image that is stored as ``shape``, and whether it is planar, (C, H, W)."""
    match shape:
        case (pixels,):
            return (1, pixels, 1), False
        case (height, width):
            return (height, width, 1), False
        case (channels, height, width) if channels in CHANNELS and width not in CHANNELS:
            return (height, width, channels), True
        case (height, width, channels):
            return (height, width, channels), False
        case _:
            raise ValueError(shape)


def hold_as_bytes(
    read: Read, count: int, dtype: np.dtype, hold: Hold, subject: str, read_all: Read | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Hold ``count`` numbers as bytes, 0 to 255, and say how they were converted.

    Truth values become 0 and 255, floats within 0 to 1 are multiplied by 255, and all others must be within
    0 to 255; floats are rounded.

    Parameters
    ----------
    read_all : reads all numbers of the array, so that the conversion does not depend on how many are taken;
        by default ``read``

    Raises
    ------
    UserError
        A type or a range that has no such meaning; the message says how to convert it.
    """
    if dtype == np.uint8:
        return hold(read(), count), ()
    if dtype.kind not in "biuf":
        raise UserError(f"{subject} is {dtype}; must be uint8, 0 to 255")
    views = (np.frombuffer(piece, dtype) for piece in (read_all or read)())
    ranges = [(piece.min(), piece.max()) for piece in views if piece.size]
    if not ranges:
        return np.empty(0, np.uint8), ()
    convert, note = _choose(dtype, min(low for low, _ in ranges), max(high for _, high in ranges), subject)
    parts = (convert(np.frombuffer(piece, dtype)).astype(np.uint8).tobytes() for piece in read())
    return hold(parts, count), (note,)


def _choose(dtype: np.dtype, low: Any, high: Any, subject: str) -> tuple[Convert, str]:
    """The conversion to 0 to 255, and what to say of it."""
    if dtype.kind == "b":
        return lambda values: values * np.uint8(255), f"{subject}: truth values become 0 and 255"
    if dtype.kind in "iu" and low >= 0 and high <= 255:
        return lambda values: values, f"{subject}: {dtype} within 0 to 255, taken as bytes"
    if dtype.kind == "f" and low >= 0 and high <= 1:
        return (
            lambda values: np.rint(values * 255.0),
            f"{subject}: {dtype} within 0 to 1, multiplied by 255 and rounded",
        )
    if dtype.kind == "f" and low >= 0 and high <= 255:
        return np.rint, f"{subject}: {dtype} within 0 to 255, rounded"
    how = "(x + 1) * 127.5" if low >= -1 and high <= 1 else "(x - x.min()) * (255 / np.ptp(x))"
    raise UserError(
        f"{subject} is {dtype}, {low:g} to {high:g}; must be 0 to 255: convert it, as by "
        f"np.rint({how}).astype(np.uint8)"
    )
