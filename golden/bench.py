# SPDX-License-Identifier: Apache-2.0
"""Perplexity searches side by side: time and true error, measured in one run."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.manifold._utils import _binary_search_perplexity
from threadpoolctl import threadpool_limits

from golden import exact

PIXEL_SCALE = 255.0**2
"""scikit-learn and openTSNE are given pixels in [0, 1], where their searches start closest."""


@dataclass(frozen=True)
class Row:
    """One method. ``note`` says why there are no figures, if there are none."""

    method: str
    seconds: float | None = None  # median of the runs
    ratio: float | None = None  # seconds over scikit-learn's of the same runs
    largest_error: float | None = None  # of |Perp - target|, over the solvable rows
    median_error: float | None = None
    note: str = ""


def true_perplexity(conditional: np.ndarray) -> np.ndarray:
    """``exp(-sum p ln p)`` of each row in 80-bit arithmetic; rows are scaled to the sum 1 first.

    Judges every method by the p_j|i that it delivers.

    Parameters
    ----------
    conditional : (N, M) non-negative

    Returns
    -------
    (N,) np.longdouble
    """
    p = conditional.astype(np.longdouble)
    p /= p.sum(axis=1, keepdims=True)
    return np.exp(-(p * np.log(np.where(p > 0, p, 1))).sum(axis=1))


def search_bench(images: np.ndarray, perplexity: float = 15.0, repeats: int = 5) -> list[Row]:
    """Time four perplexity searches from the same distances to p_j|i, on one thread, runs interleaved.

    Parameters
    ----------
    images : (N, ...) uint8
    perplexity : target
    repeats : runs of each method, at least 1; the differential evolution, a hundred times slower, runs once

    Returns
    -------
    scikit-learn's exact search, openTSNE over all neighbours, our Newton search, our differential
    evolution. Errors are taken over the rows that have a solution.

    Raises
    ------
    UserError
        See :func:`golden.exact.affinities`.
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
                begin = time.perf_counter()
                found[name] = method()
                seconds[name].append(time.perf_counter() - begin)
    reference = statistics.median(seconds["scikit-learn"])
    rows = []
    for name in methods:
        if name not in found:
            rows.append(Row(name, note="not installed"))
            continue
        median = statistics.median(seconds[name])
        error = np.abs(true_perplexity(found[name][solvable]) - perplexity)
        worst, middle = (float(error.max()), float(np.median(error))) if len(error) else (None, None)
        rows.append(Row(name, median, median / reference, worst, middle))
    return rows


def _open_tsne(others: np.ndarray, perplexity: float) -> Callable[[], np.ndarray] | None:
    """openTSNE's search over the (N, N-1) distances, which it squares; None if it is not installed."""
    try:
        from openTSNE._tsne import compute_gaussian_perplexity
    except ImportError:
        return None
    target = np.array([perplexity])
    return lambda: np.asarray(compute_gaussian_perplexity(others, target, num_threads=1))
