# SPDX-License-Identifier: Apache-2.0
"""A signal ends all that was started, and all that was being done is undone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nms.contract.interruption import SIGNALS
from tests.conftest import ROOT

PROGRAM = """
import subprocess, sys
from nms.contract import output
from nms.contract.errors import Interruption
from nms.contract.interruption import ending_on_signals

try:
    with ending_on_signals(), output.reserve(output.Path("out")):
        output.publish(output.Path("out"), lambda staging: subprocess.run(["sh", "-c", sys.argv[1]]))
except Interruption as error:
    print(error)
"""

TREE = "sh -c 'sleep 60 & sleep 60' & sleep 60"
STUBBORN = "trap '' TERM; echo; sleep 60; sleep 60"
STARTING = "i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; wait"


def find_processes(folder: Path) -> list[str]:
    """The processes that work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") == str(folder):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return [words for words in found if words]


def heed_signals() -> None:
    """Take signals as a program in a terminal does, where the tests run in a background that ignores some."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("script", [TREE, STUBBORN, STARTING])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_all_ends(number: signal.Signals, script: str, tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_signals,
    )
    started = 3 if script == STUBBORN else 5
    while len(find_processes(tmp_path)) < started:
        assert program.poll() is None
        time.sleep(0.05)
    assert len(list((tmp_path / "out").iterdir())) == 1
    program.send_signal(number)
    printed, _ = program.communicate()
    assert printed.strip().splitlines()[-1] == (
        "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    )
    assert not find_processes(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As under nohup."""
    program = subprocess.run(
        ["sh", "-c", 'trap "" HUP; "$@"', "sh", sys.executable, "-c", PROGRAM, "kill -HUP $PPID; sleep 0.2"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (program.returncode, program.stdout) == (0, "")
