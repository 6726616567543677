# SPDX-License-Identifier: Apache-2.0
"""Each file is linted once, by its real name, though a checkout has links to the layers."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def test_each_file_is_linted_once() -> None:
    ruff = Path(sys.executable).with_name("ruff")
    files = subprocess.check_output([ruff, "check", "--show-files"], cwd=ROOT, text=True).split()
    modules = [Path(file) for file in files if file.endswith(".py")]
    assert len({file.resolve() for file in modules}) == len(modules)
    assert all(file == file.resolve() for file in modules)
    assert {file.relative_to(ROOT).parts[0] for file in modules} >= {
        "contract", "energy", "golden", "nms", "rtl", "sim", "synth", "tests"
    }  # fmt: skip
