# SPDX-License-Identifier: Apache-2.0
"""The netlist passes what the description passes, and a wrong gate in it does not."""

import json
import re
from functools import partial
from pathlib import Path

import pytest

from nms.cli import main
from nms.contract.config import load
from nms.sim.check import check
from nms.synth import flow, targets

TINY = load("tiny")

LATCH = re.compile(r"^  always @\*\n    if \(!clk\) \S+ = (?P<enable>.*);$", re.MULTILINE)
"""The latch of a clock gate."""

pytestmark = pytest.mark.slow


def gates(block, design) -> str:
    return flow.simulation_model(TINY, targets.select_target(), block, design)


def wrong(block, design) -> str:
    """One gate of the block's module is another: exclusive or in place of its complement, say."""
    text, changed = re.subn(
        r"^(  assign .*) \^ ", r"\1 ~^ ", gates(block, design), count=1, flags=re.MULTILINE
    )
    assert changed
    return text


def gated(liberty: Path):
    """A function that gives a block's gates with gated clocks."""
    target = targets.select_target(None, [liberty], clock_gating=True)
    return partial(flow.simulation_model, TINY, target)


def swapped(liberty: Path):
    """The same with the enables of the first and the last clock gate of the block's own module exchanged."""

    def text(block, design) -> str:
        good = gated(liberty)(block, design)
        first, *_, last = LATCH.finditer(good, good.index(f"module {block.module}("))
        assert first["enable"] != last["enable"]
        text = good[: last.start("enable")] + first["enable"] + good[last.end("enable") :]
        return text[: first.start("enable")] + last["enable"] + text[first.end("enable") :]

    return text


@pytest.mark.parametrize("unit", ["prng", "affinity", "newton", "grid"])
def test_units_as_gates(unit: str) -> None:
    [result] = check(TINY, [unit], text=gates)
    assert result, result.failures
    assert result.compared > 500


def test_a_wrong_gate_is_found() -> None:
    [result] = check(TINY, ["prng"], text=wrong)
    assert result.failed


@pytest.mark.parametrize("unit", ["newton", "grid", "pe"])
def test_units_with_gated_clocks(unit: str, gating_liberty) -> None:
    [result] = check(TINY, [unit], text=gated(gating_liberty))
    assert result, result.failures
    assert result.compared > 500


def test_a_unit_with_the_clock_gates_of_sg13g2(shared_liberty) -> None:
    [result] = check(TINY, ["pe"], text=gated(shared_liberty / "sg13g2_typ_1p20V_25C.lib.gz"))
    assert result, result.failures
    assert result.compared > 500


def test_a_swapped_enable_is_found(gating_liberty) -> None:
    [result] = check(TINY, ["pe"], text=swapped(gating_liberty))
    assert result.failed


def test_the_whole_sampler_as_gates(tmp_path, monkeypatch) -> None:
    """A batch by registers and buses: every table of the netlist equals the model's."""
    words = "run -c tiny --count 16 --perplexity 5 --iterations 8 --search window --level netlist -o"
    monkeypatch.setattr("sys.argv", ["nms", *words.split(), str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    figures = json.loads((tmp_path / "results.json").read_text())
    assert figures["level"] == "netlist"
    assert figures["mismatches"] == 0
    assert figures["compared"] > 500


def test_herding_on_an_fpga(tmp_path, monkeypatch) -> None:
    """A batch of digits through the netlist of an ECP5, with its block memories and multipliers."""
    words = "run -c herding -P images=20 -P window=0 --count 20 --level netlist --target ecp5 -o"
    monkeypatch.setattr("sys.argv", ["nms", *words.split(), str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    figures = json.loads((tmp_path / "results.json").read_text())
    assert figures["mismatches"] == 0
    assert figures["compared"] > 400
