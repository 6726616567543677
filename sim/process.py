# SPDX-License-Identifier: Apache-2.0
"""Runs tools, and says how one that failed ended: in one line, with its log kept."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nms.contract.cache import keep_log
from nms.contract.errors import ToolError, describe_end
from nms.sim.child_environment import make_environment

COMPLAINT = re.compile(
    r"^.*(?:^ERROR|^%Error|^Error|^error|\berror:|\bERROR:|\*\*\* (?:\[|No rule)).*$", re.MULTILINE
)
"""A line in which Yosys, abc, Verilator, nextpnr, OpenSTA, the C++ compiler or make report an error."""


def make_command(package: str, function: str) -> list[str]:
    """The start of a command that runs a tool which a Python package has as a function."""
    return [sys.executable, "-c", f"import sys, {package}; sys.exit({package}.{function}(sys.argv[1:]))"]


def make_error(tool: str, status: int, text: str) -> ToolError:
    """The error to raise for a tool that printed ``text``; keeps the text as its log."""
    how = describe_end(status)
    complaint = COMPLAINT.search(text) if how.startswith("ended") else None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return ToolError(
        tool, how, complaint[0].strip() if complaint else "", lines[-1] if lines else "", keep_log(tool, text)
    )


def run(
    tool: str,
    command: Sequence[str | Path],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> str:
    """Run ``command`` in the folder ``cwd``; what it printed, which is also appended to the file ``log``.

    Without ``env``, its environment is :func:`nms.sim.child_environment.make_environment`.

    Raises
    ------
    ToolError
        It could not be started, its exit status is not 0, or a signal killed it.
    """
    words = list(map(str, command))
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=make_environment() if env is None else env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise ToolError(tool, "cannot be started", str(error), "", keep_log(tool, str(error))) from None
    text = done.stdout.decode(errors="replace")
    if log is not None:
        with log.open("a") as file:
            file.write(text)
    if done.returncode:
        raise make_error(tool, done.returncode, log.read_text() if log is not None else text)
    return text
