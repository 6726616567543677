# SPDX-License-Identifier: Apache-2.0
"""Quality of a map: Kullback-Leibler divergence and trustworthiness."""

import numpy as np

EPSILON = np.finfo(np.float64).eps


def squared_distances(y: np.ndarray) -> np.ndarray:
    """Squared distances of the points y (N, 2): (N, N)."""
    return ((y[:, None, :] - y[None, :, :]) ** 2).sum(axis=2)


def kl_divergence(joint: np.ndarray, y: np.ndarray) -> float:
    """Kullback-Leibler divergence ``sum P ln(P/Q)`` in nats, as scikit-learn reports it.

    P is ``joint`` scaled to the sum 1; ``Q_ij = w_ij / sum w`` with ``w_ij = 1/(1 + |y_i - y_j|**2)``; both
    are limited from below by the machine epsilon.

    Parameters
    ----------
    joint : (N, N) affinities of any scale, zero diagonal
    y : (N, 2)
    """
    others = ~np.eye(len(y), dtype=bool)
    w = (1.0 / (1.0 + squared_distances(y)))[others]
    p = np.maximum(joint[others] / joint.sum(), EPSILON)
    q = np.maximum(w / w.sum(), EPSILON)
    return float(p @ np.log(p / q))


def trustworthiness(distance: np.ndarray, y: np.ndarray, neighbours: int = 5) -> float:
    """Share of map neighbours that are neighbours in the data, 1 = all (Venna and Kaski, 2001).

    ``1 - 2/(N k (2N - 3k - 1)) sum_i sum_j max(0, r_ij - k)`` over the k nearest points j of i on the map,
    where r_ij is the rank of j among the neighbours of i in the data, 1 for the nearest. Equal distances rank
    by index.

    Parameters
    ----------
    distance : (N, N) distances of the data
    y : (N, 2)
    neighbours : k, limited to the largest integer below N/2
    """
    count = len(y)
    k = min(neighbours, (count - 1) // 2)
    rows = np.arange(count)[:, None]

    def order(matrix: np.ndarray) -> np.ndarray:
        matrix = matrix.astype(np.float64)
        np.fill_diagonal(matrix, np.inf)
        return np.argsort(matrix, axis=1, kind="stable")

    rank = np.empty((count, count), np.int64)
    rank[rows, order(distance)] = np.arange(1, count + 1)
    excess = np.maximum(0, rank[rows, order(squared_distances(y))[:, :k]] - k).sum()
    return float(1.0 - 2.0 * excess / (count * k * (2 * count - 3 * k - 1)))
