# SPDX-License-Identifier: Apache-2.0
"""The folder in which builds, runs and the logs of tools that failed are kept."""

import os
import re
import tempfile
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
