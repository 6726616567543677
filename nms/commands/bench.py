# SPDX-License-Identifier: Apache-2.0
"""``nms bench``: figures side by side."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from nms import render
from nms.benchmarks.figure import Figure
from nms.commands.command_line import expand_groups
from nms.commands.completion import offer
from nms.commands.option_groups import PartOptions, report
from nms.commands.options import Count, Json, Level, LevelOption, Overrides, Resize, Seed, config_option
from nms.commands.progress import telling
from nms.contract import config as configuration
from nms.contract.errors import UserError
from nms.contract.settings import Search, Settings

if TYPE_CHECKING:
    from nms.datasets import Images

HARD = "hard"
"""Data of ``bench search``: rows that searches fail on."""


class Benchmark(StrEnum):
    """What is measured."""

    SEARCH = "search"
    SAMPLER = "sampler"
    HARDWARE = "hardware"
    SIMULATION = "simulation"
    SYNTHESIS = "synthesis"
    INTERVALS = "intervals"


SMALL = (Benchmark.SAMPLER, Benchmark.SYNTHESIS, Benchmark.INTERVALS)
"""Measured on ``tiny`` unless another configuration is given."""

ITERATIONS, SEARCH = 300, "de-rand1"
"""Settings of ``bench intervals`` that are not given."""

Benchmarks = Annotated[
    list[Benchmark] | None,
    typer.Argument(metavar=f"[{'|'.join(Benchmark)}]...", help="Benchmarks to run; all if none is named."),
]
BenchPreset = Annotated[
    str | None,
    config_option(
        "Preset, or TOML file of a configuration; by default tiny for sampler, synthesis and intervals, "
        "paper for the others."
    ),
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")]
Source = Annotated[
    str,
    typer.Option(
        "--data", help="Data set, as of nms run; for search also hard: rows on which searches fail."
    ),
]
Target = Annotated[
    float | None,
    typer.Option(
        "--perplexity",
        help="Target perplexity of each row; by default 15, but at most a third of the images.",
    ),
]
IntervalIterations = Annotated[
    int | None,
    typer.Option(
        "--iterations",
        help=f"Gradient iterations of the embedding, for intervals; {ITERATIONS} by default.",
    ),
]
IntervalSearch = Annotated[
    str | None,
    typer.Option(
        "--search",
        metavar="METHOD",
        help=f"Search of beta, for intervals, as of nms run; {SEARCH} by default.",
        autocompletion=offer(*map(str, Search)),
    ),
]


@dataclass(frozen=True)
class BenchOptions(PartOptions):
    """What is measured with: images, targets, level."""

    data: Source = "digits"
    count: Count = None
    resize: Resize = None
    perplexity: Target = None
    seed: Seed = 1
    level: LevelOption = Level.RTL
    iterations: IntervalIterations = None
    search: IntervalSearch = None


@dataclass(frozen=True)
class Bench:
    """The options on one configuration."""

    config: configuration.Config
    options: BenchOptions
    progress: Callable[[str], None]

    @property
    def rtl(self) -> bool:
        """Whether the hardware is simulated."""
        return self.options.level is Level.RTL

    @property
    def seed(self) -> int:
        """Seed of all random numbers."""
        return self.options.seed

    def load(self, most: int, batches: int = 1) -> "Images":
        """``count`` images, at most and by default ``most``, for each of so many batches."""
        from nms import datasets

        if self.options.data == HARD:
            raise UserError(f"data {HARD!r}: only for bench search")
        most = batches * min(self.options.count or most, most)
        given = self.options
        images = datasets.load(given.data, None, given.resize, most=most, choice=given.make())
        report(images)
        return images

    def choose_target(self, count: int) -> float:
        """The perplexity for batches of ``count`` images."""
        return self.options.perplexity or min(15.0, min(count, self.config.images) / 3)


def _measure_search(bench: Bench) -> list[Figure]:
    from nms.benchmarks import search

    if bench.options.data == HARD:
        for name in ("count", "resize", "perplexity"):
            if (value := getattr(bench.options, name)) is not None:
                raise UserError(f"{name} {value:g}: data {HARD!r} has batches and targets of its own")
        return search.measure_methods(
            bench.config, search.make_hard_batches(bench.config), bench.seed, bench.rtl, bench.progress
        )
    images = bench.load(500)
    target = bench.choose_target(len(images.images))
    batches = search.split_batches(bench.config, images, target)
    figures = search.measure_methods(bench.config, batches, bench.seed, bench.rtl, bench.progress)
    return figures + search.measure_software(images, target, bench.progress)


def _measure_sampler(bench: Bench) -> list[Figure]:
    from nms.benchmarks import sampler

    images = bench.load(bench.config.images)
    target = bench.choose_target(len(images.images))
    found, pixels = images.images.shape
    settings = Settings.make(bench.config, found, pixels, perplexity=target, seed=bench.seed)
    bench.progress("sampling")
    return sampler.measure(bench.config, settings, images, target, "rtl" if bench.rtl else "golden")


def _measure_hardware(bench: Bench) -> list[Figure]:
    from nms.benchmarks import hardware

    count = min(bench.options.count or bench.config.images, bench.config.images)
    images = bench.load(bench.config.images, hardware.BATCHES).images
    return hardware.measure(
        bench.config, images, count, bench.choose_target(count), bench.seed, bench.progress
    )


def _measure_simulation(bench: Bench) -> list[Figure]:
    from nms.benchmarks import simulation

    images = bench.load(bench.config.images)
    bench.progress("simulating")
    return simulation.measure(bench.config, images, bench.choose_target(len(images.images)), bench.seed)


def _measure_synthesis(bench: Bench) -> list[Figure]:
    from nms.benchmarks import synthesis

    images = bench.load(bench.config.images).images
    return synthesis.measure(
        bench.config, images, bench.choose_target(len(images)), bench.seed, bench.progress
    )


def _measure_intervals(bench: Bench) -> list[Figure]:
    from nms.benchmarks import intervals

    images = bench.load(bench.config.images).images
    count, pixels = images.shape
    target = bench.choose_target(count)
    iterations, search = bench.options.iterations, bench.options.search
    settings = Settings.make(
        bench.config,
        count,
        pixels,
        perplexity=target,
        iterations=ITERATIONS if iterations is None else iterations,
        seed=bench.seed,
        search=search or SEARCH,
    )
    return intervals.measure(bench.config, settings, images, bench.seed, bench.progress)


BENCHMARKS = {
    Benchmark.SEARCH: _measure_search,
    Benchmark.SAMPLER: _measure_sampler,
    Benchmark.HARDWARE: _measure_hardware,
    Benchmark.SIMULATION: _measure_simulation,
    Benchmark.SYNTHESIS: _measure_synthesis,
    Benchmark.INTERVALS: _measure_intervals,
}


@expand_groups
def bench(
    what: Benchmarks = None,
    *,
    preset: BenchPreset = None,
    overrides: Overrides = None,
    options: BenchOptions,
    markdown: Markdown = False,
    as_json: Json = False,
) -> None:
    """Measure figures side by side, with the bound beside each; exit status 1 if one is broken.

    The search takes up to 500 images, the sampler as many as its configuration holds, the hardware that
    many for each batch of a job.

    At level golden the search is not simulated: cycles by arithmetic alone.

    Intervals: toggles counted in all cycles of one batch, beside what 1,000 draws of intervals say.

    Example: `nms bench search --level golden --count 100`

    Example: `nms bench sampler synthesis -c tiny --markdown`
    """
    for option in ("iterations", "search"):
        value = getattr(options, option)
        if value is not None and what != [Benchmark.INTERVALS]:
            raise UserError(f"{option} {value}: only for bench intervals")
    figures: list[Figure] = []
    with telling("starting") as tell:
        for name in what or list(Benchmark):
            preferred = "tiny" if name in SMALL else "paper"
            config = configuration.load_published(preset or preferred, overrides or ())
            figures += BENCHMARKS[name](Bench(config, options, tell))
    if as_json:
        render.print_json([asdict(figure) | {"holds": figure.holds} for figure in figures])
    else:
        render.print_figures(figures, markdown)
    if not all(figure.holds for figure in figures):
        raise typer.Exit(1)
