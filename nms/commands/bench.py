# SPDX-License-Identifier: Apache-2.0
"""``nms bench``: figures side by side."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nms import render
from nms.benchmarks.figure import Figure
from nms.commands.options import (
    CONFIG,
    Count,
    Json,
    Level,
    LevelOption,
    Overrides,
    Seed,
    Size,
    complete_config,
)
from nms.contract import config as configuration
from nms.contract.errors import UserError
from nms.contract.settings import Settings

if TYPE_CHECKING:
    from nms.datasets import Images

HARD = "hard"
"""Data of ``bench search``: rows that searches fail on."""


class Bench(StrEnum):
    """What is measured."""

    SEARCH = "search"
    SAMPLER = "sampler"
    HARDWARE = "hardware"
    SIMULATION = "simulation"
    SYNTHESIS = "synthesis"
    WINDOWS = "windows"


SMALL = (Bench.SAMPLER, Bench.SYNTHESIS, Bench.WINDOWS)
"""Measured on ``tiny`` unless another preset is named."""


Measured = Annotated[
    list[Bench] | None, typer.Argument(metavar=f"[{'|'.join(Bench)}]...", help="All if none is named.")
]
BenchPreset = Annotated[
    str | None,
    typer.Option(
        "-c",
        "--config",
        metavar=CONFIG,
        help="Preset, or TOML file of a configuration; else tiny (sampler, synthesis, windows) or paper.",
        autocompletion=complete_config,
    ),
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the table for a document.")]
Source = Annotated[
    str, typer.Option("--data", help="Data as of run; for search also hard: rows that searches fail on.")
]
Target = Annotated[
    float | None, typer.Option("--perplexity", help="Target; 15 or, if less, a third of the images.")
]
Rounds = Annotated[
    int | None, typer.Option("--iterations", help="For windows: gradient iterations; else 300.")
]
Method = Annotated[
    str | None,
    typer.Option("--search", metavar="METHOD", help="For windows: the search, as of run; else de-rand1."),
]


@dataclass(frozen=True)
class Given:
    """What the command was told, for one of its subjects."""

    config: configuration.Config
    data: str
    count: int | None
    size: int | None
    perplexity: float | None
    seed: int
    rtl: bool
    iterations: int
    method: str
    progress: Callable[[str], None]

    def load(self, most: int, batches: int = 1) -> "Images":
        """``count`` images, at most and by default ``most``, for each of so many batches."""
        from nms import datasets

        if self.data == HARD:
            raise UserError(f"data {HARD!r}: only for bench search")
        return datasets.load(self.data, None, self.size, most=batches * min(self.count or most, most))

    def target(self, count: int) -> float:
        """The perplexity for batches of ``count`` images."""
        return self.perplexity or min(15.0, min(count, self.config.images) / 3)


def _search(given: Given) -> list[Figure]:
    from nms.benchmarks import search

    given.progress("searching")
    if given.data == HARD:
        for name in ("count", "size", "perplexity"):
            if (value := getattr(given, name)) is not None:
                raise UserError(f"{name} {value:g}: data {HARD!r} has batches and targets of its own")
        return search.measure_methods(
            given.config, search.make_hard_batches(given.config), given.seed, given.rtl
        )
    images = given.load(500)
    target = given.target(len(images.images))
    batches = search.split_batches(given.config, images, target)
    return search.measure_methods(given.config, batches, given.seed, given.rtl) + search.measure_software(
        images, target
    )


def _sampler(given: Given) -> list[Figure]:
    from nms.benchmarks import sampler

    images = given.load(given.config.images)
    target = given.target(len(images.images))
    found, pixels = images.images.shape
    settings = Settings.make(given.config, found, pixels, perplexity=target, seed=given.seed)
    given.progress("sampling")
    return sampler.measure(given.config, settings, images, target, "rtl" if given.rtl else "golden")


def _hardware(given: Given) -> list[Figure]:
    from nms.benchmarks import hardware

    count = min(given.count or given.config.images, given.config.images)
    images = given.load(given.config.images, hardware.BATCHES).images
    return hardware.measure(given.config, images, count, given.target(count), given.seed, given.progress)


def _simulation(given: Given) -> list[Figure]:
    from nms.benchmarks import simulation

    images = given.load(given.config.images)
    given.progress("simulating")
    return simulation.measure(given.config, images, given.target(len(images.images)), given.seed)


def _synthesis(given: Given) -> list[Figure]:
    from nms.benchmarks import synthesis

    images = given.load(given.config.images).images
    return synthesis.measure(given.config, images, given.target(len(images)), given.seed, given.progress)


def _windows(given: Given) -> list[Figure]:
    from nms.benchmarks import windows

    images = given.load(given.config.images).images
    count, pixels = images.shape
    target = given.target(count)
    settings = Settings.make(
        given.config, count, pixels, perplexity=target, iterations=given.iterations, seed=given.seed,
        search=given.method,
    )  # fmt: skip
    return windows.measure(given.config, settings, images, given.seed, given.progress)


MEASURED = {
    Bench.SEARCH: _search,
    Bench.SAMPLER: _sampler,
    Bench.HARDWARE: _hardware,
    Bench.SIMULATION: _simulation,
    Bench.SYNTHESIS: _synthesis,
    Bench.WINDOWS: _windows,
}


def bench(
    what: Measured = None,
    preset: BenchPreset = None,
    overrides: Overrides = None,
    data: Source = "digits",
    count: Count = None,
    size: Size = None,
    perplexity: Target = None,
    seed: Seed = 1,
    level: LevelOption = Level.RTL,
    iterations: Rounds = None,
    search: Method = None,
    markdown: Markdown = False,
    as_json: Json = False,
) -> None:
    """Measure figures side by side, with the bound beside each; exit status 1 if one is broken.

    The search takes up to 500 images, the sampler as many as its configuration holds, the hardware that
    many for each batch of a job. At level golden the search is not simulated: cycles by arithmetic alone.
    Windows: toggles counted in all cycles of one batch, beside what windows drawn from them 1,000 times say.
    """
    for name, value in (("iterations", iterations), ("search", search)):
        if value is not None and what != [Bench.WINDOWS]:
            raise UserError(f"{name} {value}: only for bench windows")
    figures: list[Figure] = []
    with Console(stderr=True).status("starting") as status:
        for bench in what or list(Bench):
            config = configuration.load(preset or ("tiny" if bench in SMALL else "paper"), overrides or ())
            given = Given(
                config, data, count, size, perplexity, seed, level is Level.RTL,
                300 if iterations is None else iterations, search or "de-rand1", status.update,
            )  # fmt: skip
            figures += MEASURED[bench](given)
    if as_json:
        render.print_json([asdict(figure) | {"holds": figure.holds} for figure in figures])
    else:
        render.print_figures(figures, markdown)
    if not all(figure.holds for figure in figures):
        raise typer.Exit(1)
