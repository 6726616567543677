# SPDX-License-Identifier: Apache-2.0
"""DE-SNE sampling in float64: what the fixed-point sampler approximates.

images -> squared distances -> perplexity search -> symmetrised affinities -> embedding -> grid ->
kept indices. Distances and the grid are exact integers; everything between is float64.
"""

import math
from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.contract.tables import Status
from nms.golden.metrics import kl, trustworthiness

STOP = 2.0**-35
"""A row is solved when ``|Perp - target|`` falls below it: 2.9e-11, so that rounding leaves 1e-10 safe."""

POPULATION = 32
GENERATION_CAP = 128
EVALUATION_CAP = 200
"""Evaluations of the Newton search; real rows take 4 to 12."""

NEWTON_ALONE = 32
"""Evaluations after which every other one halves the bracket, whatever Newton says."""

BLOCK = 1 << 17
"""Elements of one block of rows: 1 MiB of float64, which stays in a core's cache."""

MAP_BLOCK = 1 << 14
"""Elements of one block of rows of the gradient, which works on five such blocks at once."""


def distances(images: np.ndarray) -> np.ndarray:
    """Exact squared distances ``D_ij = sum_d (x_id - x_jd)**2``.

    Parameters
    ----------
    images : (N, ...) uint8, N >= 1, at least one pixel each

    Returns
    -------
    (N, N) int64. Computed through the Gram matrix in float64, where every integer involved is exact
    (below 2**53 up to 2**36 pixels).

    Raises
    ------
    UserError
        Not uint8, or no pixel.
    """
    if images.dtype != np.uint8:
        raise UserError(f"images of type {images.dtype}: must be uint8")
    if images.ndim < 2 or images.size == 0:
        raise UserError(f"images of shape {images.shape}: must be (images, pixels), neither 0")
    pixels = images.reshape(len(images), -1).astype(np.float64)
    gram = pixels @ pixels.T
    norms = np.diagonal(gram)
    return (norms[:, None] + norms[None, :] - 2.0 * gram).astype(np.int64)


def feature_distances(features: np.ndarray) -> np.ndarray:
    """Squared distances of real features, as the integers that the search works on.

    Differences are squared and summed in float64, so that equal rows are at exactly 0; all are then scaled
    by the power of two that takes the largest to 2**51 .. 2**52 and rounded to even. P depends on no scale.

    Parameters
    ----------
    features : (N, D) float64, finite

    Returns
    -------
    (N, N) int64
    """
    largest = np.abs(features).max()
    unit = np.ldexp(features, -int(np.frexp(largest)[1]))  # below 1, so that no square overflows
    squared = np.empty((len(unit), len(unit)))
    for row, one in zip(squared, unit, strict=True):
        difference = unit - one
        np.einsum("ij,ij->i", difference, difference, out=row)
    return np.rint(np.ldexp(squared, 52 - int(np.frexp(squared.max())[1]))).astype(np.int64)


def off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """The (N, N-1) matrix of each row's elements j != i, in the order of j."""
    count = len(matrix)
    return np.delete(matrix.ravel(), np.arange(count) * (count + 1)).reshape(count, count - 1)


def with_diagonal(rows: np.ndarray) -> np.ndarray:
    """The (N, N) matrix with a zero diagonal whose :func:`off_diagonal` is ``rows``."""
    count = len(rows)
    matrix = np.zeros((count, count), rows.dtype)
    matrix[~np.eye(count, dtype=bool)] = rows.ravel()
    return matrix


@dataclass(frozen=True)
class Affinities:
    """The outcome of the perplexity search.

    ``beta`` is in 1/pixel**2 to the base e, infinite for rows that are infeasible or saturated;
    ``steps`` counts evaluations (newton) or generations (de), 0 for those rows.
    """

    beta: np.ndarray  # (N,)
    perplexity: np.ndarray  # (N,) as float64 computes it
    status: np.ndarray  # (N,) Status
    steps: np.ndarray  # (N,)
    conditional: np.ndarray  # (N, N) p_j|i, zero diagonal, rows sum to 1

    @property
    def joint(self) -> np.ndarray:
        """P'_ij = (p_j|i + p_i|j)/2; the whole sums to N."""
        return (self.conditional + self.conditional.T) / 2.0


