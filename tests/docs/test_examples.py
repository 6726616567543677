# SPDX-License-Identifier: Apache-2.0
"""The Python of README and guides runs as it stands, in an empty directory."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}-{number}")
    for page in sorted((ROOT / "docs" / "guide").rglob("*.md"))
    for number, code in enumerate(BLOCK.findall(page.read_text()))
]


def run(code: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the code as a script in a directory."""
    script = directory / "example.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, script], cwd=directory, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("code", EXAMPLES)
def test_example_runs(code: str, tmp_path: Path) -> None:
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_readme_keeps_a_tenth_and_writes_verilog(tmp_path: Path) -> None:
    (code,) = BLOCK.findall((ROOT / "README.md").read_text())
    done = run(code, tmp_path)
    assert done.stdout == "kept 180 of 1797\n", done.stderr
    assert "module near_memory_sampler" in (tmp_path / "out" / "core" / "sampler.v").read_text()


def test_a_broken_example_is_seen(tmp_path: Path) -> None:
    assert run("from nms import NoSuchName\n", tmp_path).returncode != 0
