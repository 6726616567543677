# SPDX-License-Identifier: Apache-2.0
"""Perplexity searches: Newton's method, which is fast, and differential evolution, the hardware's own."""

import math

import numpy as np

STOP = 2.0**-35
"""A row is solved when ``|Perp - target|`` falls below it: 2.9e-11, so that rounding leaves 1e-10 safe."""

POPULATION = 32
"""Individuals of the differential evolution."""

GENERATION_CAP = 128
"""Most generations of the differential evolution."""

EVALUATION_CAP = 200
"""Most evaluations of the Newton search; real rows take 4 to 12."""

NEWTON_ONLY = 32
"""After this many evaluations every other step halves the bracket instead of following Newton."""


def evaluate(gap: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute weights ``exp(-beta d)``, perplexity, and ``-dH/d(ln beta) = beta**2 Var(d)`` of each row."""
    exponent = beta[:, None] * gap
    weight = np.exp(-exponent)
    total = weight.sum(axis=1)
    weighted = weight * exponent
    mean = weighted.sum(axis=1) / total
    slope = np.einsum("ij,ij->i", weighted, exponent) / total - mean * mean
    return weight, total * np.exp(mean), slope


def newton(gap: np.ndarray, target: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Search by Newton's method on H(ln beta) inside a shrinking bracket.

    H is nearly linear in ln beta. The start is exact for normally distributed distances, whose entropy falls
    by ``beta**2 Var(d) / 2``.

    Parameters
    ----------
    gap : (R, M) distances minus the row's minimum, float64
    target : perplexity

    Returns
    -------
    beta (R,), evaluations (R,), weights (R, M), perplexity (R,)
    """
    rows, others = gap.shape
    low = 2.0**-40 / gap.max(axis=1)  # all weights equal to within float64: Perp = N-1
    high = np.full(rows, 746.0)  # the nearest other distance, at least 1, underflows: Perp = ties
    beta = np.clip(math.sqrt(2.0 * math.log(others / target)) / gap.std(axis=1), low, high)
    best = beta.copy()
    steps = np.zeros(rows, np.int64)
    weights = np.empty_like(gap)
    reached = np.empty(rows)
    active = np.arange(rows)
    for evaluation in range(1, EVALUATION_CAP + 1):
        weight, perplexity, slope = evaluate(gap, beta)
        best[active], steps[active], weights[active], reached[active] = beta, evaluation, weight, perplexity
        pending = np.abs(perplexity - target) >= STOP
        if not pending.any():
            break
        if not pending.all():
            active, gap, beta, low, high = (x[pending] for x in (active, gap, beta, low, high))
            perplexity, slope = perplexity[pending], slope[pending]
        above = perplexity > target
        low, high = np.where(above, beta, low), np.where(above, high, beta)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            beta = beta * np.exp(np.log(perplexity / target) / slope)
        halve = ~((low < beta) & (beta < high)) | (evaluation > NEWTON_ONLY and evaluation % 2 == 0)
        beta = np.where(halve, np.sqrt(low) * np.sqrt(high), beta)
    return best, steps, weights, reached


def differential_evolution(
    gap: np.ndarray, target: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Search by DE/rand/1 with F = 1/2 in ``u = log2(beta2 * 2**L)``.

    ``L`` is the bit length of the row's largest gap; u is searched in [-8, bitlen(all gaps) + 6).

    Parameters
    ----------
    gap : (R, M) distances minus the row's minimum, float64
    target : perplexity

    Returns
    -------
    beta of the best individual (R,), generations (R,)
    """
    rows = len(gap)
    scale = np.frexp(gap.max(axis=1))[1]
    lowest, highest = -8.0, float(scale.max() + 6)

    def fitness(active: np.ndarray, u: np.ndarray) -> np.ndarray:
        z = np.exp2(u - scale[active, None])[:, :, None] * gap[active, None, :]
        w = np.exp2(-z)
        total = w.sum(axis=2)
        return np.abs(total * np.exp2(np.einsum("rkj,rkj->rk", w, z) / total) - target)

    u = rng.uniform(lowest, highest, (rows, POPULATION))
    fit = fitness(np.arange(rows), u)
    generations = np.ones(rows, np.int64)
    for generation in range(2, GENERATION_CAP + 1):
        active = np.flatnonzero(fit.min(axis=1) >= STOP)
        if len(active) == 0:
            break
        a, b, c = (np.take_along_axis(u[active], k, axis=1) for k in _draw_three_others(rng, len(active)))
        trial = np.clip(a + 0.5 * (b - c), lowest, highest)
        trial_fit = fitness(active, trial)
        better = trial_fit <= fit[active]
        u[active] = np.where(better, trial, u[active])
        fit[active] = np.where(better, trial_fit, fit[active])
        generations[active] = generation
    best = np.take_along_axis(u, fit.argmin(axis=1)[:, None], axis=1)[:, 0]
    return np.exp2(best - scale) * math.log(2.0), generations


def _draw_three_others(rng: np.random.Generator, rows: int) -> list[np.ndarray]:
    """Draw three others for each individual of each row, uniformly, all four different."""
    taken = [np.broadcast_to(np.arange(POPULATION), (rows, POPULATION))]
    for others in range(POPULATION - 1, POPULATION - 4, -1):
        drawn = rng.integers(others, size=(rows, POPULATION))
        for smaller in np.sort(np.stack(taken), axis=0):
            drawn += drawn >= smaller
        taken.append(drawn)
    return taken[1:]
