# SPDX-License-Identifier: Apache-2.0
"""The lean sampler's search and map in float64: the same rules without rounding."""

from dataclasses import dataclass

import numpy as np

from nms.contract.tables import Status
from nms.golden.exact.distance import off_diagonal, with_diagonal

LSB = 2.0**-8
"""The finest step of u, in octaves, and a unit of the entropy, in bits."""

STOP = 4 * LSB
"""A row is solved when its entropy is this close to the target."""

LOW, HIGH, FIRST = -8.0 - LSB, 4.0, 4.0
"""Ends of the bracket of u, the upper one above L, and the first u of the first row searched."""

LONGEST = 2.0
"""The longest step of u, in octaves."""

NORMALISER_LIMIT = 1023 / 64
"""The largest N/Z."""


@dataclass(frozen=True)
class Search:
    """The outcome of the search, row by row; ``beta2 = 2**(u - scale)``."""

    u: np.ndarray  # (N,), infinite for INFEASIBLE and SATURATED rows
    scale: np.ndarray  # (N,) L, the bit length of the largest gap
    entropy: np.ndarray  # (N,) bits
    evaluations: np.ndarray  # (N,)
    status: np.ndarray  # (N,) Status
    conditional: np.ndarray  # (N, N) p_j|i, zero diagonal, rows sum to 1

    @property
    def joint(self) -> np.ndarray:
        """P'_ij = (p_j|i + p_i|j)/2, (N, N); the sum of all is N."""
        return (self.conditional + self.conditional.T) / 2.0


def entropy(beta2: float, gap: np.ndarray) -> tuple[float, np.ndarray]:
    """Compute ``H = log2 S + T/S`` in bits and the weights ``2**-z``, z = beta2 gap, of a row."""
    z = beta2 * gap
    w = np.exp2(-z)
    total = w.sum()
    return float(np.log2(total) + w @ z / total), w


def _search_row(
    gap: np.ndarray, scale: int, start: float, target: float, evaluations: int
) -> tuple[float, float, int, Status]:
    """Best u, its entropy, evaluations and status of a row, by secant steps within a bracket."""
    low, high = LOW, scale + HIGH
    u = min(max(start, low + LSB), high - LSB)
    best = before = (u, np.inf)
    for made in range(1, evaluations + 1):
        h, _ = entropy(2.0 ** (u - scale), gap)
        off = abs(h - target)
        if off < abs(best[1] - target):
            best = (u, h)
        if off <= STOP:
            return *best, made, Status.SOLVED
        step = off
        if made > 1:
            run, fall = u - before[0], before[1] - h
            if run * fall > 0:
                step = off * run / fall
        step = min(max(step, LSB), LONGEST)
        before = (u, h)
        if h > target:
            low, u = max(low, u), u + step
        else:
            high, u = min(high, u), u - step
        if not low < u < high:
            u = (low + high) / 2
    return *best, evaluations, Status.UNCONVERGED


def search(distance: np.ndarray, target: float, evaluations: int = 6) -> Search:
    """Search for every row, one after the other, the beta at which its entropy is ``target`` bits.

    Parameters
    ----------
    distance : (N, N) int64 squared distances
    target : entropy, the binary logarithm of the perplexity
    evaluations : of a row at most
    """
    gaps = off_diagonal(distance)
    gaps -= gaps.min(axis=1, keepdims=True)
    scales = np.frexp(gaps.max(axis=1).astype(np.float64))[1].astype(np.int64)
    ties = np.count_nonzero(gaps == 0, axis=1)
    reached = np.log2(ties)
    status = np.select(
        [reached > target, reached == target], [Status.INFEASIBLE, Status.SATURATED], Status.SOLVED
    )
    best, made = np.full(len(gaps), np.inf), np.zeros(len(gaps), np.int64)
    weights = (gaps == 0).astype(np.float64)
    u = FIRST
    for row in np.flatnonzero(status == Status.SOLVED):
        u, reached[row], made[row], status[row] = _search_row(gaps[row], scales[row], u, target, evaluations)
        best[row] = u
        _, weights[row] = entropy(2.0 ** (u - scales[row]), gaps[row])
    weights /= weights.sum(axis=1, keepdims=True)
    return Search(best, scales, reached, made, status, with_diagonal(weights))


def embed(joint: np.ndarray, start: np.ndarray, iterations: int = 48, exaggerated: int = 12) -> np.ndarray:
    """Embed the points: Y after ``iterations``, all points moving together: (N, 2).

    As :func:`nms.golden.exact.embed`, but for momentum 7/8 after the exaggerated iterations, and N/Z of the
    iteration before, limited; the first takes 1/(N-1).

    Parameters
    ----------
    joint : (N, N) P'
    start : (N, 2) Y before the first iteration
    exaggerated : number of exaggerated iterations, the first ones
    """
    count = len(start)
    scale = 2.0 ** -np.ceil(np.log2(np.maximum(1.0, joint.sum(axis=1, keepdims=True))))
    y = np.array(start, np.float64)
    velocity = np.zeros_like(y)
    normaliser = 1.0 / (count - 1)
    for iteration in range(iterations):
        exaggeration, momentum, step = (2.0, 0.5, 1.0) if iteration < exaggerated else (1.0, 0.875, 2.0)
        difference = y[:, None, :] - y[None, :, :]
        w = 1.0 / (1.0 + (difference**2).sum(axis=2))
        np.fill_diagonal(w, 0.0)
        force = (exaggeration * joint - normaliser * w) * w
        velocity = momentum * velocity - step * scale * np.einsum("ij,ijk->ik", force, difference)
        y += velocity
        normaliser = min(count / w.sum(), NORMALISER_LIMIT)
    return y
