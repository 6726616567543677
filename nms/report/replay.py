# SPDX-License-Identifier: Apache-2.0
"""Repeat a run: the steps to its results, and its true errors beside those of other software."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nms import results
from nms.benchmarks import perplexity_searches as bench
from nms.contract.tables import Status, Tables
from nms.datasets import Images
from nms.golden import exact, metrics, sampler
from nms.golden.fixed import Ints
from nms.report.loader import Run


@dataclass(frozen=True)
class Replay:
    """The run repeated by the bit-true model, and where it differs from the stored results.

    Parameters
    ----------
    errors : (generations, N) smallest ``|Perp - target|`` so far, as the model computes it; NaN in
        generations that a row did not need
    divergence : (iterations + 1,) Kullback-Leibler divergence of the map in nats, from before the first
        iteration on
    differences : number of values that differ, by array of ``results.npz``
    """

    errors: np.ndarray
    divergence: np.ndarray
    differences: dict[str, int]


def replay(run: Run, tell: Callable[[str], None]) -> Replay:
    """Repeat ``run``, which its settings and seed determine; ``tell`` is called with the progress."""
    settings, config = run.settings, run.config
    errors: list[np.ndarray] = []
    maps: list[Ints] = []

    def on_generation(rows: Ints, lowest: Ints) -> None:
        generation = np.full(settings.count, np.nan)
        generation[rows] = lowest * config.profile.perplexity.lsb
        errors.append(generation)
        tell(f"model: search, generation {len(errors)}, {len(rows)} rows")

    def on_iteration(points: Ints) -> None:
        maps.append(points)
        tell(f"model: map, iteration {len(maps)} of {settings.iterations}")

    tell("model: distances")
    tables = sampler.run(config, settings, run.values["images"], on_generation, on_iteration)
    lsb = config.profile.position.lsb
    divergence = [
        metrics.kl_divergence(tables.affinity, points * lsb) for points in (tables.embedding_init, *maps)
    ]
    return Replay(
        np.array(errors).reshape(-1, settings.count), np.array(divergence), _differences(run, tables)
    )


def _differences(run: Run, tables: Tables) -> dict[str, int]:
    given = run.figures.input
    images = Images(run.values["images"], run.values["labels"], given.shape, given.name, given.planar)
    model = results.make_arrays(tables, run.config, images)
    return {
        name: int(np.sum(run.values[name] != values))
        for name, values in model.items()
        if name not in ("images", "labels")
    }


def compute_true_errors(run: Run) -> dict[str, np.ndarray | None]:
    """Compute ``|Perp - target|`` of the solved rows in 80-bit arithmetic, by method; None if not installed.

    The errors of the run follow from its beta, those of scikit-learn and openTSNE from the p_j|i that they
    deliver for the same distances and target.
    """
    solved = run.values["status"] == Status.SOLVED
    target, distance = run.figures.perplexity.target, run.values["distance"]
    found: dict[str, np.ndarray | None] = {
        "this run": np.abs(exact.perplexity(run.values["beta"], distance) - target)[solved]
    }
    for name, conditional in bench.run_software(distance, target).items():
        found[name] = None
        if conditional is not None:
            found[name] = np.abs(bench.true_perplexity(conditional) - target)[solved]
    return {name: None if error is None else error.astype(np.float64) for name, error in found.items()}
