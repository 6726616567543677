# SPDX-License-Identifier: Apache-2.0
"""The examples for Linux: the overlay compiles, and so does the program, which refuses what is no sampler."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

LINUX, DRIVER = ROOT / "examples" / "linux", ROOT / "examples" / "c"


@pytest.mark.skipif(shutil.which("dtc") is None, reason="dtc is missing")
def test_the_overlay_compiles(tmp_path: Path):
    overlay = tmp_path / "sampler.dtbo"
    command = ["dtc", "-@", "-O", "dtb", "-o", overlay, LINUX / "near_memory_sampler.dts"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "ERROR" not in done.stderr
    back = subprocess.run(["dtc", "-O", "dts", overlay], capture_output=True, text=True, check=True)
    assert "sampler@90000000" in back.stdout
    assert "reg = <0x90000000 0x1000 0x48000000 0x1000000>" in back.stdout


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, compiled."""
    path = tmp_path_factory.mktemp("linux") / "sample"
    flags = ["-Wall", "-Wextra", "-Werror", f"-I{DRIVER}"]
    subprocess.run(["gcc", *flags, LINUX / "sample.c", DRIVER / "job.c", "-lm", "-o", path], check=True)
    return path


@pytest.mark.parametrize(
    ("count", "message"),
    [
        ("16", "no sampler that is large enough answers"),
        ("999999", "the images do not fit the shared memory"),
    ],
)
def test_the_program_refuses(program: Path, tmp_path: Path, count: str, message: str):
    device = tmp_path / "device"
    device.write_bytes(bytes(4096))
    with device.open("r+b") as file:
        file.truncate(0x1001000)
    words = [device, "0x48000000", "images", "8", "8", "1", count, "4"]
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"sample: {message}\n")
