# SPDX-License-Identifier: Apache-2.0
"""What ``make setup`` asks of the machine, with each thing taken away."""

import importlib.util
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from nms import prerequisites
from tests.conftest import ROOT


def test_nothing_is_missing_here() -> None:
    assert prerequisites.find_missing() == []


@pytest.mark.parametrize("program", ["g++", "make", "perl"])
def test_program(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == program else f"/bin/{name}")
    assert prerequisites.find_missing() == [(program, f"install it: apt-get install {program}")]


def test_venv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ((what, command),) = prerequisites.find_missing()
    assert what.endswith("-venv")
    assert command == f"install it: apt-get install {what}"


def test_shared_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites.sysconfig, "get_config_var", lambda key: None)
    monkeypatch.setattr(prerequisites.ctypes.util, "find_library", lambda name: None)
    ((what, command),) = prerequisites.find_missing()
    assert what.startswith("libpython3.")
    assert command == f"install it: apt-get install {what}"


@pytest.mark.parametrize("minor", [9, 15])
def test_python(minor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    version = namedtuple("version", "major minor")(3, minor)
    monkeypatch.setattr(prerequisites.sys, "version_info", version)
    monkeypatch.setattr(prerequisites, "find_shared_library", lambda: "found")
    ((what, remedy),) = prerequisites.find_missing()
    assert what == f"Python 3.11 to 3.14 (this is 3.{minor})"
    assert remedy == "name one: make setup PYTHON=python3.11"


@pytest.mark.parametrize(
    ("system", "machine", "libc", "word"),
    [
        ("Linux", "x86_64", "glibc", None),
        ("Darwin", "arm64", "", None),
        ("Linux", "aarch64", "glibc", "a simulator for Linux on aarch64"),
        ("Darwin", "x86_64", "", "a simulator for Darwin on x86_64"),
        ("Linux", "x86_64", "", "glibc"),
    ],
)
def test_platform(
    system: str, machine: str, libc: str, word: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prerequisites.platform, "system", lambda: system)
    monkeypatch.setattr(prerequisites.platform, "machine", lambda: machine)
    monkeypatch.setattr(prerequisites.platform, "libc_ver", lambda: (libc, ""))
    found = prerequisites.find_missing("dev")
    assert [what.startswith(word) for what, _ in found if word] == [True] * bool(word)
    without = prerequisites.find_missing("hardware")
    assert without == (found if word == "glibc" else [])


def test_without_a_simulator_no_compiler_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert prerequisites.find_missing("hardware,dask") == []
    assert len(prerequisites.find_missing("simulation")) == 3


def test_as_make_calls_it(tmp_path: Path) -> None:
    """Without any program on PATH: a line for each, and status 1."""
    done = subprocess.run(
        [sys.executable, ROOT / "nms" / "prerequisites.py"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert [line.split(";")[0] for line in done.stderr.splitlines()] == [
        "missing: g++",
        "missing: make",
        "missing: perl",
    ]


def test_a_checkout_where_nothing_can_be_built(tmp_path: Path) -> None:
    (tmp_path / "a b" / "nms").mkdir(parents=True)
    script = tmp_path / "a b" / "nms" / "prerequisites.py"
    script.write_text(Path(prerequisites.__file__).read_text())
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"checkout '{tmp_path / 'a b'}': nothing can be built there; move it, its path has ' '\n"
    )
