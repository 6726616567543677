# SPDX-License-Identifier: Apache-2.0
"""What must be on the machine before the Python environment can be made: ``python3 nms/prerequisites.py``.

Only the standard library: this runs before anything is installed. Each thing that is missing is one
line with the command that installs it, and the exit status is then 1. So it is where the checkout is at a
place at which nothing can be built.
"""

import ctypes.util
import importlib.util
import re
import shutil
import sys
import sysconfig
from pathlib import Path

OLDEST = (3, 11)

UNUSABLE = re.compile(r"""[\s"'`$#:;&|<>()\[\]{}*?!\\%=,~]""")
"""Characters that make, the shell or the linker take for one of their own, so that nothing is built there."""


def find_shared_library() -> str | None:
    """The shared library of this interpreter, which the simulator loads; ``None`` if there is none."""
    directory, name = (sysconfig.get_config_var(key) or "" for key in ("LIBDIR", "INSTSONAME"))
    if name.endswith(".dylib") or ".so" in name:
        beside = Path(directory) / name
        if beside.exists():
            return str(beside)
    return ctypes.util.find_library(f"python{sys.version_info.major}.{sys.version_info.minor}")


def find_missing() -> list[tuple[str, str]]:
    """Everything that is missing, and how to get it."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = [
        (program, f"apt-get install {program}")
        for program in ("g++", "make", "perl")
        if not shutil.which(program)
    ]
    if sys.version_info < OLDEST:
        found.append(
            (f"Python {OLDEST[0]}.{OLDEST[1]} or newer (this is {version})", "make setup PYTHON=python3.11")
        )
    if importlib.util.find_spec("ensurepip") is None:
        found.append(("python3-venv", f"apt-get install python{version}-venv"))
    if find_shared_library() is None:
        found.append((f"the shared library of Python {version}", f"apt-get install libpython{version}"))
    return found


def find_unusable(path: str) -> str:
    """The first character of a path below which nothing can be built (:data:`UNUSABLE`), or none."""
    found = UNUSABLE.search(path)
    return found[0] if found else ""


if __name__ == "__main__":
    lines = [f"missing: {what}; install it with: {command}" for what, command in find_missing()]
    checkout = str(Path(__file__).resolve().parents[1])
    if character := find_unusable(checkout):
        lines.append(
            f"checkout {checkout!r}: nothing can be built there; move it, its path has {character!r}"
        )
    for line in lines:
        print(line, file=sys.stderr)
    sys.exit(bool(lines))
