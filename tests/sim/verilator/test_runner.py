# SPDX-License-Identifier: Apache-2.0
"""The runner tells right from wrong, and builds each thing once."""

import shutil
import threading
import time
from types import SimpleNamespace

import pytest

from nms.contract.cache import cache_directory
from nms.contract.errors import ToolError, UserError
from nms.prerequisites import find_unusable
from nms.rtl.export.emit import verilog
from nms.sim.verilator import runner, tools
from nms.sim.verilator.runner import simulate

INCREMENTER = {"step": 1, "count": 50}


def test_right_hardware_passes_under_all_stalls_and_from_the_cache(blocks, run):
    block = blocks.Incrementer()
    first = run(block, "incrementer_testbench", parameters=INCREMENTER)
    assert first, first.failures
    assert (first.passed, first.failed, first.compared) == (6, 0, 5 * 50 + 5)
    second = run(blocks.Incrementer(), "incrementer_testbench", parameters=INCREMENTER, tests=["reset"])
    assert (second.passed, second.compared) == (1, 5)
    assert second.seconds_build < 0.5


def test_no_pytest_configuration_reaches_the_simulation(blocks, run, monkeypatch, tmp_path):
    """cocotb loads pytest, which looks for its configuration in the folders above, and in a variable."""
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = hostile\naddopts = --no-such-option\n")
    (tmp_path / "hostile" / "nms").mkdir(parents=True)
    (tmp_path / "hostile" / "nms" / "__init__.py").write_text("raise RuntimeError('hostile')\n")
    (tmp_path / "cache").mkdir()
    for entry in cache_directory().iterdir():  # with what was built already
        if entry.name != "runs":
            (tmp_path / "cache" / entry.name).symlink_to(entry)
    monkeypatch.setenv("NMS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nor-this-one")
    outcome = run(blocks.Incrementer(), "incrementer_testbench", parameters=INCREMENTER, tests=["reset"])
    assert outcome, outcome.failures


def test_wrong_hardware_fails_with_the_first_difference(blocks, run):
    outcome = run(blocks.Incrementer(), "incrementer_testbench", parameters={"step": 2}, seed=7)
    assert not outcome
    assert outcome.failed == 6
    assert outcome.compared > 0
    assert "[0] expected 2, got 1" in "".join(outcome.failures)
    assert "seed 7" in "".join(outcome.failures)


@pytest.mark.parametrize(
    ("testbench", "tests", "complaint"),
    [
        ("empty_testbench", None, "ended before the testbench did: RuntimeError"),
        ("incrementer_testbench", ["no_such_test"], "no tests ran"),
        ("no_such_testbench", None, "did: ModuleNotFoundError: No module named 'no_such_testbench'"),
        ("broken_testbench", ["too_few"], "compared 1, at least 10 required"),
        ("broken_testbench", ["nothing_comes"], "o_y: 0 of 1 items within 50 cycles"),
        ("broken_testbench", ["gone"], "ended before the testbench did"),
    ],
)
def test_a_testbench_that_shows_nothing_fails(blocks, run, testbench, tests, complaint):
    outcome = run(blocks.Incrementer(), testbench, tests=tests, parameters=INCREMENTER)
    assert not outcome
    assert outcome.passed == 0
    assert outcome.failed == 1
    assert complaint in outcome.failures[0]


