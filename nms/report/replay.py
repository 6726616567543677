# SPDX-License-Identifier: Apache-2.0
"""Repeat a run: the steps to its results, and its true errors beside those of other software."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from nms import results
from nms.benchmarks import perplexity_searches as bench
from nms.contract.config import Config, LeanConfig
from nms.contract.settings import LeanSettings
from nms.contract.tables import LeanTables, SamplerTables, Status, Tables
from nms.datasets import Images
from nms.golden import exact, herding, metrics, sampler
from nms.golden.fixed import Ints
from nms.golden.near_duplicates import Removal
from nms.report.loader import Run


@dataclass(frozen=True)
class Replay:
    """The run repeated by the bit-true model, and where it differs from the stored results.

    Parameters
    ----------
    differences : number of values that differ, by array of ``results.npz``
    errors : (generations, N) smallest ``|Perp - target|`` so far, as the model computes it; NaN in
        generations that a row did not need
    divergence : (iterations + 1,) Kullback-Leibler divergence of the map in nats, from before the first
        iteration on
    herding : (K,) distance of the mean of the images taken from that of all, after each one that herding
        takes, in grey levels: the root mean square over the bytes; empty if it has nothing to choose
    """

    differences: dict[str, int]
    errors: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    divergence: np.ndarray = field(default_factory=lambda: np.empty(0))
    herding: np.ndarray = field(default_factory=lambda: np.empty(0))


def replay(run: Run, tell: Callable[[str], None]) -> Replay:
    """Repeat ``run``, which its settings and seed determine; ``tell`` is called with the progress."""
    settings, config = run.settings, run.config
    errors: list[np.ndarray] = []
    maps: list[Ints] = []

    def on_generation(rows: Ints, lowest: Ints) -> None:
        assert isinstance(config, Config)
        generation = np.full(settings.count, np.nan)
        generation[rows] = lowest * config.profile.perplexity.lsb
        errors.append(generation)
        tell(f"model: search, generation {len(errors)}, {len(rows)} rows")

    def on_iteration(points: Ints) -> None:
        maps.append(points)
        tell(f"model: map, iteration {len(maps)} of {settings.iterations}")

    tell("model: distances")
    stored = run.values.get("standing")  # so that the model has as many rows, whatever it finds itself
    tables = sampler.run(config, settings, run.values["images"], on_generation, on_iteration, stored)
    differences = _differences(run, tables)
    if not run.figures.rows:
        return Replay(differences)
    if not run.has_map:
        return Replay(differences, herding=_follow_mean(run))
    assert isinstance(tables, Tables | LeanTables)
    assert isinstance(config, Config | LeanConfig)
    lsb, rows = config.profile.position.lsb, slice(run.figures.rows)
    affinity = tables.affinity[rows, rows]
    divergence = [
        metrics.kl_divergence(affinity, points * lsb) for points in (tables.embedding_init[rows], *maps)
    ]
    return Replay(differences, np.array(errors).reshape(-1, settings.count), np.array(divergence))


def _follow_mean(run: Run) -> np.ndarray:
    """How the mean of the images that herding takes comes near to the mean of all."""
    reduced = run.values["reduced"][run.standing].astype(np.float64)
    taken = reduced[herding.order(run.values["distance"], run.figures.kept)]
    means = taken.cumsum(axis=0) / np.arange(1, len(taken) + 1)[:, None]
    return np.sqrt(((means - reduced.mean(axis=0)) ** 2).mean(axis=1))


def choose_randomly(run: Run) -> np.ndarray:
    """The same of random images, (K,) by arithmetic: deviation / sqrt(t) times sqrt((N - t)/(N - 1))."""
    reduced = run.values["reduced"][run.standing].astype(np.float64)
    count, taken = len(reduced), np.arange(1, run.figures.kept + 1)
    return np.sqrt(reduced.var(axis=0).mean() / taken * (count - taken) / (count - 1))


def _differences(run: Run, tables: SamplerTables) -> dict[str, int]:
    given = run.figures.input
    images = Images(run.values["images"], run.values["labels"], given.shape, given.name, given.planar)
    model = results.make_arrays(tables, run.config, images, run.settings)
    if "standing" in model:
        assert isinstance(run.settings, LeanSettings)
        model["standing"] = Removal(run.settings).find_standing(images.images)
    return {
        name: int(np.sum(run.values[name] != values))
        for name, values in model.items()
        if name not in ("images", "labels")
    }


def compute_true_errors(run: Run) -> dict[str, np.ndarray | None]:
    """Compute ``|Perp - target|`` of the solved rows in 80-bit arithmetic, by method; None if not installed.

    Without a map there are none.

    The errors of the run follow from its beta, those of scikit-learn and openTSNE from the p_j|i that they
    deliver for the same distances and target.
    """
    if not run.has_map:
        return {}
    solved = run.values["status"] == Status.SOLVED
    target, distance = run.target, run.values["distance"]
    found: dict[str, np.ndarray | None] = {
        "this run": np.abs(exact.perplexity(run.values["beta"], distance) - target)[solved]
    }
    for name, conditional in bench.run_software(distance, target).items():
        found[name] = None
        if conditional is not None:
            found[name] = np.abs(bench.true_perplexity(conditional) - target)[solved]
    return {name: None if error is None else error.astype(np.float64) for name, error in found.items()}
