# SPDX-License-Identifier: Apache-2.0
"""Figures measured side by side in one run, each with its bound where one is claimed."""

import operator
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nms import results
from nms import run as job
from nms.datasets import Images
from nms.spec.config import Config
from nms.spec.settings import Settings
from nms.spec.tables import Status

TRUE_ERROR = {"wide": 1e-10, "edge": 2e-4}
"""Largest true perplexity error of a solved row, by profile."""

SEARCH_ROWS = 256
"""Rows on which the hardware's searches are compared; DE/rand/1 takes its time in software."""

RELATIONS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge, "=": operator.eq}


@dataclass(frozen=True)
class Figure:
    """One measured value; ``relation`` and ``bound`` say what is claimed of it, if anything is."""

    subject: str
    name: str
    value: float
    unit: str = ""
    relation: str = ""
    bound: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the claim holds, if there is one."""
        return self.bound is None or bool(RELATIONS[self.relation](self.value, self.bound))


def search(data: Images, perplexity: float) -> list[Figure]:
    """Perplexity searches from the same distances: scikit-learn's, openTSNE's and ours in float64."""
    from golden.bench import search_bench

    rows = {row.method: row for row in search_bench(data.images, perplexity) if row.seconds is not None}
    theirs = rows["scikit-learn"].largest_error
    figures = []
    for name, row in rows.items():
        assert row.seconds is not None
        assert row.ratio is not None
        figures.append(Figure(name, "time", row.seconds, "s"))
        if name == "newton":
            claim = ("<", 1.0) if len(data.images) >= 500 else ()
            figures.append(Figure(name, "time over scikit-learn's", row.ratio, "", *claim))
        if row.largest_error is None or row.median_error is None:
            continue
        ours = name in ("newton", "de")
        figures += [
            Figure(name, "largest error", row.largest_error, "", *(("<", 1e-10) if ours else ())),
            Figure(name, "median error", row.median_error),
        ]
        if name == "newton" and theirs:
            figures.append(
                Figure(name, "error over scikit-learn's", row.largest_error / theirs, "", "<=", 1e-6)
            )
    return figures


SEARCH_GENERATIONS = {"de-rand1": (60, 128), "de-best1": (38, 128), "section": (10, 10), "window": (4, 5)}
"""Largest median and largest number of generations of each method, in either profile."""


def methods(config: Config, data: Images, perplexity: float, seed: int = 1) -> list[Figure]:
    """The four searches of the hardware, bit-true, and the software's bisections, on the same rows.

    Cycles are arithmetic: evaluations x (N-1) / PEs, what the PEs alone take if they never wait. A row fails
    if it has a solution and the method gave it up or its true error is not below the profile's.
    """
    from golden.bench import method_bench

    within = TRUE_ERROR[config.formats]
    found = method_bench(config, data.images[:SEARCH_ROWS], perplexity, seed)
    paper = next(searched.cycles for searched in found if searched.method == "de-rand1")
    figures = []
    for searched in found:
        subject, steps, error = searched.method, searched.steps, searched.error
        figures.append(Figure(subject, "solvable rows", len(steps)))
        if not len(steps):
            continue
        ours = searched.cycles is not None
        unit = "generations" if ours else "steps"
        middle, worst = SEARCH_GENERATIONS.get(subject, (None, None))
        below = "<=" if ours else ""
        failed = int((searched.gave_up | (error >= within)).sum())
        figures += [
            Figure(subject, "median", float(np.median(steps)), unit, below, middle),
            Figure(subject, "99th percentile", float(np.percentile(steps, 99)), unit),
            Figure(subject, "most", int(steps.max()), unit, below, worst),
            Figure(subject, "evaluations", float(steps.mean() * searched.points), "a row"),
        ]
        if searched.cycles is not None and paper:
            claim = ("<=", 0.1) if subject == "window" and config.formats == "wide" else ()
            figures += [
                Figure(subject, "cycles by arithmetic", round(searched.cycles), "a batch"),
                Figure(subject, "cycles over de-rand1's", searched.cycles / paper, "", *claim),
            ]
        figures += [
            Figure(subject, "rows failed", failed, "", *(("=", 0) if ours else ())),
            Figure(subject, "largest true error", float(error.max()), "", *(("<", within) if ours else ())),
            Figure(subject, "median true error", float(np.median(error))),
        ]
    return figures


CYCLES = {
    "distance": 50_000,
    "search by de-rand1": 240_000,
    "search by window": 22_000,
    "embed": 105_000,
    "grid": 2_000,
}
"""Most cycles of a phase: 64 images of 3072 pixels, 32 PEs x 4 lanes, 16 update lanes, 300 iterations."""

DISTANCE_BUSY = 97.0
"""Least share of PEs x lanes at work in the distance phase of that batch, percent."""


def hardware(config: Config, data: Images, perplexity: float, seed: int = 1) -> list[Figure]:
    """Cycles by phase, counted by the hardware itself, with the paper's search and with windows.

    Bounds are claimed for the batch they were set for (:data:`CYCLES`) on arrays of that size; every
    run is also compared with the bit-true model. The simulation's speed includes the test bench.
    """
    from golden import sampler as golden
    from sim import sampler as simulated
    from sim.compare import compare

    count, pixels = data.images.shape
    arrays = (config.pes, config.lanes, config.te_lanes, config.formats)
    claimed = (count, pixels) == (64, 3072) and arrays == (32, 4, 16, "wide")
    figures = []
    for method in ("de-rand1", "window"):
        settings = Settings.make(config, count, pixels, perplexity=perplexity, seed=seed, search=method)
        run = simulated.run(config, settings, data.images)
        tables = compare(run.tables, golden.run(config, settings, data.images))
        figures.append(Figure(method, "values compared", sum(t.compared for t in tables), "", ">=", 1))
        figures.append(Figure(method, "mismatches", sum(t.mismatches for t in tables), "", "=", 0))
        for phase, cycles in run.cycles.items():
            bound = CYCLES.get(f"search by {method}" if phase == "search" else phase) if claimed else None
            figures.append(Figure(method, f"{phase} phase", cycles, "cycles", "<=" if bound else "", bound))
        for phase, part in run.utilisation.items():
            busy = (phase, claimed) == ("distance", True)
            figures.append(
                Figure(method, f"{phase} busy", 100 * part, "%", *((">=", DISTANCE_BUSY) if busy else ()))
            )
        speed = run.simulated_cycles / run.run_seconds
        figures.append(Figure(method, "simulation speed", speed, "cycles/s"))
    return figures


UNROLLS = (1, 2, 4)


def synthesis(config: Config, data: Images, perplexity: float, seed: int = 1) -> list[Figure]:
    """The PE for each unroll factor and profile: area, Fmax, cycles of a batch, and area times time.

    Cells are those of osu018 with OpenSTA's Fmax, where both are installed; otherwise those of target
    generic, whose time is counted in cycles. The batch goes through the whole simulated sampler, by windows;
    area is that of all PEs of ``config``.
    """
    from sim import sampler as simulated
    from synth import flow, targets, timing

    timed = timing.available() and targets.OSU018.is_file()
    target = targets.target("osu018" if timed else "generic")
    figures = []
    for formats in ("edge", "wide"):
        for unroll in UNROLLS:
            made = config.model_copy(update={"formats": formats, "unroll": unroll})
            with tempfile.TemporaryDirectory() as folder:
                [pe] = flow.synthesise(made, "pe", target, Path(folder))
            count, pixels = data.images.shape
            settings = Settings.make(made, count, pixels, perplexity=perplexity, seed=seed, search="window")
            cycles = sum(simulated.run(made, settings, data.images).cycles.values())
            subject, area = f"{formats}, unroll {unroll}", pe.metrics["nand2"]
            figures += [
                Figure(subject, "area of a PE", area, "NAND2 equivalents"),
                Figure(subject, "flip-flops of a PE", pe.metrics["flip_flops"]),
                Figure(subject, "logic depth", pe.metrics["depth"], "cells"),
                Figure(subject, "batch", cycles, "cycles"),
            ]
            if pe.metrics["timing"]:
                fmax = pe.metrics["timing"]["fmax_mhz"]
                figures += [
                    Figure(subject, "Fmax", fmax, "MHz"),
                    Figure(subject, "area of the PEs x time", area * config.pes * cycles / fmax, "NAND2 us"),
                ]
            else:
                figures.append(Figure(subject, "area of the PEs x cycles", area * config.pes * cycles))
    return figures


def sampler(config: Config, settings: Settings, data: Images, perplexity: float, level: str) -> list[Figure]:
    """One batch: scikit-learn's t-SNE, the float64 model, the bit-true model and, at level rtl, the hardware.

    The float64 model starts from the hardware's own Y0, so that its map and its kept set are the same
    but for arithmetic. All maps are judged by the divergence from the exact affinities.
    """
    from golden import exact
    from golden.metrics import kl

    started = time.perf_counter()
    outcome = job.run(config, settings, data, "golden")
    figures = [Figure("bit-true model", "time", time.perf_counter() - started, "s")]
    if level != "golden":
        outcome = job.run(config, settings, data, level)
        figures += [
            Figure("hardware", f"{name} time", seconds, "s") for name, seconds in outcome.seconds.items()
        ]
        figures.append(Figure("hardware", "values compared", outcome.compared, "", ">=", 1))
        figures.append(Figure("hardware", "mismatches", outcome.mismatches, "", "=", 0))
        figures += [Figure("hardware", f"{phase} phase", n, "cycles") for phase, n in outcome.cycles.items()]
        figures += [
            Figure("hardware", f"{name} busy", 100 * part, "%") for name, part in outcome.utilisation.items()
        ]

    values = results.arrays(outcome.tables, config, data)
    solved = values["status"] == Status.SOLVED
    if solved.any():
        errors = np.abs(exact.perplexity(values["beta"], values["distance"]) - perplexity)[solved]
        generations = values["generations"][solved]
        figures += [
            Figure("search", "rows solved", int(solved.sum()), f"of {settings.count}"),
            Figure("search", "largest true error", float(errors.max()), "", "<=", TRUE_ERROR[config.formats]),
            Figure("search", "median generations", float(np.median(generations)), "", "<=", 60),
            Figure("search", "most generations", int(generations.max()), "", "<=", 128),
        ]

    started = time.perf_counter()
    model = exact.run(
        data.images, settings.keep, perplexity, settings.iterations, y0=values["embedding_init"]
    )
    figures.append(Figure("float64 model", "time", time.perf_counter() - started, "s"))
    divergence = kl(model.affinity, values["embedding"])
    common = len(np.intersect1d(model.kept, values["kept"]))
    wide = config.formats == "wide"
    figures += [
        Figure(
            "map", "kept as by float64", 100 * common / settings.keep, "%", *((">=", 100) if wide else ())
        ),
        Figure("map", "Kullback-Leibler divergence", divergence, "nat"),
        Figure(
            "map",
            "difference from float64's",
            abs(divergence - model.kl),
            "nat",
            *(("<=", 1e-3) if wide else ()),
        ),
    ]
    reference = _scikit_learn(data.images, model.affinity, perplexity)
    if reference is not None:
        claim = ("<=", 1.05) if wide and settings.count == 64 else ()
        name = "divergence over scikit-learn's best of three"
        figures.append(Figure("map", name, divergence / reference, "", *claim))
    return figures


def _scikit_learn(images: np.ndarray, joint: np.ndarray, perplexity: float) -> float | None:
    """Divergence of scikit-learn's exact t-SNE, best of three seeds; None where it refuses the data."""
    from sklearn.manifold import TSNE

    from golden.metrics import kl

    if len(np.unique(images, axis=0)) < 4:
        return None
    maps = (
        TSNE(perplexity=perplexity, method="exact", init="random", random_state=seed)
        .fit_transform(images.astype(np.float64))
        .astype(np.float64)
        for seed in range(3)
    )
    return min(kl(joint, found) for found in maps)
