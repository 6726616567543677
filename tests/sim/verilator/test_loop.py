# SPDX-License-Identifier: Apache-2.0
"""The plain C++ loop around the AXI system beside the same job under cocotb; which blocks can be called."""

from pathlib import Path

import numpy as np
import pytest

from nms.contract import config as configuration
from nms.contract.readout import Phase
from nms.contract.settings import Settings
from nms.sim import sampler
from nms.sim.verilator import cells, loop, protocol
from nms.sim.verilator.runner import simulate

CALLED = """
module called(d, q, clk, rst
);
  wire [7:0] \\$1 ;
  input clk;
  input [7:0] d;
  output [7:0] q;
  input rst;
  reg [7:0] held = 8'h00;
  reg [7:0] \\$2 ;
  assign \\$1  = held + 8'h01;
  always @(posedge clk)
    held <= \\$2 ;
  always @* begin
    \\$2  = d;
    if (rst) begin
      \\$2  = 8'h00;
    end
  end
  assign q = {source};
endmodule
"""


@pytest.mark.parametrize(
    ("source", "expected"), [("held", True), ("\\$1 ", True), ("held & d", False), ("\\$2 ", False)]
)
def test_output_that_depends_on_an_input_of_the_same_cycle_is_found(source, expected):
    text = CALLED.replace("{source}", source)
    header = protocol.parse_headers(text)["called"]
    assert cells.has_registered_outputs(text, header) is expected


TALLY = """
module ticks(t, clk, rst
);
  input clk;
  input rst;
  output [11:0] t;
  reg [11:0] t = 12'h000;
  always @(posedge clk)
    if (rst) t <= 12'h000;
    else t <= t + 12'h001;
endmodule
module tally(d, q, t, clk, rst
);
  input clk;
  input rst;
  input [7:0] d;
  output [31:0] q;
  output [3:0] t;
  reg [31:0] q = 32'h00000000;
  wire [11:0] all;
  ticks ticks (
    .t(all),
    .clk(clk),
    .rst(rst)
  );
  assign t = all[11:8];
  always @(posedge clk)
    if (rst) q <= 32'h00000000;
    else q <= q + d;
endmodule
module sums(d, q, t, clk, rst
);
  input clk;
  input rst;
  input [7:0] d;
  output [31:0] q;
  output [3:0] t;
"""


def write_sums() -> str:
    """Four of the blocks in a whole."""
    text = TALLY + "".join(f"  wire [31:0] q{k};\n  wire [3:0] t{k};\n" for k in range(4))
    for k in range(4):
        ports = "".join(f"    .{port}({port}{k}),\n" for port in "qt")
        text += f"  tally tally{k} (\n    .d(d),\n{ports}    .clk(clk),\n    .rst(rst)\n  );\n"
    return text + "  assign q = q0 + q1 + q2 + q3;\n  assign t = t0;\nendmodule\n"


def select(text: str) -> list[str]:
    return cells.select_cells(text, protocol.parse_headers(text), protocol.find_repeated(text, "sums"))


def test_a_block_with_a_gated_clock_below_it_is_not_called():
    text = write_sums()
    assert select(text) == ["tally"]
    gated = text.replace("  always @(posedge clk)\n    if (rst) t", "  always @(posedge _1_)\n    if (rst) t")
    assert gated != text
    assert select(gated) == []


@pytest.mark.slow
@pytest.mark.parametrize("ticking", [True, False])
def test_called_blocks_keep_every_cycle(ticking):
    text = write_sums()
    if not ticking:  # so that the blocks stand still between their inputs
        text = text.replace("t + 12'h001", "t")
    assert select(text) == ["tally"]
    outcome = simulate(
        module="sums",
        verilog=text,
        testbench="called_testbench",
        parameters={"ticking": ticking},
        fast=True,
        search=[Path(__file__).parents[1] / "testbenches"],
    )
    assert outcome, outcome.failures


@pytest.mark.slow
def test_loop_and_cocotb_agree():
    config = configuration.load("tiny")
    images = np.random.default_rng(1).integers(0, 256, (config.images, config.pixels), np.uint8)
    settings = Settings.make(config, *images.shape, perplexity=4.0, iterations=20, seed=1)
    run = sampler.run(config, settings, images, bus="axi")
    plain = loop.run(config, settings, images)
    assert plain.results.kept.tolist() == run.tables.kept.tolist()
    assert np.array_equal(plain.results.embedding, run.tables.embedding)
    phases = [phase.name.lower() for phase in config.phases if phase is not Phase.LOAD]
    assert [plain.counters[f"cycles_{phase}"] for phase in phases] == [run.cycles[p] for p in phases]
    assert plain.stream == images[run.tables.kept].tobytes()
