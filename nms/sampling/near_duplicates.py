# SPDX-License-Identifier: Apache-2.0
"""Which images of a stream are no near-duplicates of earlier ones. Software only.

Two images are compared so that neither a camera's tremor nor a change of light counts: the middle of the
earlier with each equally large window of the later, all of mean 0 and deviation 1. Their distance is the
least root mean square difference: 0 of equal images, sqrt(2) on average of unrelated ones and of flat ones.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import threadpool_limits

from nms.contract.errors import UserError
from nms.datasets import Images

WINDOW = 256
"""Standing images with which one is compared. A camera's near-duplicates follow their original closely; so
many other scenes may come between them. Time and memory are linear in it."""


PIECE = 64
"""Images of a data set that are read at once."""


@dataclass(frozen=True)
class Apart:
    """When an image falls: within ``distance`` (0 to 2) of one of the ``window`` last ones that stand.

    A ``window`` of ``None`` compares with all that stand: the cost is quadratic.

    Raises
    ------
    UserError
        A value out of range.
    """

    distance: float = 0.2
    window: int | None = WINDOW

    def __post_init__(self) -> None:
        if not 0.0 <= self.distance <= 2.0:
            raise UserError(f"apart {self.distance:g}: must be 0 to 2")
        if self.window is not None and self.window < 1:
            raise UserError(f"apart-window {self.window}: must be at least 1 image")


def margin(height: int, width: int) -> int:
    """Pixels around the middle, by which a window is shifted: 2, below 16 pixels 1, below 3 none."""
    least = min(height, width)
    return min(2 if least >= 16 else 1, (least - 1) // 2)


def standing(
    images: Iterable[np.ndarray], count: int, apart: Apart, progress: Callable[[], object] = lambda: None
) -> np.ndarray:
    """(count,) whether an image is farther than ``apart.distance`` from those that it is compared with.

    The result does not depend on the threads that BLAS is given: it gets one.

    Parameters
    ----------
    images : ``count`` images (H, W, C), uint8 or float64 and finite, in the stream's order; one is held
    progress : called once an image is compared
    """
    found = np.zeros(count, bool)
    middles = np.empty((0, 0))
    stood = 0
    with threadpool_limits(1):
        for place, image in enumerate(images):
            windows = _windows(image)
            if place == 0:
                middles = np.empty((min(apart.window or count, count), windows.shape[1]), windows.dtype)
            nearest = _nearest(middles[:stood], windows)
            found[place] = nearest > apart.distance**2
            if found[place]:
                middles[stood % len(middles)] = windows[len(windows) // 2]
                stood += 1
            progress()
    return found


def stream(data: Images) -> Iterator[np.ndarray]:
    """The images of a data set as (H, W, C), one after the other; :data:`PIECE` are read at once."""
    for begin in range(0, len(data.labels), PIECE):
        members = np.arange(begin, min(begin + PIECE, len(data.labels)))
        yield from replace(data, images=np.asarray(data.images[members])).pixels


def filled(kept: np.ndarray, fell: np.ndarray, count: int, seed: int) -> np.ndarray:
    """``kept`` and, as far as these are fewer than ``count``, random ones of those that fell; ascending.

    Parameters
    ----------
    kept : indices
    fell : (N,) of bool
    """
    others = np.random.default_rng(seed).permutation(np.flatnonzero(fell))
    return np.sort(np.concatenate([kept, others[: max(0, count - len(kept))]]))


def _windows(image: np.ndarray) -> np.ndarray:
    """(windows, pixels): all shifts, the middle one in the middle, of mean 0 and deviation 1."""
    cut = 2 * margin(*image.shape[:2])
    inner = (image.shape[0] - cut, image.shape[1] - cut)
    windows = sliding_window_view(image, inner, axis=(0, 1)).reshape((cut + 1) ** 2, -1)
    windows = windows.astype(np.float32 if image.dtype == np.uint8 else np.float64)
    windows -= windows.mean(axis=1, keepdims=True)
    deviation = windows.std(axis=1, keepdims=True)
    windows /= np.where(deviation > 0, deviation, 1)
    return windows


def _nearest(middles: np.ndarray, windows: np.ndarray) -> float:
    """The least mean square difference of any middle and any window; infinite if there are none."""
    product = (middles @ windows.T).max(initial=-np.inf) / windows.shape[1]
    return float(2.0 - 2.0 * product)
