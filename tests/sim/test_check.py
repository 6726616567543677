# SPDX-License-Identifier: Apache-2.0
"""The regressions of the units: what they are run on, and when they have failed."""

from pathlib import Path

import pytest

import nms.rtl.units
import nms.sim.check
from nms.contract.config import load
from nms.contract.errors import UserError
from nms.rtl.export.emit import verilog
from nms.rtl.units import UNITS, Unit
from nms.sim.check import check
from nms.sim.verilator.faults import Fault, inject
from nms.sim.verilator.runner import simulate

HERE = Path(__file__).parent
TINY = load("tiny")


@pytest.fixture
def units(blocks, monkeypatch):
    """Three units of small blocks, with testbenches of ``tests/sim/testbenches``."""

    meter = type("Meter", (blocks.Meter,), {"__init__": lambda self, config: blocks.Meter.__init__(self)})
    chain = type("Chain", (blocks.Chain,), {"__init__": lambda self, config: blocks.Chain.__init__(self, 2)})
    classes = {"Meter": meter, "Chain": chain, "Incrementer": blocks.Incrementer}
    testbenches = {"meter": "meter_testbench", "inner": "incrementer_testbench", "silent": "silent_testbench"}
    units = {
        "meter": Unit(("Meter",)),
        "inner": Unit(("Incrementer",), ("Chain",)),
        "silent": Unit(("Meter",)),
        "absent": Unit(("Meter",), ("Chain",)),
    }
    monkeypatch.setattr(nms.rtl.units, "UNITS", units)
    monkeypatch.setattr(nms.rtl.units, "load_class", classes.__getitem__)
    monkeypatch.setattr(
        nms.sim.check,
        "simulate",
        lambda testbench, **rest: simulate(
            testbench=testbenches[testbench.split(".")[-2]], search=[HERE / "testbenches"], **rest
        ),
    )


@pytest.mark.usefixtures("units")
def test_blocks_alone_and_inside_others():
    meter, inner = check(TINY, ["inner", "meter"])
    assert (meter.unit, meter.passed, meter.failed, meter.compared) == ("meter", 2, 0, 120)
    assert (inner.unit, inner.passed, inner.failed, inner.compared) == ("inner", 6, 0, 105)
    assert meter
    assert inner


@pytest.mark.usefixtures("units")
def test_what_compares_nothing_has_failed():
    silent, absent = check(TINY, ["silent", "absent"])
    assert (silent.passed, silent.failed, silent.compared) == (1, 1, 0)
    assert silent.failures == absent.failures == ["nothing was compared"]
    assert not absent


@pytest.mark.usefixtures("units")
def test_a_given_file_is_what_is_checked(blocks, tmp_path):
    text = verilog(blocks.Chain(2)) + verilog(blocks.Meter())
    file = tmp_path / "all.v"
    file.write_text(text)
    assert all(check(TINY, ["meter", "inner"], verilog=file))
    file.write_text(inject(text, "meter", Fault.ADDER, 1)[0])
    meter, inner = check(TINY, ["meter", "inner"], verilog=file)
    assert not meter
    assert meter.failed == 2
    assert inner


@pytest.mark.usefixtures("units")
def test_mistakes_are_named(tmp_path):
    with pytest.raises(
        UserError, match="unit 'metre' does not exist; known in tiny: meter, inner, silent, absent"
    ):
        check(TINY, ["meter", "metre"])
    (tmp_path / "other.v").write_text("module other(clk);\nendmodule\n")
    with pytest.raises(UserError, match=r"other\.v: has no module 'meter'"):
        check(TINY, ["meter"], verilog=tmp_path / "other.v")


@pytest.mark.usefixtures("units")
def test_a_file_is_judged_before_anything_runs(blocks, tmp_path):
    """One for another configuration, or without the module of the last unit; each unit is told of."""
    text, began, ended = verilog(blocks.Meter()), [], []
    file = tmp_path / "some.v"

    def run():
        return check(TINY, ["meter", "inner"], file, began=began.append, ended=ended.append)

    file.write_text(text)
    with pytest.raises(UserError, match=r"some\.v: has no module 'incrementer'"):
        run()
    title = "// Near-memory sampler, configuration edge, digest 0123456789ab, as generated."
    file.write_text(f"{title}\n{text}{verilog(blocks.Chain(2))}")
    with pytest.raises(UserError, match=f"for configuration edge, digest 0123456789ab, not .* {TINY.digest}"):
        run()
    assert began == ended == []
    file.write_text(file.read_text().replace("0123456789ab", TINY.digest))
    assert run() == ended
    assert began == ["meter", "inner"]


def test_every_unit_is_there():
    assert list(UNITS) == [
        "cordic", "newton", "pe", "pea", "fitness", "prng", "de", "affinity", "te", "grid", "sampler",
        "reduce", "near_duplicates", "distances", "herding", "lean_search", "map", "picks",
        "lean_sampler", "axi",
    ]  # fmt: skip
