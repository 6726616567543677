# SPDX-License-Identifier: Apache-2.0
"""``nms soc``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nms import render
from nms.commands.command_line import command_line, expand_groups
from nms.commands.energy.sampler import LIBRARY, Node
from nms.commands.option_groups import BatchOptions, ConfigOptions, LeanOptions, select_given
from nms.commands.options import MODULE, ROWS, Force, Json, Module, OptionalOutput, Rows, Width
from nms.commands.progress import telling
from nms.contract.config import ReducedConfig, SamplerConfig
from nms.contract.errors import UserError
from nms.contract.output import check_earlier, reserve

if TYPE_CHECKING:
    from nms.soc.work import Work

COUNT = 64
"""Images, unless said otherwise."""

Most = Annotated[int | None, typer.Option(help="Images of a group at most; as many as fit by default.")]

ProcessorCells = Annotated[
    list[Path] | None,
    typer.Option(
        "--liberty",
        metavar="FILE",
        help="Liberty file of cells: the energy of the processor, of these, while it samples in software.",
        rich_help_panel=LIBRARY,
    ),
]


def check_software(config: SamplerConfig) -> None:
    """Check that the program samples in software as well.

    Raises
    ------
    UserError
        It does not, for the published method.
    """
    if not isinstance(config, ReducedConfig):
        raise UserError(f"--liberty: configuration {config.name} has no software whose energy could be told")


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
    liberty: ProcessorCells = None,
    node: Node = None,
    output: OptionalOutput = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Run a program that samples by classes, in a simulated system with processor and DRAM controller.

    Example: `nms soc -c tiny --perplexity 2`

    Example: `nms soc -c herding --liberty cells.lib --node 130`
    """
    config = hardware.load()
    if liberty:
        check_software(config)
    elif node is not None:
        raise UserError(f"--node {node}: for --liberty only")
    if output:
        context.with_resource(reserve(output, inputs=[batch.data]))
    from nms.soc import tools

    tools.require()
    from nms.contract import provenance
    from nms.energy.sampler import technology
    from nms.soc import processor, results, system
    from nms.soc import run as simulation
    from nms.synth import liberty_file

    if liberty:
        liberty_file.check_present(liberty)
        node = technology.infer_node(liberty, node)
    options = system.Options(module=module, rows=rows, width=width or 0)
    system.measure(config, options)
    wanted = load_work(config, batch, lean, most)
    images = wanted.images
    command = command_line(context, count=len(images.images))
    if output:
        check_earlier(output / results.FILE, command, force)
    with telling("starting") as tell:
        outcome = simulation.run(wanted, options, tell)
        energy = None
        if liberty and not outcome.differences:
            assert node
            energy = processor.measure(wanted, options, outcome.jobs, liberty, node, batch.seed, tell)
    record = provenance.collect(config, command, batch.seed, images.describe())
    figures = results.collect(outcome, options, system.measure(config, options), record, energy)
    written = results.save(output, figures) if output else None
    if as_json:
        render.print_json(figures)
    else:
        render.print_soc(figures)
        if written:
            print("written:", written)
    if outcome.differences:
        raise typer.Exit(1)
