# SPDX-License-Identifier: Apache-2.0
"""``make setup``: a line for each step, nothing else unless a step fails."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

PYTHON = """#!/bin/sh
case "$*" in
  "-m venv .venv")
    mkdir -p .venv/bin
    printf '#!/bin/sh\\n%s\\n' "$PIP" > .venv/bin/pip
    chmod +x .venv/bin/pip ;;
  "nms/prerequisites.py dev") eval "$PREREQUISITES" ;;
  *) exit 9 ;;
esac
"""
"""A stand-in for the interpreter and, in the environment that it makes, for pip."""


def setup(
    folder: Path, pip: str = "exit 0", prerequisites: str = "exit 0"
) -> subprocess.CompletedProcess[str]:
    """Run ``make setup`` in a folder with stand-ins of these scripts."""
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").touch()
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return subprocess.run(
        ["make", "--no-print-directory", "setup", "PYTHON=./python"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PIP": pip, "PREREQUISITES": prerequisites},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_step_is_a_line(tmp_path: Path) -> None:
    done = setup(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    *steps, last = done.stdout.splitlines()
    assert [step.split(":")[0] for step in steps] == ["setup 1/3", "setup 2/3", "setup 3/3"]
    assert last == "setup: done"
    assert (tmp_path / ".venv" / ".complete").exists()


def test_a_set_up_environment_is_left_alone(tmp_path: Path) -> None:
    setup(tmp_path)
    again = subprocess.run(["make", "setup"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "setup 1/3" not in again.stdout


@pytest.mark.parametrize(
    ("scripts", "last"),
    [
        ({"pip": "echo ERROR: no distribution >&2; exit 1"}, "setup 3/3"),
        ({"prerequisites": "echo missing: perl >&2; exit 1"}, "setup 1/3"),
    ],
)
def test_an_error_is_seen_and_the_set_up_is_not_complete(
    scripts: dict[str, str], last: str, tmp_path: Path
) -> None:
    done = setup(tmp_path, **scripts)
    assert done.returncode != 0
    assert done.stdout.splitlines()[-1].startswith(last)
    assert "ERROR: no distribution" in done.stderr or "missing: perl" in done.stderr
    assert not (tmp_path / ".venv" / ".complete").exists()
