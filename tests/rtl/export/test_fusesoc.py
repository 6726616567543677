# SPDX-License-Identifier: Apache-2.0
"""FuseSoC takes the generated core and the generator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nms.contract.config import PRESETS, load
from nms.rtl.export import core
from nms.sim import icarus
from nms.sim.verilator import tools
from tests.conftest import ROOT

FUSESOC = [str(Path(sys.executable).parent / "fusesoc")]

USER = """\
CAPI=2:
name: "user:soc:top:1.0.0"
filesets:
  generator:
    depend: ["nms:generator:sampler:0.1.0"]
targets:
  default:
    filesets: [generator]
    generate: [sampler]
    toplevel: near_memory_sampler
  lint:
    flow: lint
    flow_options: {tool: verilator, verilator_options: [-Wno-fatal]}
    filesets: [generator]
    generate: [sampler]
    toplevel: near_memory_sampler
generate:
  sampler:
    generator: near_memory_sampler
    parameters: {preset: %s, overrides: {pes: 2}}
"""


def fusesoc(work: Path, *words: str) -> subprocess.CompletedProcess:
    """FuseSoC with the pinned Verilator, in ``work``."""
    environment = tools.environment() | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(work / "cache")}
    path = os.pathsep.join([environment["PATH"], str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [*FUSESOC, *words], cwd=work, env=os.environ | environment | {"PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the core of the tiny preset."""
    work = tmp_path_factory.mktemp("fusesoc")
    core.generate(PRESETS["tiny"], work / "core", {})
    return work


def test_cores_of_two_configurations_stand_side_by_side(cores: Path) -> None:
    text = (cores / "core" / "nms_sampler.core").read_text()
    names = [core.name_core(load("tiny", [f"images={count}"])) for count in (8, 16)]
    assert names[1] in text
    (cores / "other").mkdir()
    (cores / "other" / "nms_sampler.core").write_text(text.replace(names[1], names[0]))
    roots = ["--cores-root", "core", "--cores-root", "other"]
    done = fusesoc(cores, *roots, "core", "list")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(line.startswith("nms:sampler:tiny") for line in done.stdout.splitlines()) == 2


def test_lint(cores: Path) -> None:
    done = fusesoc(cores, "--cores-root", "core", "run", "--target", "lint", "nms:sampler:tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "%Warning" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [
        "sim_verilator",
        pytest.param(
            "sim", marks=pytest.mark.skipif(not icarus.is_there(), reason="Icarus Verilog is not installed")
        ),
    ],
)
def test_simulation(cores: Path, target: str) -> None:
    done = fusesoc(cores, "--cores-root", "core", "run", "--target", target, "nms:sampler:tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout


@pytest.mark.slow
def test_a_wrong_core_fails_its_simulation(cores: Path, tmp_path: Path) -> None:
    core.generate(PRESETS["tiny"], tmp_path / "core", {})
    text = (tmp_path / "core" / "sampler.v").read_text()
    assert text.count("32'd1313690417;") == 1
    (tmp_path / "core" / "sampler.v").write_text(text.replace("32'd1313690417;", "32'h4e4d5330;"))
    done = fusesoc(tmp_path, "--cores-root", "core", "run", "--target", "sim_verilator", "nms:sampler:tiny")
    assert done.returncode != 0
    assert "FAIL: 4e4d5330 read, 4e4d5331 expected" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "status"), [("tiny", 0), ("tinny", 1)])
def test_generator(preset: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "top.core").write_text(USER % preset)
    roots = ["--cores-root", "user", "--cores-root", str(ROOT / "rtl" / "export" / "fusesoc")]
    done = fusesoc(tmp_path, *roots, "run", "--target", "lint", "user:soc:top")
    assert done.returncode == status, done.stdout + done.stderr
    if status:
        assert "did you mean 'tiny'?" in done.stdout + done.stderr
