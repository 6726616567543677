# SPDX-License-Identifier: Apache-2.0
"""The import contracts of pyproject.toml, as tests that are known to be able to fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

LINT = [
    sys.executable,
    "-c",
    "from importlinter.cli import lint_imports_command; lint_imports_command()",
    "--no-cache",
]
LAYERS = ("contract", "golden", "rtl", "sim", "synth", "energy")


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(directory), "PATH": ""}
    return subprocess.run(LINT, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def test_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("folder", "line", "seen"),
    [
        ("golden", "import nms.rtl.lib.hierarchy", "nms.golden.intruder -> nms.rtl.lib.hierarchy"),
        ("rtl/array", "import nms.golden.pe", "nms.rtl.array.intruder -> nms.golden.pe"),
        ("contract", "from nms import render", "nms.contract.intruder -> nms.render"),
        ("rtl/lib", "from nms.sim import compare", "nms.rtl.lib.intruder -> nms.sim.compare"),
        ("sim/models", "from nms.synth import flow", "nms.sim.models.intruder -> nms.synth.flow"),
        ("synth", "from nms.energy.sampler import fit", "nms.synth.intruder -> nms.energy.sampler.fit"),
        ("energy/system", "from nms import datasets", "nms.energy.system.intruder -> nms.datasets"),
        ("nms/sampling", "from nms import cli", "nms.sampling.intruder -> nms.cli"),
    ],
)
def test_a_forbidden_import_is_seen(tmp_path: Path, folder: str, line: str, seen: str) -> None:
    """The same contracts, on a copy in which one file imports what stands above it or beside it."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in (*LAYERS, "nms"):
        shutil.copytree(
            ROOT / package, tmp_path / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / folder / "intruder.py").write_text(line + "\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert seen in done.stdout


def test_a_module_outside_the_layers_is_seen(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in (*LAYERS, "nms"):
        shutil.copytree(
            ROOT / package, tmp_path / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / "nms" / "cellar.py").write_text("")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "cellar" in done.stdout
