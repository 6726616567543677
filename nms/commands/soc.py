# SPDX-License-Identifier: Apache-2.0
"""``nms soc``."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nms import render
from nms.commands.options import (
    MODULE,
    ROWS,
    BatchOptions,
    ConfigOptions,
    Force,
    Json,
    LeanOptions,
    Module,
    OptionalOutput,
    Rows,
    Width,
    command_line,
    expand_groups,
    select_given,
)
from nms.commands.progress import telling
from nms.contract.config import SamplerConfig
from nms.contract.output import check_earlier, reserve

if TYPE_CHECKING:
    from nms.soc.work import Work

COUNT = 64
"""Images, unless said otherwise."""

Most = Annotated[int | None, typer.Option(help="Images of a group at most; as many as fit by default.")]


def load_work(config: SamplerConfig, batch: BatchOptions, lean: LeanOptions, most: int | None) -> "Work":
    """The images of the options, and what sampling them by classes gives."""
    own = {"perplexity": batch.perplexity, "iterations": batch.iterations, "search": batch.search}
    given = {"ratio": batch.ratio, "seed": batch.seed, **select_given(config, own | asdict(lean))}
    from nms import datasets
    from nms.soc import work

    images = datasets.load(batch.data, batch.count or COUNT, batch.resize, choice=batch.make())
    return work.make(config, images, most or config.images, **given)


@expand_groups
def soc(
    context: typer.Context,
    hardware: ConfigOptions,
    batch: BatchOptions,
    lean: LeanOptions,
    most: Most = None,
    module: Module = MODULE,
    rows: Rows = ROWS,
    width: Width = None,
    output: OptionalOutput = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Run a program that samples by classes, in a simulated system with processor and DRAM controller.

    Example: `nms soc -c tiny --perplexity 2`

    Example: `nms soc -c herding --count 128 --module MT40A1G8`
    """
    config = hardware.load()
    if output:
        context.with_resource(reserve(output, inputs=[batch.data]))
    from nms.soc import tools

    tools.require()
    from nms.contract import provenance
    from nms.soc import results, system
    from nms.soc import run as simulation

    options = system.Options(module=module, rows=rows, width=width or 0)
    system.measure(config, options)
    wanted = load_work(config, batch, lean, most)
    images = wanted.images
    command = command_line(context, count=len(images.images))
    if output:
        check_earlier(output / results.FILE, command, force)
    with telling("starting") as tell:
        outcome = simulation.run(wanted, options, tell)
    record = provenance.collect(config, command, batch.seed, images.describe())
    figures = results.collect(outcome, options, system.measure(config, options), record)
    written = results.save(output, figures) if output else None
    if as_json:
        render.print_json(figures)
    else:
        render.print_soc(figures)
        if written:
            print("written:", written)
    if outcome.differences:
        raise typer.Exit(1)
