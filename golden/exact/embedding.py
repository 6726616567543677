# SPDX-License-Identifier: Apache-2.0
"""The embedding: gradient iterations of t-SNE with the stable schedule."""

import numpy as np

BLOCK = 1 << 14
"""Elements of one block of rows of the gradient, which works on five such blocks at once."""


def draw_start(count: int, seed: int) -> np.ndarray:
    """Draw Y before the first iteration: (count, 2), uniform in [-1/4, 1/4)."""
    return np.random.default_rng(seed).uniform(-0.25, 0.25, (count, 2))


def gradient(joint: np.ndarray, y: np.ndarray, exaggeration: float = 1.0) -> np.ndarray:
    """Compute ``g_i = ex sum_j P'_ij w_ij (y_i - y_j) - (N/Z) sum_j w_ij**2 (y_i - y_j)``.

    ``w_ij = 1/(1 + |y_i - y_j|**2)``, Z is the sum of all w_ij with i != j, ex the exaggeration. With ``P'``
    summing to N and ex = 1, this is N/4 times the gradient of the Kullback-Leibler divergence.

    Parameters
    ----------
    joint : (N, N) P', zero diagonal
    y : (N, 2)

    Returns
    -------
    (N, 2)
    """
    count = len(y)
    xs = np.ascontiguousarray(y.T)
    rows = max(1, BLOCK // count)
    blocks = [slice(begin, begin + rows) for begin in range(0, count, rows)]
    w = np.empty((count, count))
    for block in blocks:
        dx, dy = (np.subtract.outer(axis[block], axis) for axis in xs)
        dx *= dx
        dy *= dy
        dx += dy
        dx += 1.0
        np.divide(1.0, dx, out=w[block])
    np.fill_diagonal(w, 0.0)
    repulsion = count / w.sum()
    result = np.empty((count, 2))
    for block in blocks:
        force = exaggeration * joint[block]
        force -= repulsion * w[block]
        force *= w[block]
        for column, axis in enumerate(xs):
            result[block, column] = np.einsum("ij,ij->i", force, np.subtract.outer(axis[block], axis))
    return result


def embed(
    joint: np.ndarray, y0: np.ndarray, iterations: int = 300, exaggerated: int | None = None
) -> np.ndarray:
    """Embed the points: Y after ``iterations`` of the stable schedule, in which all points move together.

    ``V = m V - c s_i g_i``, ``Y += V``, with V = 0 at first and ``s_i = 2**-ceil(log2 max(1, sum_j P'_ij))``.
    The first ``exaggerated`` iterations have ex = 2, m = 1/2, c = 1; the others ex = 1, m = 13/16, c = 2.

    Parameters
    ----------
    joint : (N, N) P'
    y0 : (N, 2) start
    iterations : number of all iterations
    exaggerated : number of exaggerated iterations; by default a quarter (floor), at most 12

    Returns
    -------
    (N, 2)
    """
    if exaggerated is None:
        exaggerated = min(iterations // 4, 12)
    scale = 2.0 ** -np.ceil(np.log2(np.maximum(1.0, joint.sum(axis=1, keepdims=True))))
    y = np.array(y0, np.float64)
    velocity = np.zeros_like(y)
    for iteration in range(iterations):
        early = iteration < exaggerated
        exaggeration, momentum, step = (2.0, 0.5, 1.0) if early else (1.0, 0.8125, 2.0)
        velocity = momentum * velocity - step * scale * gradient(joint, y, exaggeration)
        y += velocity
    return y
