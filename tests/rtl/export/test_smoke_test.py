# SPDX-License-Identifier: Apache-2.0
"""The core's smoke test under Icarus Verilog, in both standards: it passes, and it finds what is wrong."""

import re
from pathlib import Path

import pytest

from nms.contract.config import PRESETS, load
from nms.rtl.export import core, emit
from nms.sim import icarus

pytestmark = pytest.mark.skipif(not icarus.is_there(), reason="Icarus Verilog is not installed")

TOP = "near_memory_sampler_tb"

SETTLE = re.escape(emit.SETTLE)


@pytest.fixture(scope="module")
def herding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core of the preset herding."""
    work = tmp_path_factory.mktemp("herding")
    core.generate(PRESETS["herding"], work, {})
    return work


def run(folder: Path, standard: str, work: Path, verilog: str | None = None) -> str:
    """The core's smoke test, of ``verilog`` in place of the core's."""
    text = (folder / "sampler.v").read_text() if verilog is None else verilog
    (work / "sampler.v").write_text(text)
    return icarus.run([work / "sampler.v", folder / f"{TOP}.v"], TOP, standard, work)


@pytest.mark.parametrize("standard", ["2005", "2012"])
def test_passes(herding: Path, standard: str, tmp_path: Path) -> None:
    assert run(herding, standard, tmp_path).splitlines()[0] == "PASS"


@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("herding", []),
        pytest.param("tiny", [], marks=pytest.mark.slow),
        pytest.param("tiny", ["side=8", "picks=1"], marks=pytest.mark.slow),
        pytest.param("lean", [], marks=pytest.mark.slow),
    ],
)
def test_passes_without_initial_values(preset: str, overrides: list[str], tmp_path: Path) -> None:
    """What reset and the job give is enough: no output that says something is unknown."""
    core.generate(load(preset, overrides), tmp_path, {})
    text = (tmp_path / "sampler.v").read_text()
    stripped = icarus.drop_initial_values(text)
    assert text.count(" = 1'h0;\n") > stripped.count(" = 1'h0;\n")
    assert run(tmp_path, "2005", tmp_path, stripped).splitlines()[0] == "PASS"


@pytest.mark.slow
@pytest.mark.parametrize("standard", ["2005", "2012"])
@pytest.mark.parametrize(
    ("preset", "overrides"),
    [
        ("tiny", []),
        ("tiny", ["bus_bits=32", "te_lanes=1"]),
        ("tiny", ["side=8", "picks=1"]),
        ("lean", ["bus_bits=512"]),
        ("herding", ["bus_bits=32", "address_bits=32", "pixels=20"]),
    ],
)
def test_passes_in_others(preset: str, overrides: list[str], standard: str, tmp_path: Path) -> None:
    core.generate(load(preset, overrides), tmp_path / "core", {})
    assert run(tmp_path / "core", standard, tmp_path).splitlines()[0] == "PASS"


@pytest.mark.parametrize(
    ("standard", "found", "changed", "complaint"),
    [
        ("2012", SETTLE, r"  reg \\$settle = 0;\n", "an output is unknown"),
        ("2005", r"assign m_axis_tdata = .*;", "assign m_axis_tdata = 0;", "an image was sent changed"),
        ("2005", r"assign m_axi_wstrb = .*;", "assign m_axi_wstrb = 0;", "a result is wrong"),
        (
            "2005",
            r"assign m_axi_wdata = .*;",
            "assign m_axi_wdata = 64'bx;",
            "m_axi_wvalid offers is unknown",
        ),
    ],
)
def test_finds(
    herding: Path, standard: str, found: str, changed: str, complaint: str, tmp_path: Path
) -> None:
    text = (herding / "sampler.v").read_text()
    wrong, changes = re.subn(found, changed, text)
    assert changes > 0
    assert complaint in run(herding, standard, tmp_path, wrong)
