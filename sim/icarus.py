# SPDX-License-Identifier: Apache-2.0
"""Icarus Verilog, which has four states: 0, 1, unknown and high impedance."""

import re
import shutil
import subprocess
from pathlib import Path

PROGRAM = "iverilog"

DECLARED = re.compile(r"^(  reg [^=;]*?) *= [^;]*;$", re.MULTILINE)
"""A register with an initial value."""


def is_there() -> bool:
    """Whether the simulator is installed."""
    return shutil.which(PROGRAM) is not None


def drop_initial_values(verilog: str) -> str:
    """The text with registers that are unknown until reset or a clock edge gives them a value."""
    return DECLARED.sub(r"\1;", verilog)


def run(files: list[Path], top: str, standard: str, work: Path) -> str:
    """Simulate Verilog files of a standard (``2005``, ``2012``); what the simulation prints."""
    built = work / f"{top}.{standard}"
    command = [PROGRAM, f"-g{standard}", "-Wall", "-s", top, "-o", str(built), *map(str, files)]
    subprocess.run(command, check=True, capture_output=True)
    return subprocess.run(["vvp", "-n", str(built)], capture_output=True, text=True, check=False).stdout