def test_a_full_disk_is_named(blocks, run, monkeypatch):
    monkeypatch.setattr(runner.shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    with pytest.raises(UserError, match=r"cache .*: No space left on device; .* NMS_CACHE"):
        run(blocks.Incrementer(), "empty_testbench", parameters=INCREMENTER)


def test_a_block_that_breaks_the_stream_protocol_fails_though_its_testbench_passes(blocks, run):
    outcome = run(blocks.Fickle(), "fickle_testbench")
    assert outcome.passed == 1
    assert not outcome
    assert "stream o_y: valid fell before ready" in outcome.failures[0]


def test_assertions_of_the_hardware_count(blocks, run):
    good = run(blocks.Chain(), "incrementer_testbench", parameters={"step": 3, "count": 20})
    assert good, good.failures
    assert good.compared == 5 * 20 + 5
    bad = run(blocks.Chain(limit=10), "incrementer_testbench", parameters={"step": 3, "count": 20})
    assert bad.passed == 6
    assert bad.failed == 1
    assert "Assertion failed" in bad.failures[0]


def test_every_disturbance_of_a_stream_turns_the_scoreboard_red(blocks, run):
    outcome = run(blocks.Incrementer(), "disturbed_testbench")
    assert (outcome.passed, outcome.failed) == (0, 8)
    assert outcome.compared >= 6 * 34


def test_waves_are_left_behind(blocks, run):
    outcome = run(blocks.Incrementer(), "incrementer_testbench", parameters=INCREMENTER, waves=True)
    assert outcome, outcome.failures
    assert outcome.waves is not None
    assert "o_y__payload" in outcome.waves.read_text()


def test_mistakes_are_named(blocks, tmp_path):
    text = verilog(blocks.Incrementer())
    with pytest.raises(UserError, match="the Verilog text: has no module 'other'"):
        simulate(module="other", verilog=text, testbench="incrementer_testbench")
    with pytest.raises(UserError, match=r"none\.v: not a readable Verilog file"):
        simulate(module="incrementer", verilog=tmp_path / "none.v", testbench="incrementer_testbench")
    text = text.replace("posedge clk", "posedge clack")
    with pytest.raises(ToolError, match=r"Verilator ended with status 1: %Error: .*'clack'"):
        simulate(module="incrementer", verilog=text, testbench="incrementer_testbench")
    (tmp_path / "bad.v").write_text(text)
    with pytest.raises(UserError, match=r"bad\.v: Verilator cannot build it: .*'clack'"):
        simulate(module="incrementer", verilog=tmp_path / "bad.v", testbench="incrementer_testbench")


def test_a_missing_tool_is_named_with_its_remedy(monkeypatch):
    which = shutil.which
    monkeypatch.setattr(
        tools.shutil,
        "which",
        lambda name, path=None: None if name in ("g++", "perl") else which(name, path=path),
    )
    tools.require.cache_clear()
    with pytest.raises(UserError, match=r"needs g\+\+, perl: apt-get install g\+\+; apt-get install perl"):
        tools.require()
    tools.require.cache_clear()
    monkeypatch.undo()
    assert [tool.name for tool in tools.require()] == [tool.name for tool in tools.find()]


def test_processes_that_need_the_same_build_share_it(monkeypatch, tmp_path):
    built = []

    def compile_slowly(module, verilog, fast, waves, work):
        built.append(work)
        time.sleep(0.2)
        for name in (module, "design.sv", "build.log"):
            (work / name).write_text(verilog)

    monkeypatch.setenv("NMS_CACHE", str(tmp_path))
    monkeypatch.setattr(runner, "_compile", compile_slowly)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(runner._built("top", "text", False, False)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert len(set(found)) == 1
    assert (found[0] / "design.sv").read_text() == "text"


def test_a_build_that_fails_leaves_nothing_behind(monkeypatch, tmp_path):
    def compile_badly(module, verilog, fast, waves, work):
        raise RuntimeError("no")

    monkeypatch.setenv("NMS_CACHE", str(tmp_path))
    monkeypatch.setattr(runner, "_compile", compile_badly)
    with pytest.raises(RuntimeError, match="no"):
        runner._built("top", "text", False, False)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == ["building"]
    assert [path.name for path in (tmp_path / "building").iterdir()] == [".lock"]


def test_what_a_killed_build_left_is_removed_by_the_next(monkeypatch, tmp_path):
    """Another one that is still building keeps its folder."""
    monkeypatch.setenv("NMS_CACHE", str(tmp_path))
    (tmp_path / "building" / "left").mkdir(parents=True)
    with runner._workplace(tmp_path) as (first, _), runner._workplace(tmp_path) as (second, work):
        assert {path.name for path in (tmp_path / "building").glob("[!.]*")} == {first.name, second.name}
        assert work.is_relative_to(second)


@pytest.mark.parametrize("name", ["a b", "$(a)", "a'b", "a#b", "a:b", "a,b"])
def test_a_cache_where_make_builds_nothing(name, tmp_path):
    """What is built is built elsewhere."""
    (tmp_path / name).mkdir()
    with runner._workplace(tmp_path / name) as (kept, work):
        assert kept.is_relative_to(tmp_path / name)
        assert not find_unusable(str(work))
    assert not work.exists()


def test_a_place_where_nothing_is_built(monkeypatch, tmp_path):
    (tmp_path / "a b" / "bin").mkdir(parents=True)
    (tmp_path / "a b" / "bin" / "verilator_bin").touch(0o755)
    monkeypatch.setattr(tools, "_verilator_root", lambda: tmp_path / "a b")
    tools.require.cache_clear()
    with pytest.raises(UserError, match=r"needs verilator: nothing can be built below '.*a b': .* ' '"):
        tools.require()
    tools.require.cache_clear()
