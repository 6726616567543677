# SPDX-License-Identifier: Apache-2.0
"""``nms build``."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from nms import render
from nms.commands.command_line import command_line, expand_groups
from nms.commands.option_groups import BatchOptions, ConfigOptions, LeanOptions
from nms.commands.options import Force, Json
from nms.commands.progress import telling
from nms.commands.soc import Most, load_work
from nms.contract.output import check_earlier, publish, reserve

Board = Annotated[str, typer.Option(help="Board: ulx3s-85f, ulx3s-45f or icesugar-pro.")]
Directory = Annotated[
    Path | None, typer.Option("-o", "--output", help="Directory to write to; build/BOARD by default.")
]


@expand_groups
def build(
    context: typer.Context,
    hardware: ConfigOptions,
    batch: BatchOptions,
    lean: LeanOptions,
    board: Board,
    most: Most = None,
    output: Directory = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Make a bitstream of the system with processor, DRAM controller and program, for a board.

    Example: `nms build -c herding --board ulx3s-85f`
    """
    config = hardware.load()
    directory = output or Path("build") / board
    from nms.soc import board as boards

    boards.check(board)
    context.with_resource(reserve(directory, boards.FILES, [batch.data]))
    command = command_line(context)
    check_earlier(directory / boards.RECORD, command, force)
    work = load_work(config, batch, lean, most)
    with telling("starting") as tell, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        metrics = {"command": command} | boards.build(work, board, folder, tell)

        def write(staging: Path) -> None:
            for file in boards.FILES:
                shutil.copy(folder / file, staging)
            (staging / boards.RECORD).write_text(json.dumps(metrics, indent=2) + "\n")

        written = publish(directory, write)
    if as_json:
        render.print_json(metrics)
        return
    render.print_table(
        ["resource", "used", "available"],
        [[kind, found["used"], found["available"]] for kind, found in metrics["utilisation"].items()],
    )
    for clock, achieved in metrics["fmax_mhz"].items():
        print(f"{clock}: {achieved} MHz, of {metrics['constraint_mhz'][clock]} wanted")
    print("written:", ", ".join(map(str, written)))
