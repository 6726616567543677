# SPDX-License-Identifier: Apache-2.0
"""``nms bench search``: perplexity searches of the hardware, bit-true, and of software."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nms.benchmarks.figure import TRUE_ERROR, Figure
from nms.contract.config import Config
from nms.contract.errors import UserError
from nms.contract.settings import Search, Settings
from nms.datasets import Images

ROWS = 256
"""Rows on which the hardware's searches are compared: DE/rand/1 is slow in software."""

GENERATIONS = {"de-rand1": (60, 128), "de-best1": (38, 128), "section": (10, 10), "window": (4, 5)}
"""Bounds of the median and of the largest number of generations, by method, in both profiles."""

SHARE = 0.1
"""Largest ratio of the window search's cycles to those of DE/rand/1."""

Batches = list[tuple[np.ndarray, float]]
"""Images (N, ...) uint8 and perplexity of each batch."""


def split_batches(config: Config, data: Images, perplexity: float) -> Batches:
    """Split the first 256 images into full batches, or one batch if they do not fill one."""
    images = data.images[:ROWS]
    size = min(config.images, len(images))
    return [(images[at : at + size], perplexity) for at in range(0, len(images) - size + 1, size)]


def measure_software(data: Images, perplexity: float, tell: Callable[[str], None]) -> list[Figure]:
    """Measure time in seconds and perplexity error of scikit-learn's, openTSNE's and our float64 searches."""
    from nms.benchmarks.perplexity_searches import time_searches

    timed = time_searches(data.images, perplexity, tell=tell)
    rows = {row.method: row for row in timed if row.seconds is not None}
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


def measure_methods(
    config: Config, batches: Batches, seed: int, rtl: bool, tell: Callable[[str], None]
) -> list[Figure]:
    """Measure the hardware's four searches, bit-true, and the bisections of software on the same rows.

    A row fails if it has a solution, but the method gave it up or its true error is not below the profile's.
    Cycles are those of a batch: *by arithmetic*, evaluations x (N-1) / PEs, which is what PEs that never wait
    take, averaged over all batches; with ``rtl``, *measured*, those that the hardware counts in phase SEARCH
    of the first batch.
    """
    from nms.benchmarks.perplexity_searches import compare_methods

    within, wide = TRUE_ERROR[config.formats], config.formats == "wide"
    found = compare_methods(config, batches, seed, tell)
    measured = simulate_cycles(config, *batches[0], seed, tell) if rtl else {}
    paper = next(searched.cycles for searched in found if searched.method == "de-rand1")
    figures = []
    for searched in found:
        subject, steps, error = searched.method, searched.steps, searched.error
        figures.append(Figure(subject, "solvable rows", len(steps)))
        if not len(steps):
            continue
        ours = searched.cycles is not None
        unit = "generations" if ours else "steps"
        middle, worst = GENERATIONS.get(subject, (None, None))
        below = "<=" if ours else ""
        failed = int((searched.gave_up | ~(error < within)).sum())
        figures += [
            Figure(subject, "median", float(np.median(steps)), unit, below, middle),
            Figure(subject, "99th percentile", float(np.percentile(steps, 99)), unit),
            Figure(subject, "most", int(steps.max()), unit, below, worst),
            Figure(subject, "evaluations", float(steps.mean() * searched.points), "a row"),
        ]
        share = ("<=", SHARE) if subject == "window" and wide else ()
        if searched.cycles is not None and paper:
            figures += [
                Figure(subject, "cycles by arithmetic", round(searched.cycles), "a batch"),
                Figure(subject, "cycles over de-rand1's", searched.cycles / paper, "", *share),
            ]
        if subject in measured:
            over = measured[subject] / measured["de-rand1"]
            figures += [
                Figure(subject, "cycles measured", measured[subject], "a batch"),
                Figure(subject, "measured over de-rand1's", over, "", *share),
            ]
        figures += [
            Figure(subject, "rows failed", failed, "", *(("=", 0) if ours else ())),
            Figure(subject, "largest true error", float(error.max()), "", *(("<", within) if ours else ())),
            Figure(subject, "median true error", float(np.median(error))),
        ]
    return figures


def simulate_cycles(
    config: Config, images: np.ndarray, perplexity: float, seed: int, tell: Callable[[str], None]
) -> dict[str, int]:
    """Simulate the search: cycles of phase SEARCH by method. The tables are compared as well.

    Raises
    ------
    RuntimeError
        A table differs from that of the bit-true model.
    """
    from nms.golden import sampler as golden
    from nms.sim import sampler
    from nms.sim.compare import compare

    flat = images.reshape(len(images), -1)
    given = Settings.make(config, *flat.shape, perplexity=perplexity, iterations=0, seed=seed)
    cycles = {}
    for method in Search:
        settings = replace(given, search=method)
        tell(f"building and simulating {method}")
        run = sampler.run(config, settings, flat)
        for table in compare(run.tables, golden.run(config, settings, flat)):
            if table.mismatches:
                raise RuntimeError(f"{method}: {table.name} of the hardware: {table.first}")
        cycles[str(method)] = run.cycles["search"]
    return cycles


def make_hard_batches(config: Config) -> Batches:
    """The hard batches that fit ``config``; :class:`nms.contract.errors.UserError` if none does."""
    from nms.benchmarks.hard_rows import make_batches

    found = [batch for batch in make_batches(config.pixels).values() if len(batch[0]) <= config.images]
    if not found:
        raise UserError(f"images={config.images}: must be at least 16, the smallest batch of hard rows")
    return found
