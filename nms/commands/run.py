# SPDX-License-Identifier: Apache-2.0
"""``nms run``: the main job."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nms import render
from nms.commands.options import (
    Bus,
    BusOption,
    Count,
    Data,
    Iterations,
    Json,
    Level,
    LevelOption,
    Output,
    Overrides,
    Perplexity,
    Preset,
    Ratio,
    SearchOption,
    Seed,
    Size,
    chosen,
)
from nms.contract import config as configuration
from nms.contract.errors import UserError
from nms.contract.output import usable
from nms.contract.settings import Settings

Waves = Annotated[
    bool, typer.Option("--waves", help="Leave a VCD trace of the simulation and a GTKWave view of its ports.")
]


def run(
    preset: Preset,
    overrides: Overrides = None,
    data: Data = "digits",
    count: Count = None,
    size: Size = None,
    ratio: Ratio = 0.3,
    perplexity: Perplexity = 15.0,
    iterations: Iterations = 300,
    seed: Seed = 1,
    search: SearchOption = "de-rand1",
    level: LevelOption = Level.RTL,
    bus: BusOption = Bus.AXI,
    waves: Waves = False,
    output: Output = Path("out"),
    as_json: Json = False,
) -> None:
    """Sample a batch of images; at level rtl, compare every table of the hardware with the model."""
    config = configuration.load(preset, overrides or ())
    usable(output)
    if waves and level is Level.GOLDEN:
        raise UserError("waves: level golden simulates nothing; take --level rtl")
    if count is not None:  # refuse what can be refused before any file is read
        Settings.make(config, count, 1, ratio, perplexity, iterations, seed, search)
    from nms import datasets, results
    from nms import run as job
    from nms.contract import provenance

    images = datasets.load(data, count, size, most=config.images)
    found, pixels = images.images.shape
    settings = Settings.make(config, found, pixels, ratio, perplexity, iterations, seed, search)
    command = [
        "run", *chosen(preset, overrides), "--data", data, "--count", str(settings.count),
        *(["--size", str(size)] if size else []), "--ratio", f"{ratio!r}", "--perplexity", f"{perplexity!r}",
        "--iterations", str(iterations), "--seed", str(seed), "--search", search,
        "--level", level.value, *(["--bus", bus.value] if level is not Level.GOLDEN else []),
    ]  # fmt: skip
    with Console(stderr=True).status("starting") as status:
        outcome = job.run(
            config, settings, images, level, status.update, bus.value, output if waves else None
        )
    values = results.arrays(outcome.tables, config, images)
    record = provenance.collect(config, command, seed, images.describe())
    figures = job.figures(outcome, settings, perplexity, values, record)
    written = results.save(output, values, figures)
    if as_json:
        render.print_json(figures)
    else:
        render.print_run(outcome, figures, values["kept"].tolist())
        print("written:", ", ".join(map(str, written)))
    if outcome.mismatches:
        raise typer.Exit(1)
