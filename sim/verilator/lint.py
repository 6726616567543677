# SPDX-License-Identifier: Apache-2.0
"""Verilator as a linter of emitted Verilog."""

import re
import subprocess
from pathlib import Path

from nms.rtl.export.core import WAIVERS
from nms.sim import process
from nms.sim.verilator import tools

PROBLEM = re.compile(r"^%(?:Error|Warning).*$", re.MULTILINE)


def lint(verilog: Path, top: str) -> list[str]:
    """What ``verilator --lint-only -Wall`` finds beyond the waivers; empty if the text is clean.

    Raises
    ------
    UserError
        A tool is missing.
    ToolError
        Verilator failed and reports no problem.
    """
    tools.require()
    environment = tools.environment()
    program = Path(environment["VERILATOR_ROOT"]) / "bin" / "verilator"
    command = [str(program), "--lint-only", "-Wall", "--top-module", top, str(WAIVERS), str(verilog)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    problems = PROBLEM.findall(done.stdout + done.stderr)
    if done.returncode and not problems:
        raise process.make_error("Verilator", done.returncode, done.stdout + done.stderr)
    return problems
