# SPDX-License-Identifier: Apache-2.0
"""``nms bench hardware``: cycles of the simulated hardware, for one batch and for a job of several."""

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np

from nms.benchmarks.figure import Figure
from nms.benchmarks.search import SHARE
from nms.contract.config import PRESETS, Config
from nms.contract.errors import UserError
from nms.contract.settings import Search, Settings

BATCHES = 3
"""Batches of the job, so that two can be loaded and two be sent while another is computed."""

SMALL = 64
"""Largest batch that runs with every search and as a job; larger ones run once, with the window search.

DE/rand/1 would take a dozen times as long.
"""

ROUNDS = 300
"""Gradient iterations."""

CYCLES = {
    "paper": {
        "distance": 50_000,
        "search by de-rand1": 240_000,
        "search by window": 22_000,
        "embed": 105_000,
        "grid": 2_000,
    },
    "large": {
        "distance": 205_000,
        "search by window": 340_000,
        "embed": 1_320_000,
    },
}
"""Most cycles of a phase, by preset: largest batch, largest images, 300 iterations."""

DISTANCE_BUSY = 97.0
"""Least percentage of PEs x lanes at work in the distance phase of ``paper``."""

STREAMED = 90.0
"""Least percentage of their bound that the distances of batches from memory reach in ``paper``."""

OVERHEAD = 1.05
"""Largest ratio of a batch of a job to the larger of memory time and sum of its phases, in ``paper``."""

COMPUTING = ("distance", "search", "affinity", "embed", "grid")
"""Phases in which a batch is computed, unlike LOAD and EMIT, in which it comes and its indices go."""


def find_bounds(config: Config, count: int, pixels: int) -> str:
    """Find the preset whose bounds apply, on unchanged hardware and for its largest batch; else ''."""
    known = PRESETS.get(config.name)
    if known is None or config.name not in CYCLES or known.digest != config.digest:
        return ""
    return config.name if (count, pixels) == (known.images, known.pixels) else ""


def measure(
    config: Config,
    images: np.ndarray,
    count: int,
    perplexity: float,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
) -> list[Figure]:
    """Measure a batch, the first ``count`` of ``images`` (M, D), then a job of 3 such batches.

    Every run is compared with the bit-true model as well. Bounds are those of the preset
    (:func:`nms.benchmarks.hardware.find_bounds`).

    Raises
    ------
    UserError
        There are fewer images than the job takes; see also :meth:`nms.contract.settings.Settings.make`.
    """
    batches = BATCHES if count <= SMALL else 1
    if len(images) < batches * count:
        raise UserError(
            f"{len(images)} images: a job of {batches} batches of {count} takes {batches * count}; "
            "name more data or a smaller --count"
        )
    tell = progress or (lambda text: None)
    searches = list(Search) if count <= SMALL else [Search.WINDOW]
    pixels = images.shape[1]
    preset = find_bounds(config, count, pixels)
    given = Settings.make(config, count, pixels, perplexity=perplexity, iterations=ROUNDS, seed=seed)
    figures = measure_batch(config, given, images[:count], searches, preset, tell)
    if batches > 1:
        settings = replace(given, search=Search.WINDOW)
        cut = images[: batches * count].reshape(batches, count, pixels)
        figures += measure_job(config, settings, cut, preset, tell)
    return figures


