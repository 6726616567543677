# SPDX-License-Identifier: Apache-2.0
"""Every script of examples/python runs as it is, in an empty directory, and says what it promises to show."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPTS = sorted((ROOT / "examples" / "python").glob("*.py"))

SAID = {
    "sample_digits": ["kept 135 of 1347 images", "of each class: [13, 14, 13, 14, 14, 14, 14, 13, 13, 13]"],
    "generate_verilog": ["tiny: 16 images of 64 bytes", "sampler.v: "],
    "compare_with_float": ["distances equal: True", "kept, float64:  [5, 9, 11, 13, 14]"],
    "read_results": ["level golden, seed 1", "kept: [5, 9, 11, 13, 14] of classes [5, 9, 1, 3, 4]"],
    "own_data": ["loaded 300 images of (12, 12, 1)", "kept 60 in 3 groups"],
}


def run_script(script: Path, directory: Path) -> str:
    """What a script prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, script], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_script_is_here() -> None:
    assert {script.stem for script in SCRIPTS} == set(SAID)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_runs(script: Path, tmp_path: Path) -> None:
    printed = run_script(script, tmp_path)
    for line in SAID[script.stem]:
        assert line in printed


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_says_what_one_learns(script: Path) -> None:
    assert (ast.get_docstring(ast.parse(script.read_text())) or "").startswith("Learn ")


def test_bit_true_and_float_keep_the_same(tmp_path: Path) -> None:
    """The example is no good if its two lines differ."""
    printed = run_script(ROOT / "examples" / "python" / "compare_with_float.py", tmp_path)
    kept = [line.partition(":")[2].strip() for line in printed.splitlines() if line.startswith("kept")]
    assert len(kept) == 2
    assert kept[0] == kept[1]
