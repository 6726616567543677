# SPDX-License-Identifier: Apache-2.0
"""Affinities: for every row the beta that gives the target perplexity, and p_j|i from it."""

from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.contract.tables import Status
from nms.golden.exact import search
from nms.golden.exact.distance import off_diagonal, with_diagonal

BLOCK = 1 << 17
"""Elements of one block of rows: 1 MiB of float64, which stays in a core's cache."""


@dataclass(frozen=True)
class Affinities:
    """The outcome of the perplexity search, row by row.

    ``beta`` is in 1/pixel**2 to the base e, infinite for INFEASIBLE and SATURATED rows; ``steps`` counts
    evaluations (newton) or generations (de), and is 0 for these rows.
    """

    beta: np.ndarray  # (N,)
    perplexity: np.ndarray  # (N,) computed in float64
    status: np.ndarray  # (N,) Status
    steps: np.ndarray  # (N,)
    conditional: np.ndarray  # (N, N) p_j|i, zero diagonal, rows sum to 1

    @property
    def joint(self) -> np.ndarray:
        """P'_ij = (p_j|i + p_i|j)/2, (N, N); the sum of all is N."""
        return (self.conditional + self.conditional.T) / 2.0


def affinities(distance: np.ndarray, target: float, method: str = "newton", seed: int = 1) -> Affinities:
    """Find for every row the beta at which the perplexity of ``p_j ~ exp(-beta D_ij)`` is ``target``.

    A row is SOLVED when ``|Perp - target| < STOP``, and UNCONVERGED when the method gives up. A row with
    ``m`` points at its minimum distance is INFEASIBLE if ``m > target`` and SATURATED if ``m == target``; in
    both cases p = 1/m for these points.

    Parameters
    ----------
    distance : (N, N) int64 squared distances
    target : perplexity, above 1 and below N - 1
    method : ``newton``, safeguarded and fast, or ``de``, DE/rand/1 in log2 beta like the hardware's
    seed : for the random numbers of ``de``

    Raises
    ------
    UserError
        The target is out of range or the method unknown.
    """
    count = len(distance)
    if not 1.0 < target < count - 1:
        raise UserError(f"perplexity {target:g}: must be above 1 and below {count - 1}, the number of others")
    if method not in ("newton", "de"):
        raise UserError(f"method {method!r}: must be 'newton' or 'de'")
    gaps = off_diagonal(distance)
    gaps -= gaps.min(axis=1, keepdims=True)
    ties = np.count_nonzero(gaps == 0, axis=1)
    status = np.select([ties > target, ties == target], [Status.INFEASIBLE, Status.SATURATED], Status.SOLVED)
    beta = np.full(count, np.inf)
    reached = ties.astype(np.float64)
    steps = np.zeros(count, np.int64)
    weights = (gaps == 0).astype(np.float64)

    rng = np.random.default_rng(seed)
    solvable = np.flatnonzero(status == Status.SOLVED)
    block = max(1, BLOCK // (count * (search.POPULATION if method == "de" else 1)))
    for start in range(0, len(solvable), block):
        rows = solvable[start : start + block]
        gap = gaps[rows].astype(np.float64)
        if method == "newton":
            beta[rows], steps[rows], weights[rows], reached[rows] = search.newton(gap, target)
        else:
            beta[rows], steps[rows] = search.differential_evolution(gap, target, rng)
            weights[rows], reached[rows], _ = search.evaluate(gap, beta[rows])
    status[solvable[np.abs(reached - target)[solvable] >= search.STOP]] = Status.UNCONVERGED
    weights /= weights.sum(axis=1, keepdims=True)
    return Affinities(beta, reached, status, steps, with_diagonal(weights))


def perplexity(beta: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Compute the true perplexity of each row at ``beta`` in 80-bit arithmetic: the judge of every search.

    Parameters
    ----------
    beta : (N,) in 1/pixel**2 to the base e; infinity means the limit, which is the number of ties
    distance : (N, N) int64 squared distances

    Returns
    -------
    (N,) np.longdouble, ``exp(ln S + beta T/S)`` with ``S = sum exp(-beta d)``, ``T = sum d exp(-beta d)``
    and d the distance minus the row's minimum.
    """
    gaps = off_diagonal(distance)
    gaps -= gaps.min(axis=1, keepdims=True)
    result = np.empty(len(gaps), np.longdouble)
    for i, (row, own) in enumerate(zip(gaps, np.asarray(beta, np.longdouble), strict=True)):
        if np.isinf(own):
            result[i] = np.count_nonzero(row == 0)
            continue
        exponent = own * row.astype(np.longdouble)
        weight = np.exp(-exponent)
        total = weight.sum()
        result[i] = total * np.exp((weight * exponent).sum() / total)
    return result
