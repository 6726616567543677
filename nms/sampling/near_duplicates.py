# SPDX-License-Identifier: Apache-2.0
"""Removal of near-duplicates: find the images of a stream that no earlier one resembles. Software only.

An image that is, byte for byte, any earlier one is a near-duplicate. Beyond that, the comparison ignores a
camera's tremor and changes of light: the centre of the earlier image is compared with every window of that
size of the later one, each normalised to mean 0 and standard deviation 1. The distance of two images is the
smallest root mean square difference: 0 for equal images, sqrt(2) on average for unrelated ones. Flat windows,
which cannot be normalised, are at distance 0 from flat ones of the same value, at sqrt(2) from all others.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import threadpool_limits

from nms.contract.errors import UserError
from nms.datasets import Images, memory

WINDOW = 256
"""Distinct images that an image is compared with, unless said otherwise.

A camera's near-duplicates follow their original closely, with at most this many other scenes between them.
Time and memory grow linearly with it.
"""

PIECE = 64
"""Images of a data set that are read at once."""


@dataclass(frozen=True)
class NearDuplicates:
    """An image is a near-duplicate if it is within ``distance`` of one of the last ``window`` distinct ones.

    A copy, byte for byte, is a near-duplicate of any earlier image.

    Parameters
    ----------
    distance : 0 to 2
    window : distinct images to compare with, at least 1; ``None`` compares with all, at quadratic cost

    Raises
    ------
    UserError
        A value out of range.
    """

    distance: float = 0.2
    window: int | None = WINDOW

    def __post_init__(self) -> None:
        if not 0.0 <= self.distance <= 2.0:
            raise UserError(f"near-duplicates {self.distance:g}: must be 0 to 2")
        if self.window is not None and self.window < 1:
            raise UserError(f"near-duplicates-window {self.window}: must be at least 1 image")


def margin(height: int, width: int) -> int:
    """Largest shift of a window in pixels: 2; 1 if the shorter side has below 16 pixels, 0 if below 3."""
    shorter = min(height, width)
    return min(2 if shorter >= 16 else 1, (shorter - 1) // 2)


def find_distinct(
    images: Iterable[np.ndarray],
    count: int,
    rule: NearDuplicates,
    progress: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Find the images that are no near-duplicates: (count,) bool.

    BLAS gets one thread, so that the result does not depend on how many there are.

    Parameters
    ----------
    images : ``count`` images (H, W, C), uint8 or finite float64, in the stream's order; one is in memory at a
        time
    progress : called after each image
    """
    distinct = np.zeros(count, bool)
    centres, flat = np.empty((0, 0)), np.full(min(rule.window or count, count), np.nan)
    seen: set[bytes] = set()
    known = 0
    with threadpool_limits(1):
        for place, image in enumerate(images):
            digest = hashlib.sha256(np.ascontiguousarray(image).data).digest()
            if digest not in seen:
                seen.add(digest)
                if place == 0:
                    _check_memory(len(flat), image)
                windows, values = _windows(image)
                if place == 0:
                    centres = np.empty((len(flat), windows.shape[1]), windows.dtype)
                alike = np.isin(values, flat[:known]).any() or (
                    _nearest(centres[:known], windows) <= rule.distance**2
                )
                distinct[place] = not alike
            if distinct[place]:
                centres[known % len(centres)] = windows[len(windows) // 2]
                flat[known % len(flat)] = values[len(values) // 2]
                known += 1
            progress()
    return distinct


def _check_memory(window: int, image: np.ndarray) -> None:
    """Refuse a window whose centres do not fit in memory, beside two copies of all windows of an image."""
    shifts = (2 * margin(*image.shape[:2]) + 1) ** 2
    wanted = (window + 2 * shifts) * image.size * np.dtype(np.float32).itemsize
    fit = max(0, memory.count_fitting(wanted, window + 2 * shifts) - 2 * shifts)
    if fit < window:
        raise UserError(
            f"near-duplicates-window {window}: so many images {memory.describe(wanted)}; {fit} fit"
        )


def iterate_images(data: Images) -> Iterator[np.ndarray]:
    """Yield the images of a data set one by one as (H, W, C), reading 64 at a time."""
    for begin in range(0, len(data.labels), PIECE):
        members = np.arange(begin, min(begin + PIECE, len(data.labels)))
        yield from replace(data, images=np.asarray(data.images[members])).pixels


def fill_up(kept: np.ndarray, removed: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Fill up ``kept`` to ``count`` indices with random ones of those removed; ascending.

    Parameters
    ----------
    kept : indices
    removed : (N,) bool
    """
    others = np.random.default_rng(seed).permutation(np.flatnonzero(removed))
    return np.sort(np.concatenate([kept, others[: max(0, count - len(kept))]]))


def _windows(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All shifted windows, the centre one in the middle, of mean 0 and deviation 1: (windows, pixels).

    Also the value of those that are flat, (windows,); not a number for the others.
    """
    cut = 2 * margin(*image.shape[:2])
    inner = (image.shape[0] - cut, image.shape[1] - cut)
    windows = sliding_window_view(image, inner, axis=(0, 1)).reshape((cut + 1) ** 2, -1)
    windows = windows.astype(np.float32 if image.dtype == np.uint8 else np.float64)
    values = np.where((windows == windows[:, :1]).all(axis=1), windows[:, 0], np.nan)
    windows -= windows.mean(axis=1, keepdims=True)
    deviation = windows.std(axis=1, keepdims=True)
    windows /= np.where(deviation > 0, deviation, 1)
    return windows, values


def _nearest(centres: np.ndarray, windows: np.ndarray) -> float:
    """The smallest mean square difference of any centre and any window; infinite without centres."""
    product = (centres @ windows.T).max(initial=-np.inf) / windows.shape[1]
    return float(2.0 - 2.0 * product)
