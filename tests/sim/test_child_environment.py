# SPDX-License-Identifier: Apache-2.0
"""Nothing of the user's environment but what is listed reaches a process that is started."""

import ast
from pathlib import Path

import pytest

from nms.sim import child_environment, process
from nms.sim.verilator import tools
from tests.conftest import ROOT

HOSTILE = {
    "COCOTB_TEST_FILTER": "reset",
    "COCOTB_TESTCASE": "reset",
    "COCOTB_LIST_TESTS": "1",
    "TESTCASE": "reset",
    "MODULE": "none",
    "TOPLEVEL": "none",
    "WAVES": "1",
    "GUI": "1",
    "VERILATOR_ROOT": "/none",
    "MAKEFLAGS": "-n",
    "MAKEFILES": "/none",
    "CXXFLAGS": "-none",
    "PYTHONHOME": "/none",
    "PYTHONSTARTUP": "/none",
    "PYTHONOPTIMIZE": "1",
    "PYTHONWARNINGS": "error",
    "YOSYS_DATDIR": "/none",
    "ABC": "/none",
    "PYTEST_ADDOPTS": "--none",
    "LC_ALL": "de_DE.UTF-8",
}


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("hostile")
def test_a_process_sees_what_may_pass(tmp_path: Path) -> None:
    printed = process.run("env", ["env"], tmp_path).splitlines()
    seen = {line.split("=")[0] for line in printed}
    assert seen - {"PWD", "SHLVL", "_"} <= {*child_environment.PASSED, *child_environment.OURS}
    assert "LC_ALL=C.UTF-8" in printed
    assert {"PATH", "HOME"} <= seen


@pytest.mark.usefixtures("hostile")
def test_tools_see_what_is_theirs() -> None:
    theirs = tools.environment()
    assert theirs["VERILATOR_ROOT"] != "/none"
    assert theirs["MAKEFLAGS"] == tools.MAKE_FLAGS
    assert not {"COCOTB_TEST_FILTER", "WAVES", "CXXFLAGS", "PYTHONHOME", "PYTEST_ADDOPTS"} & theirs.keys()


@pytest.mark.usefixtures("hostile")
def test_all_tests_of_a_testbench_run(blocks, run) -> None:
    outcome = run(blocks.Incrementer(), "incrementer_testbench", parameters={"step": 1, "count": 50})
    assert outcome, outcome.failures
    assert outcome.passed == 6


def test_a_test_that_did_not_run_has_failed(blocks, run, monkeypatch) -> None:
    monkeypatch.setitem(child_environment.OURS, "COCOTB_TESTCASE", "reset")
    outcome = run(blocks.Incrementer(), "incrementer_testbench", parameters={"step": 1, "count": 50})
    assert (outcome.passed, outcome.failed) == (1, 5)
    assert sum(failure.endswith(": did not run") for failure in outcome.failures) == 5


def test_every_process_is_started_with_such_an_environment() -> None:
    started = 0
    for folder in ("contract", "rtl", "sim", "synth", "energy", "nms"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                    "subprocess.run",
                    "subprocess.Popen",
                ):
                    started += 1
                    assert "env" in {word.arg for word in node.keywords}, f"{file}:{node.lineno}"
    assert started