def measure_batch(
    config: Config,
    given: Settings,
    images: np.ndarray,
    searches: list[Search],
    preset: str,
    tell: Callable[[str], None],
) -> list[Figure]:
    """Measure one batch on the native streams with each of ``searches``, by the hardware's own counters.

    Each phase is in cycles. *busy* is the percentage of the slots of the phase's units, in all its cycles,
    that did useful operations (:class:`nms.sim.sampler.HardwareRun`). The speed of the simulation, in cycles
    a second, includes the testbench.
    """
    from nms.golden import sampler as golden
    from nms.sim import sampler as simulated
    from nms.sim.compare import compare

    bounds = CYCLES.get(preset, {})
    figures = []
    took: dict[Search, int] = {}
    for method in searches:
        settings, subject = replace(given, search=method), str(method)
        tell(f"one batch with {subject}")
        run = simulated.run(config, settings, images)
        tables = compare(run.tables, golden.run(config, settings, images))
        took[method] = run.cycles["search"]
        figures.append(Figure(subject, "values compared", sum(t.compared for t in tables), "", ">=", 1))
        figures.append(Figure(subject, "mismatches", sum(t.mismatches for t in tables), "", "=", 0))
        for phase, cycles in run.cycles.items():
            bound = bounds.get(f"search by {subject}" if phase == "search" else phase)
            figures.append(Figure(subject, f"{phase} phase", cycles, "cycles", "<=" if bound else "", bound))
        if Search.DE_RAND1 in took:
            over = took[method] / took[Search.DE_RAND1]
            claim = ("<=", SHARE) if preset and method is Search.WINDOW else ()
            figures.append(Figure(subject, "search over de-rand1's", over, "", *claim))
        for phase, part in run.utilisation.items():
            claim = (">=", DISTANCE_BUSY) if (phase, preset) == ("distance", "paper") else ()
            figures.append(Figure(subject, f"{phase} busy", 100 * part, "%", *claim))
        speed = run.simulated_cycles / run.run_seconds
        figures.append(Figure(subject, "simulation speed", speed, "cycles/s"))
    return figures


def measure_job(
    config: Config, settings: Settings, batches: np.ndarray, preset: str, tell: Callable[[str], None]
) -> list[Figure]:
    """Measure a job of ``batches`` (B, N, D), B >= 2, through the AXI system, with memory of a beat a cycle.

    All figures are in cycles by the hardware's own counters, in a job of the first batch alone and in one of
    all batches; shares are in percent.

    * *memory time*: beats of a batch's images at one a cycle, N ceil(D / bus bytes).
    * *compute bound*: pairs i < j times words of an image over PEs, N (N-1)/2 ceil(D / lanes) / PEs.
    * *first batch from memory*: LOAD of the first job, which overlaps with nothing.
    * *distances from memory*: a pipeline that loads a batch while it computes the distances of the previous
    one
      takes the longer of the two a batch, which is LOAD of the first job, or the largest LOAD + DISTANCE of
      the later batches of the second job, where LOAD is the remaining wait. Its *share of the bound* is the
      larger of memory time and compute bound, divided by that.
    * *whole batch*: cycles of the second job minus those of the first, over B - 1: from the images in memory
    to the
      results in memory and the kept images on the stream.
    * *sum of the phases*: mean of DISTANCE to GRID over the batches after the first, without LOAD and EMIT.
    """
    from nms.golden import sampler as golden
    from nms.sim import batches as simulated

    tell(f"a job of {len(batches)} batches")
    run = simulated.run(config, settings, batches)
    wrong = compared = 0
    for found, images in zip(run.results, batches, strict=True):
        model = golden.run(config, settings, images)
        for name, got in asdict(found).items():
            expected = getattr(model, name)
            compared += expected.size
            wrong += int((got != expected).sum())

    n, later = settings.count, run.each[1:]
    memory = n * -(-settings.pixels // (config.bus_bits // 8))
    compute = n * (n - 1) // 2 * -(-settings.pixels // config.lanes) / config.pes
    loading = run.alone["cycles_load"]
    distances = max(loading, *(counted["cycles_load"] + counted["cycles_distance"] for counted in later))
    whole = (run.each[-1]["cycles_job"] - run.alone["cycles_job"]) / len(later)
    summed = float(np.mean([sum(counted[f"cycles_{phase}"] for phase in COMPUTING) for counted in later]))
    streamed = (">=", STREAMED) if preset == "paper" else ()
    overhead = ("<=", OVERHEAD) if preset == "paper" else ()
    subject = f"{len(batches)} batches from memory"
    return [
        Figure(subject, "values compared", compared, "", ">=", 1),
        Figure(subject, "mismatches", wrong, "", "=", 0),
        Figure(subject, "memory time", memory, "cycles"),
        Figure(subject, "compute bound of the distances", compute, "cycles"),
        Figure(subject, "first batch from memory", loading, "cycles"),
        Figure(subject, "distances from memory", distances, "cycles"),
        Figure(subject, "share of the bound", 100 * max(memory, compute) / distances, "%", *streamed),
        Figure(subject, "whole batch", whole, "cycles"),
        Figure(subject, "sum of the phases", summed, "cycles"),
        Figure(subject, "whole batch over the larger", whole / max(memory, summed), "", *overhead),
    ]
