# SPDX-License-Identifier: Apache-2.0
"""What a system on chip needs beside the simulation: LiteX, and a compiler for its processor."""

import subprocess
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from nms.contract.errors import UserError
from nms.sim.child_environment import make_environment
from nms.sim.verilator import tools
from nms.sim.verilator.tools import Tool

COMPILER = "riscv64-unknown-elf-gcc"
LIBRARY = "picolibc.specs"
"""The C library, with the mathematics that the driver uses."""

PACKAGES = ("litex", "litedram", "migen", "pythondata-cpu-vexriscv")


@cache
def _find_library(compiler: str) -> Path | None:
    """The specs by which the compiler finds the C library."""
    try:
        command = [compiler, f"--specs={LIBRARY}", f"-print-file-name={LIBRARY}"]
        done = subprocess.run(command, env=make_environment(), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def find() -> list[Tool]:
    """LiteX's packages, the compiler and its C library, found or not."""
    found = []
    for name in PACKAGES:
        there = find_spec(name.replace("-", "_")) is not None
        path = str(metadata.distribution(name).locate_file("")) if there else None
        version = metadata.version(name) if there else None
        found.append(Tool(name, path, version, "nms soc", "pip install 'nms[soc]'"))
    compiler = tools.find_program(COMPILER, "nms soc", "apt-get install gcc-riscv64-unknown-elf")
    library = _find_library(compiler.path) if compiler.path else None
    where = str(library) if library else None
    hint = "apt-get install picolibc-riscv64-unknown-elf"
    return [*found, compiler, Tool("picolibc", where, where and "found", "nms soc", hint)]


def require(compiler: bool = True) -> None:
    """Check that all is there.

    Raises
    ------
    UserError
        Something is missing; names all of it and the commands that install it.
    """
    found = find() if compiler else find()[: len(PACKAGES)]
    missing = [tool for tool in found if tool.version is None]
    if missing:
        names = ", ".join(tool.name for tool in missing)
        hints = "; ".join(dict.fromkeys(tool.hint for tool in missing))
        raise UserError(f"a system on chip needs {names}: {hints}")
    tools.require()
