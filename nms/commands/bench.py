# SPDX-License-Identifier: Apache-2.0
"""``nms bench``: figures side by side."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from nms import render
from nms.commands.options import Count, Data, Json, Level, LevelOption, Overrides, Seed, Size
from nms.spec import config as configuration
from nms.spec.settings import Settings


class Bench(StrEnum):
    """What is measured."""

    SEARCH = "search"
    SAMPLER = "sampler"
    HARDWARE = "hardware"
    SYNTHESIS = "synthesis"


Measured = Annotated[
    list[Bench] | None, typer.Argument(metavar=f"[{'|'.join(Bench)}]...", help="All if none is named.")
]
BenchPreset = Annotated[
    str | None,
    typer.Option("-c", "--config", metavar="PRESET", help="Preset; else paper (search, hardware) or tiny."),
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the table for a document.")]
Target = Annotated[
    float | None, typer.Option("--perplexity", help="Target; 15 or, if less, a third of the images.")
]


def bench(
    what: Measured = None,
    preset: BenchPreset = None,
    overrides: Overrides = None,
    data: Data = "digits",
    count: Count = None,
    size: Size = None,
    perplexity: Target = None,
    seed: Seed = 1,
    level: LevelOption = Level.RTL,
    markdown: Markdown = False,
    as_json: Json = False,
) -> None:
    """Measure figures side by side, with the bound beside each; exit status 1 if one is broken.

    The search takes up to 500 images, the sampler as many as its configuration holds.
    """
    from nms import bench as measure
    from nms import datasets

    figures: list[measure.Figure] = []
    for bench in what or list(Bench):
        small = bench in (Bench.SAMPLER, Bench.SYNTHESIS)
        config = configuration.load(preset or ("tiny" if small else "paper"), overrides or ())
        most = 500 if bench == Bench.SEARCH else config.images
        images = datasets.load(data, None, size, most=min(count or most, most))
        target = perplexity or min(15.0, min(len(images.images), config.images) / 3)
        if bench == Bench.SEARCH:
            figures += measure.methods(config, images, target, seed) + measure.search(images, target)
        elif bench == Bench.HARDWARE:
            figures += measure.hardware(config, images, target, seed)
        elif bench == Bench.SYNTHESIS:
            figures += measure.synthesis(config, images, target, seed)
        else:
            found, pixels = images.images.shape
            settings = Settings.make(config, found, pixels, perplexity=target, seed=seed)
            figures += measure.sampler(config, settings, images, target, level)
    if as_json:
        render.print_json([asdict(figure) | {"holds": figure.holds} for figure in figures])
    else:
        render.print_figures(figures, markdown)
    if not all(figure.holds for figure in figures):
        raise typer.Exit(1)
