# SPDX-License-Identifier: Apache-2.0
"""Write output directories so that no file is ever half-written."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from nms.contract.errors import UserError


def check_writable(directory: Path) -> None:
    """Check that ``directory`` can be written to, before the work begins.

    Raises
    ------
    UserError
        It is a file, or there is no permission.
    """
    existing = next(entry for entry in (directory, *directory.absolute().parents) if entry.exists())
    if not existing.is_dir():
        raise UserError(f"output {str(directory)!r}: {str(existing)!r} is a file; must be a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"output {str(directory)!r}: no permission to write in {str(existing)!r}")


def place(directory: Path, write: Callable[[Path], object]) -> list[Path]:
    """Let ``write`` fill an empty folder beside ``directory``, then move its files into ``directory``.

    Each file appears whole or not at all; if ``write`` raises, ``directory`` stays untouched. Other files in
    ``directory`` stay. Returns the files written.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        write(staging)
        written = sorted(path.relative_to(staging) for path in staging.rglob("*") if path.is_file())
        for path in written:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / path, directory / path)
    finally:
        shutil.rmtree(staging)
    return [directory / path for path in written]