def affinities(distance: np.ndarray, target: float, method: str = "newton", seed: int = 1) -> Affinities:
    """Find for every row the beta at which the perplexity of ``p_j ~ exp(-beta D_ij)`` is ``target``.

    A row with ``m`` points at its minimum distance is INFEASIBLE if ``m > target``, SATURATED if
    ``m == target`` (either way p = 1/m on these points), UNCONVERGED if the method gave up, else SOLVED:
    ``|Perp - target| < STOP``.

    Parameters
    ----------
    distance : (N, N) int64 squared distances
    target : perplexity, above 1 and below N - 1
    method : ``newton`` (safeguarded, fast) or ``de`` (DE/rand/1 in log2 beta, as the hardware does it)
    seed : of the random numbers of ``de``

    Raises
    ------
    UserError
        A target out of range or an unknown method.
    """
    count = len(distance)
    if not 1.0 < target < count - 1:
        raise UserError(f"perplexity {target:g}: must be above 1 and below {count - 1} (images but itself)")
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
    block = max(1, BLOCK // (count * (POPULATION if method == "de" else 1)))
    for start in range(0, len(solvable), block):
        rows = solvable[start : start + block]
        gap = gaps[rows].astype(np.float64)
        if method == "newton":
            beta[rows], steps[rows], weights[rows], reached[rows] = _newton(gap, target)
        else:
            beta[rows], steps[rows] = _differential_evolution(gap, target, rng)
            weights[rows], reached[rows], _ = _evaluate(gap, beta[rows])
    status[solvable[np.abs(reached - target)[solvable] >= STOP]] = Status.UNCONVERGED
    weights /= weights.sum(axis=1, keepdims=True)
    return Affinities(beta, reached, status, steps, with_diagonal(weights))


def _evaluate(gap: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights ``exp(-beta d)``, perplexity, and ``-dH/d(ln beta) = beta**2 Var(d)`` of each row."""
    exponent = beta[:, None] * gap
    weight = np.exp(-exponent)
    total = weight.sum(axis=1)
    weighted = weight * exponent
    mean = weighted.sum(axis=1) / total
    slope = np.einsum("ij,ij->i", weighted, exponent) / total - mean * mean
    return weight, total * np.exp(mean), slope


def _newton(gap: np.ndarray, target: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Newton's method on H(ln beta), kept inside a shrinking bracket: beta, evaluations, weights, Perp.

    H is nearly linear in ln beta. The start is exact for normally distributed distances, whose
    entropy falls by ``beta**2 Var(d) / 2``.
    """
    rows, others = gap.shape
    low = 2.0**-40 / gap.max(axis=1)  # all weights equal to within float64: Perp = N-1
    high = np.full(rows, 746.0)  # the nearest other distance, at least 1, underflows: Perp = ties
    beta = np.clip(math.sqrt(2.0 * math.log(others / target)) / gap.std(axis=1), low, high)
    found = beta.copy()
    steps = np.zeros(rows, np.int64)
    weights = np.empty_like(gap)
    reached = np.empty(rows)
    active = np.arange(rows)
    for evaluation in range(1, EVALUATION_CAP + 1):
        weight, perplexity, slope = _evaluate(gap, beta)
        found[active], steps[active], weights[active], reached[active] = beta, evaluation, weight, perplexity
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
        halve = ~((low < beta) & (beta < high)) | (evaluation > NEWTON_ALONE and evaluation % 2 == 0)
        beta = np.where(halve, np.sqrt(low) * np.sqrt(high), beta)
    return found, steps, weights, reached


def _differential_evolution(
    gap: np.ndarray, target: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """DE/rand/1 with F = 1/2 in ``u = log2(beta2 * 2**L)``: beta of the best, generations.

    ``L`` is the bit length of the row's largest gap; u is searched in [-8, bitlen(all gaps) + 6).
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
        a, b, c = (np.take_along_axis(u[active], k, axis=1) for k in _three_others(rng, len(active)))
        trial = np.clip(a + 0.5 * (b - c), lowest, highest)
        trial_fit = fitness(active, trial)
        better = trial_fit <= fit[active]
        u[active] = np.where(better, trial, u[active])
        fit[active] = np.where(better, trial_fit, fit[active])
        generations[active] = generation
    best = np.take_along_axis(u, fit.argmin(axis=1)[:, None], axis=1)[:, 0]
    return np.exp2(best - scale) * math.log(2.0), generations


def _three_others(rng: np.random.Generator, rows: int) -> list[np.ndarray]:
    """For each individual of each row three uniformly drawn others, all four different."""
    taken = [np.broadcast_to(np.arange(POPULATION), (rows, POPULATION))]
    for others in range(POPULATION - 1, POPULATION - 4, -1):
        drawn = rng.integers(others, size=(rows, POPULATION))
        for smaller in np.sort(np.stack(taken), axis=0):
            drawn += drawn >= smaller
        taken.append(drawn)
    return taken[1:]


def perplexity(beta: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """True perplexity of each row at ``beta``, in 80-bit arithmetic: the judge of every level's search.

    Parameters
    ----------
    beta : (N,) in 1/pixel**2 to the base e; infinity stands for the limit (the number of ties)
    distance : (N, N) int64 squared distances

    Returns
    -------
    (N,) np.longdouble, ``exp(ln S + beta T/S)`` with ``S = sum exp(-beta d)``, ``T = sum d exp(-beta d)``
    and d the distance minus the row's minimum.
    """
    gaps = off_diagonal(distance)
    gaps -= gaps.min(axis=1, keepdims=True)
    result = np.empty(len(gaps), np.longdouble)
    for i, (row, at) in enumerate(zip(gaps, np.asarray(beta, np.longdouble), strict=True)):
        if np.isinf(at):
            result[i] = np.count_nonzero(row == 0)
            continue
        exponent = at * row.astype(np.longdouble)
        weight = np.exp(-exponent)
        total = weight.sum()
        result[i] = total * np.exp((weight * exponent).sum() / total)
    return result


def start(count: int, seed: int) -> np.ndarray:
    """Y before the first iteration: (count, 2) uniform in [-1/4, 1/4)."""
    return np.random.default_rng(seed).uniform(-0.25, 0.25, (count, 2))


def gradient(joint: np.ndarray, y: np.ndarray, exaggeration: float = 1.0) -> np.ndarray:
    """``g_i = ex sum_j P'_ij w_ij (y_i - y_j) - (N/Z) sum_j w_ij**2 (y_i - y_j)``.

    ``w_ij = 1/(1 + |y_i - y_j|**2)``, ``Z`` the sum of all w_ij, i != j. With ``P'`` summing to N and
    ex = 1 this is N/4 times the gradient of the Kullback-Leibler divergence.

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
    rows = max(1, MAP_BLOCK // count)
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
    """Y after ``iterations`` of the stable schedule, all points updated together.

    ``V = m V - c s_i g_i``, ``Y += V``, V = 0 at first; ``s_i = 2**-ceil(log2 max(1, sum_j P'_ij))``.
    The first part has ex = 2, m = 1/2, c = 1; the rest ex = 1, m = 13/16, c = 2.

    Parameters
    ----------
    joint : (N, N) P'
    y0 : (N, 2)
    iterations : in all
    exaggerated : iterations of the first part; if not given, a quarter (floor), at most 12

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


def hardware_side(keep: int) -> int:
    """G of the hardware's grid: the smallest integer with ``G**2 >= 2 keep``."""
    return math.isqrt(2 * keep - 1) + 1


def fine_side(y: np.ndarray, keep: int, step: float = 2.0**-24) -> int:
    """The smallest G whose grid has at least ``keep`` occupied cells, so that each kept point has its own.

    G is at most ``4 ceil(sqrt N)``, which is taken if points lie so close that none is enough.
    """
    highest = 4 * (math.isqrt(len(y) - 1) + 1)
    for side in range(math.isqrt(keep - 1) + 1, highest):
        if len(np.unique(cells(y, side, step)[0])) >= keep:
            return side
    return highest


def cells(y: np.ndarray, side: int, step: float = 2.0**-24) -> tuple[np.ndarray, np.ndarray]:
    """Where points lie on a grid of ``side`` x ``side`` square cells over their bounding box.

    Positions are first taken to integer multiples of ``step`` (half_up); from there on the rule is exact.

    Returns
    -------
    (N,) int64 cell id, ``cy * side + cx``; (N,) int64 squared offset from the cell's centre, 1/4096 cells
    """
    raw = np.floor(y / step + 0.5).astype(np.int64).astype(object)  # Python integers: no overflow
    raw -= raw.min(axis=0)
    span = raw.max() + 1
    shift = span.bit_length() + 16
    u = raw * ((1 << shift) // span * side)
    cell = (u >> shift).astype(np.int64)
    offset = ((u >> (shift - 12)) & 4095).astype(np.int64) - 2048
    return cell[:, 1] * side + cell[:, 0], (offset**2).sum(axis=1)


def sample(
    y: np.ndarray,
    keep: int,
    step: float = 2.0**-24,
    side: int | None = None,
    preference: np.ndarray | None = None,
    proportional: bool = False,
) -> np.ndarray:
    """The grid rule: ``keep`` indices that cover the map, ascending.

    In each of the G x G cells points are ranked by (preference, index). By rounds, all of rank 0 are kept,
    then all of rank 1, ...; in the round that would pass ``keep``, fuller cells first, then the lower cell.

    Parameters
    ----------
    y : (N, 2)
    keep : K, 1 to N
    step : of the positions, see :func:`cells`
    side : G; if not given, :func:`hardware_side`
    preference : (N,), the lower the sooner kept of its cell; if not given, the squared offset from the centre
    proportional : keep K n/N of a cell's n points, whole parts first, then the largest remainders (equal
        ones: the lower cell), not by rounds; the hardware knows rounds alone

    Returns
    -------
    (K,) int64

    Raises
    ------
    UserError
        ``keep`` out of range.
    """
    count = len(y)
    if not 1 <= keep <= count:
        raise UserError(f"keep {keep}: must be 1 to {count} (images)")
    cell, squared = cells(y, hardware_side(keep) if side is None else side, step)
    # stable: equal keys stay in the order of the index
    order = np.lexsort((squared if preference is None else preference, cell))
    _, first, occupancy = np.unique(cell[order], return_index=True, return_counts=True)
    rank = np.arange(count) - np.repeat(first, occupancy)
    if proportional:
        return np.sort(order[rank < np.repeat(shares(keep, occupancy), occupancy)])
    fullness = np.repeat(occupancy, occupancy)
    return np.sort(order[np.lexsort((cell[order], -fullness, rank))[:keep]])


def shares(total: int, sizes: np.ndarray) -> np.ndarray:
    """``total`` divided in proportion to ``sizes``, in whole numbers that sum to it, none above its size.

    ``floor(total n / sum n)``, then one more each to the largest remainders, the first among equals.

    Parameters
    ----------
    total : at most the sum of the sizes
    sizes : (M,) int64, their sum above 0
    """
    whole, remainder = np.divmod(total * sizes, sizes.sum())
    whole[np.argsort(-remainder, kind="stable")[: total - whole.sum()]] += 1
    return whole


@dataclass(frozen=True)
class Result:
    """Everything a run computes, and two figures of the map's quality."""

    distance: np.ndarray  # (N, N) int64
    search: Affinities
    affinity: np.ndarray  # (N, N) P'
    embedding_init: np.ndarray  # (N, 2)
    embedding: np.ndarray  # (N, 2)
    kept: np.ndarray  # (K,) int64, ascending
    kl: float
    trustworthiness: float


def run(
    images: np.ndarray,
    keep: int,
    target: float = 15.0,
    iterations: int = 300,
    seed: int = 1,
    y0: np.ndarray | None = None,
    method: str = "newton",
) -> Result:
    """The whole way from images to kept indices.

    Parameters
    ----------
    images : (N, ...) uint8
    keep : K, images to keep
    target : perplexity
    iterations : gradient iterations
    seed : of the start and of ``method="de"``
    y0 : (N, 2) start instead of the seeded one

    Raises
    ------
    UserError
        See :func:`distances`, :func:`affinities` and :func:`sample`.
    """
    if not 1 <= keep <= len(images):
        raise UserError(f"keep {keep}: must be 1 to {len(images)} (images)")
    distance = distances(images)
    search = affinities(distance, target, method, seed)
    y0 = start(len(images), seed) if y0 is None else y0
    if y0.shape != (len(images), 2):
        raise UserError(f"y0 of shape {y0.shape}: must be ({len(images)}, 2)")
    joint = search.joint
    y = embed(joint, y0, iterations)
    return Result(distance, search, joint, y0, y, sample(y, keep), kl(joint, y), trustworthiness(distance, y))
