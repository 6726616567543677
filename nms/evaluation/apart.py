# SPDX-License-Identifier: Apache-2.0
"""Which images of a stream are no near-duplicates of earlier ones. Software only.

Two images are compared so that neither a camera's tremor nor a change of light counts: the middle of the
earlier with each equally large window of the later, all of mean 0 and deviation 1. Their distance is the
least root mean square difference: 0 of equal images, sqrt(2) on average of unrelated ones and of flat ones.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def margin(height: int, width: int) -> int:
    """Pixels around the middle, by which a window is shifted: 2, below 16 pixels 1, below 3 none."""
    least = min(height, width)
    return min(2 if least >= 16 else 1, (least - 1) // 2)


def standing(images: np.ndarray, apart: float) -> np.ndarray:
    """(N,) whether an image is farther than ``apart`` from every earlier one that stands.

    Parameters
    ----------
    images : (N, H, W, C) uint8, in the stream's order
    apart : distance as above, 0 to 2
    """
    count, height, width, channels = images.shape
    cut = 2 * margin(height, width)
    inner = (height - cut, width - cut)
    middles = np.empty((count, inner[0] * inner[1] * channels), np.float32)
    found = np.zeros(count, bool)
    known = 0  # rows of middles
    for place in range(count):
        windows = sliding_window_view(images[place], inner, axis=(0, 1))
        windows = windows.reshape(-1, middles.shape[1]).astype(np.float32)
        windows -= windows.mean(axis=1, keepdims=True)
        deviation = windows.std(axis=1, keepdims=True)
        windows /= np.where(deviation > 0, deviation, 1)
        product = (middles[:known] @ windows.T).max(initial=-np.inf) / middles.shape[1]
        found[place] = 2.0 - 2.0 * product > apart**2
        if found[place]:
            middles[known] = windows[len(windows) // 2]
            known += 1
    return found
