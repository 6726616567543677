# SPDX-License-Identifier: Apache-2.0
"""``nms run``: the main job."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nms import extras, render
from nms.commands.command_line import command_line, expand_groups
from nms.commands.option_groups import BatchOptions, ConfigOptions, LeanOptions, warn
from nms.commands.options import (
    MODULE,
    ROWS,
    Bus,
    BusOption,
    CellTarget,
    Force,
    Json,
    Level,
    LevelOption,
    Memory,
    MemoryOption,
    Module,
    Output,
    Rows,
    Width,
)
from nms.commands.progress import telling
from nms.contract.config import SamplerConfig
from nms.contract.errors import UserError
from nms.contract.output import check_earlier, reserve
from nms.contract.settings import PERPLEXITY

if TYPE_CHECKING:
    from nms.soc.system import Options
    from nms.synth.targets import Target

Waves = Annotated[
    bool, typer.Option("--waves", help="Leave a VCD trace of the simulation and a GTKWave view of its ports.")
]


@expand_groups
def run(
    context: typer.Context,
    hardware: ConfigOptions,
    batch: BatchOptions,
    lean: LeanOptions,
    level: LevelOption = Level.RTL,
    target: CellTarget = None,
    bus: BusOption = Bus.AXI,
    memory: MemoryOption = Memory.MODEL,
    module: Module = MODULE,
    rows: Rows = ROWS,
    width: Width = None,
    waves: Waves = False,
    output: Output = Path("out"),
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Sample a batch of images; at level rtl, compare every table of the hardware with the model.

    Example: `nms run -c tiny --count 16 --perplexity 5`

    Example: `nms run -c herding --data cifar-10-batches-py --memory litedram -o out`
    """
    config = hardware.load()
    if waves and level is Level.GOLDEN:
        raise UserError("waves: level golden simulates nothing; take --level rtl")
    if level is not Level.GOLDEN:
        extras.require("hardware", "simulation")
    cells = _select_cells(level, target)
    dram = _select_dram(config, level, bus, memory, module, rows, width)
    if waves and dram:
        raise UserError("waves: memory litedram leaves none; take --memory model")
    from nms import results
    from nms import run as job
    from nms.contract import provenance

    context.with_resource(reserve(output, results.FILES, [batch.data]))
    images, settings = batch.load(config, lean)
    command = command_line(context, leave_out=["waves"], count=settings.count)
    check_earlier(output / results.RECORD, command, force)

    with telling("starting") as tell:
        traces = output if waves else None
        outcome = job.run(config, settings, images, level, tell, bus.value, traces, dram, cells)
    values = results.make_arrays(outcome.tables, config, images, settings)
    record = provenance.collect(config, command, batch.seed, images.describe())
    wanted = batch.find_perplexity(settings.count)
    figures = job.collect_figures(outcome, settings, wanted, values, record)
    if images.files:
        figures["kept_files"] = [images.files[index] for index in values["kept"]]
    if "perplexity" in figures:
        if batch.perplexity is None and wanted < PERPLEXITY:
            warn(f"perplexity {wanted:g}, a third of the others, since there are {settings.count} images")
        if not figures["perplexity"]["rows"]["solved"]:
            warn(f"no row has the perplexity {wanted:g}: the map says nothing of these images")
    written = results.save(output, values, figures)
    if as_json:
        render.print_json(figures)
    else:
        render.print_run(outcome, figures, values["kept"].tolist())
        print("written:", ", ".join(map(str, written)))
    if outcome.mismatches:
        raise typer.Exit(1)


def _select_cells(level: Level, target: str | None) -> "Target | None":
    """The cells of the netlist to simulate, checked; ``None`` at other levels."""
    if level is not Level.NETLIST:
        if target is not None:
            raise UserError(f"target {target!r}: for --level netlist only")
        return None
    from nms.synth import targets

    return targets.select_target(target)


def _select_dram(
    config: SamplerConfig, level: Level, bus: Bus, memory: Memory, module: str, rows: int, width: int | None
) -> "Options | None":
    """The DRAM to simulate, checked; ``None`` with the model of a memory."""
    if memory is Memory.MODEL:
        return None
    if level is not Level.RTL or bus is not Bus.AXI:
        raise UserError("memory litedram: needs --level rtl and --bus axi")
    from nms.soc import system, tools

    tools.require(compiler=False)
    options = system.Options(cpu="none", module=module, rows=rows, width=width or 0)
    system.measure(config, options)
    return options
