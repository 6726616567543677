# SPDX-License-Identifier: Apache-2.0
"""Images reduced to the means of a grid of boxes, in float64."""

import numpy as np


def averaging(length: int, side: int) -> np.ndarray:
    """The matrix (G, length) that takes the means of G = min(side, length) parts, as equal as can be.

    Part g covers ``floor(g length / G)`` up to the next part's first.
    """
    parts = min(side, length)
    edges = np.arange(parts + 1) * length // parts
    position = np.arange(length)
    inside = (edges[:-1, None] <= position) & (position < edges[1:, None])
    return inside / inside.sum(axis=1, keepdims=True)


def reduce(images: np.ndarray, side: int, grey: bool = False) -> np.ndarray:
    """Take the mean of each channel, or with ``grey`` of all, in each box of a grid.

    Parameters
    ----------
    images : (N, height, width[, channels])
    side : largest number of rows, and of columns, of boxes

    Returns
    -------
    (N, rows, columns[, channels]) float64, without rounding
    """
    if grey:
        images = images.mean(axis=3)
    rows, columns = averaging(images.shape[1], side), averaging(images.shape[2], side)
    return np.einsum("rh,nhw...,cw->nrc...", rows, images.astype(np.float64), columns, optimize=True)
