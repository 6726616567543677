# SPDX-License-Identifier: Apache-2.0
"""The folder in which builds, emitted texts, runs and the logs of tools that failed are kept."""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import nms

PACKAGE = Path(nms.__file__).resolve().parent
"""The folder of the package, in a checkout or where it is installed."""

LOGS = 100
"""Logs of failures that are kept."""


def cache_directory() -> Path:
    """Where builds and runs are kept: ``$NMS_CACHE``, the checkout's ``.nms/build`` or the user's cache."""
    if given := os.environ.get("NMS_CACHE"):
        return Path(given)
    if (PACKAGE.parent / "pyproject.toml").exists():
        return PACKAGE.parent / ".nms" / "build"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nms"


def keep_log(tool: str, text: str) -> Path:
    """Keep what ``tool`` printed before it failed; of the older logs the newest :data:`LOGS` stay."""
    logs = cache_directory() / "failed"
    logs.mkdir(parents=True, exist_ok=True)
    for old in sorted(logs.iterdir(), key=os.path.getmtime)[:-LOGS]:
        old.unlink(missing_ok=True)
    name = re.sub(r"\W+", "-", tool).strip("-")
    number, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".log", dir=logs)
    with os.fdopen(number, "w") as file:
        file.write(text)
    return Path(path)


def load_or_make(kind: str, key: Iterable[str], make: Callable[[], str]) -> str:
    """The text that ``make`` returned for this ``key``, or returns now.

    ``kind`` names the folder; ``key`` is everything that the text depends on. A text is stored whole
    or, where the cache cannot be written, not at all.
    """
    digest = hashlib.sha256()
    for part in key:
        digest.update(len(part).to_bytes(8, "little") + part.encode())
    path = cache_directory() / kind / digest.hexdigest()[:24]
    with suppress(OSError):
        return path.read_text()
    text = make()
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(number, "w") as file:
            file.write(text)
        os.replace(name, path)
    return text
