# SPDX-License-Identifier: Apache-2.0
"""Icarus Verilog, which has four states: 0, 1, unknown and high impedance.

An unknown value that software or a bus model takes for a number fails the testbench.
"""

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import cocotb_tools.runner

from nms.sim.child_environment import make_environment
from nms.sim.verilator import protocol
from nms.sim.verilator.context import VARIABLE, Context
from nms.sim.verilator.runner import (
    ENTRIES,
    Outcome,
    count_compared,
    make_run_directory,
    read_results,
)

PROGRAM = "iverilog"

DECLARED = re.compile(r"^(  reg [^=;]*?) *= [^;]*;$", re.MULTILINE)
"""A register with an initial value."""


def is_there() -> bool:
    """Whether the simulator is installed."""
    return shutil.which(PROGRAM) is not None


def drop_initial_values(verilog: str) -> str:
    """The text with registers that are unknown until reset or a clock edge gives them a value."""
    return DECLARED.sub(r"\1 ;", verilog)


def run(files: list[Path], top: str, standard: str, work: Path) -> str:
    """Simulate Verilog files of a standard (``2005``, ``2012``); what the simulation prints."""
    built = work / f"{top}.{standard}"
    command = [PROGRAM, f"-g{standard}", "-s", top, "-o", str(built), *map(str, files)]
    env = make_environment()
    subprocess.run(command, env=env, check=True, capture_output=True)
    command = ["vvp", "-n", str(built)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout


def simulate(
    *,
    module: str,
    verilog: Path | str,
    testbench: str,
    parameters: dict[str, Any] | None = None,
    seed: int = 1,
    fast: bool = False,
    waves: bool = False,
) -> Outcome:
    """As :func:`nms.sim.verilator.runner.simulate`, in Verilog 2005; ``fast`` and ``waves`` say nothing."""
    text = verilog if isinstance(verilog, str) else verilog.read_text()
    work = make_run_directory(module)
    design, log, tally = work / "design.v", work / "testbench.log", work / "tally.jsonl"
    design.write_text(text)
    (work / "pytest.ini").write_text("[pytest]\n")
    ports = protocol.parse_headers(text)[module].ports
    wanted = work / "tests.json"
    context = Context(
        seed=seed, tally=str(tally), wanted=str(wanted), parameters=parameters or {}, ports=ports
    )
    runner = cocotb_tools.runner.Icarus()
    started = time.monotonic()
    runner.build(
        sources=[design],
        hdl_toplevel=module,
        build_dir=work,
        build_args=["-g2005"],
        timescale=("1ns", "1ps"),
    )
    built = time.monotonic()
    runner.test(
        test_module=testbench,
        hdl_toplevel=module,
        build_dir=work,
        test_dir=work,
        seed=seed,
        results_xml=str(work / "results.xml"),
        log_file=log,
        extra_env={
            VARIABLE: context.dump(),
            "COCOTB_ANSI_OUTPUT": "0",
            "COCOTB_TEST_FILTER": context.pattern,
            "PYGPI_USERS": ",".join(ENTRIES),
        },
    )
    passed, failures = read_results(work / "results.xml", log.read_text(errors="replace"), wanted)
    return Outcome(
        passed=passed,
        failed=len(failures),
        compared=count_compared(tally),
        seconds_build=built - started,
        seconds_run=time.monotonic() - built,
        failures=failures,
        log=log,
        ports=ports,
    )
