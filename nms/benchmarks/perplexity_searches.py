# SPDX-License-Identifier: Apache-2.0
"""Run perplexity searches on the same rows: bit-true, in float64, by scikit-learn and by openTSNE."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.manifold._utils import _binary_search_perplexity
from threadpoolctl import threadpool_limits

from nms.contract.config import POPULATION, Config
from nms.contract.settings import Search, Settings
from nms.contract.tables import Status
from nms.golden import de, exact, pea, prng

PIXEL_SCALE = 255.0**2
"""scikit-learn and openTSNE get pixels in [0, 1], for which their searches start closest to the solution."""


@dataclass(frozen=True)
class Timing:
    """Time and true errors of one method; where there are no figures, ``note`` says why."""

    method: str
    seconds: float | None = None  # median of the runs
    ratio: float | None = None  # seconds over scikit-learn's of the same runs
    largest_error: float | None = None  # of |Perp - target|, over the solvable rows
    median_error: float | None = None
    note: str = ""


def true_perplexity(conditional: np.ndarray) -> np.ndarray:
    """Compute ``exp(-sum p ln p)`` of each row in 80-bit arithmetic, after scaling the row to the sum 1.

    Every method is judged by the p_j|i that it delivers. A row of zeros, whose weights all underflowed, has
    0.

    Parameters
    ----------
    conditional : (N, M) non-negative

    Returns
    -------
    (N,) np.longdouble
    """
    p = conditional.astype(np.longdouble)
    total = p.sum(axis=1, keepdims=True)
    p /= np.where(total > 0, total, 1)
    return np.exp(-(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)) * (total[:, 0] > 0)


def time_searches(
    images: np.ndarray,
    perplexity: float = 15.0,
    repeats: int = 5,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Timing]:
    """Time four perplexity searches from the same distances to p_j|i, on one thread, with interleaved runs.

    Parameters
    ----------
    images : (N, ...) uint8
    perplexity : target
    repeats : runs of each method, at least 1; differential evolution is a hundred times slower and runs once
    tell : is told what is being done

    Returns
    -------
    scikit-learn's exact search, openTSNE over all neighbours, our Newton search, our differential evolution.
    Errors are those of the rows that have a solution.

    Raises
    ------
    UserError
        See :func:`nms.golden.exact.affinities`.
    """
    distance = exact.distances(images)
    solvable = exact.affinities(distance, perplexity).status == 0
    methods: dict[str, Callable[[], np.ndarray] | None] = {
        "scikit-learn": partial(
            _binary_search_perplexity, (distance / PIXEL_SCALE).astype(np.float32), perplexity, 0
        ),
        "openTSNE": _open_tsne(np.sqrt(exact.off_diagonal(distance) / PIXEL_SCALE), perplexity),
        "newton": lambda: exact.affinities(distance, perplexity, "newton").conditional,
        "de": lambda: exact.affinities(distance, perplexity, "de").conditional,
    }
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    found: dict[str, np.ndarray] = {}
    with threadpool_limits(1):
        for repeat in range(repeats):
            for name, method in methods.items():
                if method is None or (name == "de" and repeat > 0):
                    continue
                tell(f"timing {name}, {repeat + 1} of {repeats}")
                begin = time.perf_counter()
                found[name] = method()
                seconds[name].append(time.perf_counter() - begin)
    reference = statistics.median(seconds["scikit-learn"])
    rows = []
    for name in methods:
        if name not in found:
            rows.append(Timing(name, note="not installed"))
            continue
        median = statistics.median(seconds[name])
        error = np.abs(true_perplexity(found[name][solvable]) - perplexity)
        worst, middle = (float(error.max()), float(np.median(error))) if len(error) else (None, None)
        rows.append(Timing(name, median, median / reference, worst, middle))
    return rows


@dataclass(frozen=True)
class MethodOutcome:
    """The outcome of one method on the solvable rows of some batches, (rows,) each."""

    method: str
    steps: np.ndarray  # generations, or steps of a bisection
    points: int  # evaluated in each step
    error: np.ndarray  # true, of |Perp - target|
    gave_up: np.ndarray  # bool: the hardware's status is UNCONVERGED; software does not say
    cycles: float | None = None  # mean of the batches, by arithmetic: evaluations x (N-1) / PEs


def compare_methods(
    config: Config,
    batches: list[tuple[np.ndarray, float]],
    seed: int = 1,
    tell: Callable[[str], None] = lambda text: None,
) -> list[MethodOutcome]:
    """Compare the hardware's four methods, bit-true, with the bisections of scikit-learn and openTSNE.

    ``tell`` is told what is being done.

    All search the same rows: ``batches`` of images (N, ...) uint8, each with its perplexity. Errors are
    recomputed in 80-bit arithmetic, from the hardware's beta and from the p_j|i that the software delivers.

    Raises
    ------
    UserError
        ``config`` cannot take the images or the perplexity; see :meth:`nms.contract.settings.Settings.make`.
    """
    tasks = []
    for images, perplexity in batches:
        flat = images.reshape(len(images), -1)
        settings = Settings.make(config, *flat.shape, perplexity=perplexity, seed=seed)
        tasks.append((settings, perplexity, pea.distances(flat)))
    found = []
    for method in Search:
        tell(f"searching by {method}, bit-true")
        found.append(_run_hardware(config, tasks, method))

    tell("searching by scikit-learn and openTSNE")
    solvable = [pea.summarise_rows(config, distance)[2] < perplexity for _, perplexity, distance in tasks]
    targets = [perplexity for _, perplexity, _ in tasks]
    scaled = [distance / PIXEL_SCALE for _, _, distance in tasks]
    others = [exact.off_diagonal(distance) for distance in scaled]
    theirs = [
        _binary_search_perplexity(distance.astype(np.float32), perplexity, 0)
        for distance, perplexity in zip(scaled, targets, strict=True)
    ]
    found.append(_run_bisection("scikit-learn", SCIKIT_LEARN, targets, others, theirs, solvable))
    runs = [_open_tsne(np.sqrt(d), perplexity) for d, perplexity in zip(others, targets, strict=True)]
    theirs = [run() for run in runs if run is not None]
    if theirs:
        found.append(_run_bisection("openTSNE", OPEN_TSNE, targets, others, theirs, solvable))
    return found


def _run_hardware(
    config: Config, tasks: list[tuple[Settings, float, np.ndarray]], method: Search
) -> MethodOutcome:
    steps, errors, gave_up, cycles = [], [], [], 0.0
    for settings, _, distance in tasks:
        target = settings.target * np.longdouble(config.profile.perplexity.lsb)
        states = prng.seeds(settings.seed, settings.count)
        found = de.search(config, settings.target, distance, states, method)
        _, scale, _ = pea.summarise_rows(config, distance)
        searched = found.generations > 0
        power = (found.exponent - scale - config.profile.mantissa.fraction).astype(np.int32)
        beta = np.ldexp(found.mantissa.astype(np.longdouble), power) * np.log(np.longdouble(2))
        error = np.abs(exact.perplexity(np.where(searched, beta, np.inf), distance) - target)
        steps.append(found.generations[searched])
        errors.append(error[searched].astype(np.float64))
        gave_up.append(found.status[searched] == Status.UNCONVERGED)
        cycles += float(found.generations.sum()) * POPULATION * (settings.count - 1) / config.pes
    return MethodOutcome(
        str(method),
        np.concatenate(steps),
        POPULATION,
        np.concatenate(errors),
        np.concatenate(gave_up),
        cycles / len(tasks),
    )


def _run_bisection(
    name: str,
    bisection: tuple[float, float, int, float],
    targets: list[float],
    others: list[np.ndarray],
    conditional: list[np.ndarray],
    solvable: list[np.ndarray],
) -> MethodOutcome:
    steps, errors = [], []
    for target, distance, p, rows in zip(targets, others, conditional, solvable, strict=True):
        steps.append(count_bisection_steps(distance, target, *bisection)[rows])
        errors.append(np.abs(true_perplexity(np.asarray(p)) - target)[rows].astype(np.float64))
    taken = np.concatenate(steps)
    gave_up = np.zeros(len(taken), bool)
    return MethodOutcome(f"{name}'s bisection", taken, 1, np.concatenate(errors), gave_up)


SCIKIT_LEARN = (1.0, 1e-5, 100, 0.0)
OPEN_TSNE = (0.5, 1e-8, 200, 2.0**-52)
"""First beta, tolerance of the entropy in nats, most steps, and the constant added to the sum of weights."""


def count_bisection_steps(
    distance: np.ndarray, perplexity: float, beta: float, tolerance: float, most: int, added: float
) -> np.ndarray:
    """Count the steps of the bisection of scikit-learn or openTSNE in each row, by repeating it: (N,).

    Both double or halve beta until they pass the target, then halve the bracket until the entropy is within
    ``tolerance``; neither reports its number of steps. ``distance`` (N, M) is squared.
    """
    goal = np.log(perplexity)
    at, low, high = (np.full(len(distance), value) for value in (beta, 0.0, np.inf))
    steps = np.zeros(len(distance), np.int64)
    searching = np.ones(len(distance), bool)
    for _ in range(most):
        steps += searching
        weight = np.exp(-at[:, None] * distance)
        total = np.maximum(weight.sum(axis=1) + added, np.finfo(np.float64).tiny)
        entropy = np.log(total) + at * (weight * distance).sum(axis=1) / total
        searching &= np.abs(entropy - goal) > tolerance
        above = entropy > goal
        low, high = np.where(above, at, low), np.where(above, high, at)
        middle = np.where(np.isinf(high), 2 * at, (low + np.where(np.isinf(high), 0, high)) / 2)
        at = np.where(searching, middle, at)
    return steps


def run_software(distance: np.ndarray, perplexity: float) -> dict[str, np.ndarray | None]:
    """Compute p_j|i by scikit-learn, (N, N), and by openTSNE over all neighbours, (N, N-1).

    ``distance`` (N, N), squared, is that of uint8 images. openTSNE's is None if it is not installed.
    """
    scaled = distance / PIXEL_SCALE
    theirs = _open_tsne(np.sqrt(exact.off_diagonal(scaled)), perplexity)
    return {
        "scikit-learn": _binary_search_perplexity(scaled.astype(np.float32), perplexity, 0),
        "openTSNE": theirs() if theirs else None,
    }


def _open_tsne(others: np.ndarray, perplexity: float) -> Callable[[], np.ndarray] | None:
    """openTSNE's search over the (N, N-1) distances, which it squares; None if it is not installed."""
    try:
        from openTSNE._tsne import compute_gaussian_perplexity
    except ImportError:
        return None
    target = np.array([perplexity])
    return lambda: np.asarray(compute_gaussian_perplexity(others, target, num_threads=1))
