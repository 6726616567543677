# SPDX-License-Identifier: Apache-2.0
"""What must be on the machine before the Python environment can be made: ``python3 nms/prerequisites.py``.

Only the standard library: this runs before anything is installed. Each thing that is missing is one
line with the command that installs it, and the exit status is then 1.
"""

import ctypes.util
import importlib.util
import shutil
import sys
import sysconfig
from pathlib import Path

OLDEST = (3, 11)


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


if __name__ == "__main__":
    for what, command in find_missing():
        print(f"missing: {what}; install it with: {command}", file=sys.stderr)
    sys.exit(bool(find_missing()))
