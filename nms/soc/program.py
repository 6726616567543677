# SPDX-License-Identifier: Apache-2.0
"""Compiles a program for the system's processor."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nms.sim import process
from nms.soc.system import LITEX
from nms.soc.tools import COMPILER, LIBRARY

DRIVER = Path(__file__).with_name("driver")
"""The driver in C, an example."""

SOFTWARE = Path(__file__).with_name("software")
"""The sampler in C, an example."""

FLAGS = (
    "-march=rv32im", "-misa-spec=2.2", "-mabi=ilp32", "-O2", "-Wall", "-Wextra", "-ffunction-sections",
    f"--specs={LIBRARY}", "-nostartfiles", "-Wl,--gc-sections",
)  # fmt: skip


def compile_program(sources: Iterable[Path], system: Path, folder: Path) -> bytes:
    """The contents of the ROM: the start, ``sources`` and the driver, for the ``system`` of that folder.

    ``folder`` is that of ``work.h``; the program stays there as well.

    Raises
    ------
    ToolError
        The compiler failed.
    """
    folders = [folder, LITEX, LITEX / "include", SOFTWARE, DRIVER, system]
    files = [LITEX / "start.S", *sources, DRIVER / "job.c"]
    words: list[str | Path] = [
        COMPILER,
        *FLAGS,
        *(f"-I{one}" for one in folders),
        "-T",
        LITEX / "memory.ld",
        *files,
    ]
    process.run("the RISC-V compiler", [*words, "-lm", "-o", "program"], folder)
    copy = COMPILER.replace("gcc", "objcopy")
    process.run("objcopy", [copy, "-O", "binary", "program", "program.bin"], folder)
    return (folder / "program.bin").read_bytes()


def write_contents(data: bytes, file: Path, width: int = 4) -> None:
    """Write the contents of a memory of words of ``width`` bytes as its Verilog reads them."""
    padded = np.frombuffer(data + bytes(-len(data) % width), np.uint8).reshape(-1, width)
    file.write_text("".join(word[::-1].tobytes().hex() + "\n" for word in padded))
