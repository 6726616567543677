# SPDX-License-Identifier: Apache-2.0
"""Figures of netlists against ones counted by hand."""

import re
from pathlib import Path

import pytest

from nms.contract.config import load
from nms.contract.errors import UserError
from nms.synth import liberty, mapping, metrics, targets
from nms.synth.elaborate import elaborate

COUNTER = """
module count(clk, rst, up, value, odd, word, at);
  input clk, rst, up;
  input [1:0] at;
  output reg [3:0] value = 5;
  output odd;
  output reg [7:0] word;
  reg [7:0] kept [0:3];
  assign odd = value[0] & value[3];
  always @(posedge clk) begin
    value <= rst ? 4'd0 : {value[2:0], ~value[3] & up};
    word <= kept[at];
    if (up) kept[at] <= {value, value};
    assert (value != 4'd9);
  end
endmodule
module pair(clk, rst, up, odd, same);
  input clk, rst, up;
  output odd, same;
  wire [3:0] one, two;
  wire more;
  count first (.clk(clk), .rst(rst), .up(up), .value(one), .odd(more), .at(2'd0));
  count second (.clk(clk), .rst(rst), .up(more), .value(two), .odd(odd), .at(2'd1));
  assign same = one == two;
endmodule
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Figures of two counters, and the folder of the tools."""
    work = tmp_path_factory.mktemp("pair")
    elaborate(COUNTER, "pair", {"pair", "count"}, work)
    return *mapping.map_block("pair", targets.select_target("generic"), False, work), work


def test_registers_memory_and_instances(pair):
    library, figures, work = pair
    assert figures["flip_flops"] == 2 * 4
    assert figures["memory_bits"] == 2 * 4 * 8
    assert figures["modules"]["count"]["instances"] == 2
    assert figures["modules"]["count"]["flip_flops"] == 4
    assert figures["area"] == sum(m["instances"] * m["area"] for m in figures["modules"].values())
    assert figures["area_flip_flops"] == 8 * library.cells["DFF"].area == 8 * 6
    text = (work / mapping.NETLIST).read_text()
    assert text.count("module count(") == 1
    assert "assert" not in text


def test_depth_goes_through_modules(pair):
    """A register of the first counter enables the second: its own gates alone are fewer."""
    _, figures, work = pair
    path = figures["deepest_path"]
    assert path["from"].startswith("first.")
    assert figures["depth"] > 1
    alone = work / "alone"
    alone.mkdir()
    elaborate(COUNTER, "count", {"count"}, alone)
    _, single = mapping.map_block("count", targets.select_target("generic"), False, alone)
    assert single["depth"] < figures["depth"]
    below = figures["below"]["count"]
    assert {name: single[name] for name in below} == below


def test_simulated_cells_are_functions(pair):
    """No instance of a cell is left; the inner module still is one."""
    library, figures, work = pair
    text = mapping.write_simulation_model(library, work)
    assert not re.search(rf"^ +({'|'.join(library.cells)}) ", text, re.MULTILINE)
    assert text.count("always @(posedge clk)") >= figures["flip_flops"] // 2
    assert len(re.findall(r"^  count (first|second) ", text, re.MULTILINE)) == 2


def test_the_generic_library(tmp_path):
    library = liberty.read("generic", [targets.GENERIC], tmp_path)
    assert (library.nand2, library.buffer, library.timed) == (1.0, "BUF", False)
    assert [cell.name for cell in library.cells.values() if cell.sequential] == ["DFF"]
    assert "posedge CK" in library.verilog(["DFF"])


def test_mistakes_are_named(tmp_path):
    with pytest.raises(
        UserError, match="target 'asic' does not exist; must be one of: generic, osu018, ecp5"
    ):
        targets.select_target("asic")
    with pytest.raises(UserError, match="no such file"):
        targets.select_target(None, [tmp_path / "none.lib"])
    with pytest.raises(UserError, match="not both"):
        targets.select_target("generic", [targets.GENERIC])
    (tmp_path / "bad.lib").write_text("library (bad) { cell (")
    with pytest.raises(UserError, match=r"bad\.lib"):
        liberty.read("bad", [tmp_path / "bad.lib"], tmp_path)
    (tmp_path / "few.lib").write_text(
        "library (few) { cell (INV) { area : 1; pin (A) { direction : input; } "
        'pin (Y) { direction : output; function : "!A"; } } }'
    )
    with pytest.raises(UserError, match="has no buffer; needs an inverter, a buffer"):
        liberty.read("few", [tmp_path / "few.lib"], tmp_path)


def test_a_change_beyond_its_tolerance_is_seen():
    record = metrics.start_record(load("tiny"), "pe", "pe", targets.select_target()) | {
        "area": 100.0,
        "flip_flops": 10,
    }
    [area, registers] = metrics.compare([record | {"area": 101.0}], [record])
    assert area.within
    assert registers.within
    assert not metrics.compare([record | {"area": 103.0}], [record])[0].within
    assert not metrics.compare([record | {"flip_flops": 11}], [record])[1].within
    with pytest.raises(UserError, match="the baseline's is"):
        metrics.compare([record | {"digest": "0"}], [record])
    inner = {"below": {"te": {"area": 5.0}}}
    [_, _, change] = metrics.compare([record | inner], [record | {"below": {"te": {"area": 4.0}}}])
    assert (change.module, change.relative, change.within) == ("te", 0.25, False)
    with pytest.raises(UserError, match="not in the baseline"):
        metrics.compare([record | {"module": "te"}], [record])


@pytest.mark.slow
def test_open_libraries(tmp_path, shared_liberty: Path):
    """The counters in each: the same registers, its own area."""
    sets = [
        ["sky130hd_tt"],
        ["sg13g2_typ_1p20V_25C"],
        [f"asap7_rvt_tt_{x}" for x in ("simple", "seq", "invbuf")],
    ]
    areas = []
    for names in sets:
        work = tmp_path / names[0]
        work.mkdir()
        elaborate(COUNTER, "pair", {"pair", "count"}, work)
        target = targets.select_target(None, [shared_liberty / f"{name}.lib.gz" for name in names])
        library, figures = mapping.map_block("pair", target, False, work)
        assert figures["flip_flops"] == 8
        assert figures["nand2"] == pytest.approx(figures["area"] / library.nand2, abs=0.1)
        areas.append(figures["area"])
    assert areas[1] > areas[0] > 50 * areas[2]
