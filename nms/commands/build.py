# SPDX-License-Identifier: Apache-2.0
"""``nms build``."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from nms import render
from nms.commands.options import BatchOptions, ConfigOptions, Json, LeanOptions, expand_groups
from nms.commands.progress import telling
from nms.commands.soc import Most, load_work
from nms.contract.output import check_writable, publish

Board = Annotated[str, typer.Option(help="Board: ulx3s-85f or colorlight-i5.")]
Directory = Annotated[
    Path | None, typer.Option("-o", "--output", help="Directory to write to; build/BOARD by default.")
]


@expand_groups
def build(
    hardware: ConfigOptions,
    batch: BatchOptions,
    lean: LeanOptions,
    board: Board,
    most: Most = None,
    output: Directory = None,
    as_json: Json = False,
) -> None:
    """Make a bitstream of the system with processor, DRAM controller and program, for a board.

    Example: `nms build -c herding --board ulx3s-85f`
    """
    config = hardware.load()
    directory = output or Path("build") / board
    check_writable(directory)
    from nms.soc import board as boards

    boards.check(board)
    work = load_work(config, batch, lean, most)
    with telling("starting") as tell, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        metrics = boards.build(work, board, folder, tell)
        written = publish(
            directory,
            lambda staging: [shutil.copy(folder / file, staging) for file in boards.FILES],
        )
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
