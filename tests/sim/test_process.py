# SPDX-License-Identifier: Apache-2.0
"""How a tool that failed ends: one line with its name, its status or signal, its words and its log."""

import os
import pickle
from pathlib import Path

import pytest

from nms.contract import cache
from nms.contract.errors import ToolError
from nms.sim import process


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NMS_CACHE", str(tmp_path / "cache"))


def die(script: str, tmp_path: Path, log: Path | None = None) -> ToolError:
    """The error of a tool that is a line of the shell's."""
    with pytest.raises(ToolError) as raised:
        process.run("a tool", ["sh", "-c", script], tmp_path, log=log)
    return raised.value


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("exit 3", "a tool ended with status 3: it printed nothing"),
        ("echo reading; echo mapping; exit 3", "a tool ended with status 3: mapping"),
        ("echo mapping; echo >&2; exit 255", "a tool ended with status 255: mapping"),
        ("kill -9 $$", "a tool was killed by SIGKILL (out of memory?): it printed nothing"),
        ("echo mapping; kill -9 $$", "a tool was killed by SIGKILL (out of memory?): mapping"),
        ("echo mapping; exit 137", "a tool was killed by SIGKILL (out of memory?): mapping"),
        ("kill -11 $$", "a tool was killed by SIGSEGV: it printed nothing"),
        ("echo; echo ERROR: no cell >&2; echo end; exit 1", "a tool ended with status 1: ERROR: no cell"),
        ("echo 'a.cpp:1: error: no type'; echo 'make: *** [a.o] Error 1'; exit 2", "a.cpp:1: error: no type"),
        ("echo 'make: *** [Vtop.mk:9: a.o] Killed'; exit 2", "make: *** [Vtop.mk:9: a.o] Killed"),
        ("echo '%Error: a.v:1:1: no net'; echo more; exit 1", "%Error: a.v:1:1: no net"),
    ],
)
def test_one_line_tells_how_a_tool_ended(script: str, line: str, tmp_path: Path) -> None:
    message = str(die(script, tmp_path))
    assert line in message
    assert "\n" not in message


def test_the_whole_log_is_kept(tmp_path: Path) -> None:
    """Also what the tools before it have left in the same log."""
    log = tmp_path / "build.log"
    assert process.run("another", ["echo", "first"], tmp_path, log=log) == "first\n"
    error = die("echo second; exit 1", tmp_path, log)
    assert error.log.read_text() == log.read_text() == "first\nsecond\n"
    assert error.log.is_relative_to(tmp_path / "cache")
    assert str(error).endswith(f"its whole log: {error.log}")


def test_a_killed_tool_complains_of_nothing(tmp_path: Path) -> None:
    """What it printed before it was killed does not put the input at fault."""
    assert die("echo ERROR: no cell; exit 1", tmp_path).complaint == "ERROR: no cell"
    assert die("echo ERROR: no cell; kill -9 $$", tmp_path).complaint == ""


def test_a_tool_that_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"a tool cannot be started: .*none"):
        process.run("a tool", [tmp_path / "none"], tmp_path)


def test_old_logs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LOGS", 3)
    kept = [cache.keep_log("a tool", str(number)) for number in range(3)]
    for age, log in enumerate(kept):
        os.utime(log, (age, age))
    for number in range(3):
        cache.keep_log("a tool", str(number))
    assert len(list((tmp_path / "cache" / "failed").iterdir())) == 4
    assert not kept[0].exists()


def test_an_error_survives_another_process(tmp_path: Path) -> None:
    error = die("exit 3", tmp_path)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
