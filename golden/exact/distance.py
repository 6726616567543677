# SPDX-License-Identifier: Apache-2.0
"""Squared distances between images or feature vectors, as exact integers."""

import numpy as np

from nms.contract.errors import UserError
from nms.golden.gram import PIXELS, gram


def distances(images: np.ndarray) -> np.ndarray:
    """Compute the exact squared distances ``D_ij = sum_d (x_id - x_jd)**2``.

    Parameters
    ----------
    images : (N, ...) uint8, N >= 1, each of at least one pixel

    Returns
    -------
    (N, N) int64. The products are computed in float64, exactly (:func:`nms.golden.gram.gram`).

    Raises
    ------
    UserError
        The images are not uint8 or have no pixels.
    """
    if images.dtype != np.uint8:
        raise UserError(f"images of type {images.dtype}: must be uint8")
    if images.ndim < 2 or images.size == 0:
        raise UserError(f"images of shape {images.shape}: must be (images, pixels), both above 0")
    products = gram(images.reshape(len(images), -1))
    norms = np.diagonal(products)
    return (norms[:, None] + norms[None, :] - 2.0 * products).astype(np.int64)


def feature_distances(features: np.ndarray) -> np.ndarray:
    """Compute the squared distances of real features, as integers for the perplexity search.

    Differences are squared and summed in float64, so that equal rows have distance 0. All distances are then
    multiplied by the power of two that brings the largest to 2**51 .. 2**52, and rounded to nearest even. The
    affinities do not depend on that scale.

    Parameters
    ----------
    features : (N, D) float64, finite

    Returns
    -------
    (N, N) int64
    """
    largest = max(features.max(), -features.min())
    squared = np.zeros((len(features), len(features)))
    for begin in range(0, features.shape[1], PIXELS):
        part = features[:, begin : begin + PIXELS]
        unit = np.ldexp(part, -int(np.frexp(largest)[1]))  # below 1, so that no square overflows
        for row, one in zip(squared, unit, strict=True):
            difference = unit - one
            row += np.einsum("ij,ij->i", difference, difference)
    return np.rint(np.ldexp(squared, 52 - int(np.frexp(squared.max())[1]))).astype(np.int64)


def off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """The (N, N-1) matrix of each row's elements j != i, in the order of j."""
    count = len(matrix)
    return np.delete(matrix.ravel(), np.arange(count) * (count + 1)).reshape(count, count - 1)


def with_diagonal(rows: np.ndarray) -> np.ndarray:
    """The (N, N) matrix with a zero diagonal and ``rows`` (N, N-1) elsewhere: undoes ``off_diagonal``."""
    count = len(rows)
    matrix = np.zeros((count, count), rows.dtype)
    matrix[~np.eye(count, dtype=bool)] = rows.ravel()
    return matrix
