# SPDX-License-Identifier: Apache-2.0
"""The import contracts of pyproject.toml, as a test that is known to be able to fail."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

LINT = [
    sys.executable,
    "-c",
    "from importlinter.cli import lint_imports_command; lint_imports_command()",
    "--no-cache",
]
PACKAGES = ("nms", "rtl", "golden", "sim", "synth")


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(directory), "PATH": ""}
    return subprocess.run(LINT, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def test_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_a_forbidden_import_is_seen(tmp_path: Path) -> None:
    """The same contracts, on a copy in which one golden file imports rtl."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "golden" / "intruder.py").write_text("import rtl.hierarchy\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "golden.intruder -> rtl.hierarchy" in done.stdout
