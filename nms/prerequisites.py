# SPDX-License-Identifier: Apache-2.0
"""What must be on the machine before the Python environment can be made: ``python3 nms/prerequisites.py``.

The argument names the extras to install, ``dev`` by default, which is all of them. Only the standard
library: this runs before anything is installed. Each thing that is missing is one line with its remedy,
and the exit status is then 1. So it is where the checkout is at a place at which nothing can be built.
"""

import ctypes.util
import importlib.util
import platform
import re
import shutil
import sys
import sysconfig
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
"""Every pinned package has wheels for these; tried are 3.11 and 3.13."""

SIMULATED = (("Linux", "x86_64"), ("Darwin", "arm64"))
"""Systems and machines for which the pinned simulator has a wheel; tried is the first."""

UNUSABLE = re.compile(r"""[\s"'`$#:;&|<>()\[\]{}*?!\\%=,~]""")
"""Characters that make, the shell or the linker take for one of their own, so that nothing is built there."""


def find_shared_library() -> "str | None":
    """The shared library of this interpreter, which the simulator loads; ``None`` if there is none."""
    directory, name = (sysconfig.get_config_var(key) or "" for key in ("LIBDIR", "INSTSONAME"))
    if name.endswith(".dylib") or ".so" in name:
        beside = Path(directory) / name
        if beside.exists():
            return str(beside)
    return ctypes.util.find_library(f"python{sys.version_info.major}.{sys.version_info.minor}")


def find_unsupported(simulated: bool) -> "list[tuple[str, str]]":
    """What no installation can mend on this platform, and the way out; ``simulated``: with a simulator."""
    version = sys.version_info.major, sys.version_info.minor
    found = []
    if not OLDEST <= version <= NEWEST:
        oldest, newest, this = (".".join(map(str, one)) for one in (OLDEST, NEWEST, version))
        found.append(
            (f"Python {oldest} to {newest} (this is {this})", f"name one: make setup PYTHON=python{oldest}")
        )
    system, machine = platform.system(), platform.machine()
    if system == "Linux" and platform.libc_ver()[0] != "glibc":
        found.append(
            (
                "glibc, which the wheels of pinned packages need (Alpine has musl)",
                "take another Linux, such as Debian, or a container of one",
            )
        )
    elif simulated and (system, machine) not in SIMULATED:
        found.append(
            (
                f"a simulator for {system} on {machine} (its wheels are for Linux on x86_64)",
                "do without: make setup EXTRAS=hardware; or take a container of linux/amd64",
            )
        )
    return found


def find_unusable(path: str) -> str:
    """The first character of a path below which nothing can be built (:data:`UNUSABLE`), or none."""
    found = UNUSABLE.search(path)
    return found[0] if found else ""


def find_missing(extras: str = "dev") -> "list[tuple[str, str]]":
    """Everything that is missing for these extras, separated by commas, and what to do about it."""
    simulated = bool({"dev", "simulation"} & set(extras.split(",")))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = find_unsupported(simulated)
    needed = []
    if simulated:
        needed += [program for program in ("g++", "make", "perl") if not shutil.which(program)]
    if importlib.util.find_spec("ensurepip") is None:
        needed.append(f"python{version}-venv")
    if simulated and find_shared_library() is None:
        needed.append(f"libpython{version}")
    return found + [(name, f"install it: apt-get install {name}") for name in needed]


def main(extras: str) -> int:
    """Print a line for each thing that is missing or wrong; 1 if there is one."""
    lines = [f"missing: {what}; {remedy}" for what, remedy in find_missing(extras)]
    checkout = str(Path(__file__).resolve().parents[1])
    if character := find_unusable(checkout):
        lines.append(
            f"checkout {checkout!r}: nothing can be built there; move it, its path has {character!r}"
        )
    for line in lines:
        print(line, file=sys.stderr)
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["dev"]))
