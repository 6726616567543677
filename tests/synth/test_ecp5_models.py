# SPDX-License-Identifier: Apache-2.0
"""The simulation models of ECP5 cells do what the description does from which Yosys made these cells."""

import shutil

import pytest

from nms.cli import main
from nms.sim import process
from nms.synth import placement
from nms.synth.elaborate import elaborate

DESIGN = """
module memory #(parameter WIDTH = 8, BYTE = 8, ADDRESS = 9, FILLED = 0) (
  input clk, input [WIDTH / BYTE - 1:0] write, input read, input [ADDRESS - 1:0] to, from,
  input [WIDTH - 1:0] in, output reg [WIDTH - 1:0] out
);
  reg [WIDTH - 1:0] words [0:(1 << ADDRESS) - 1];
  integer k;
  initial if (FILLED) for (k = 0; k < (1 << ADDRESS); k = k + 1) words[k] = 40503 * k;
  always @(posedge clk) begin
    for (k = 0; k < WIDTH / BYTE; k = k + 1)
      if (write[k]) words[to][BYTE * k +: BYTE] <= in[BYTE * k +: BYTE];
    if (read) out <= words[from];
  end
endmodule

module blocks (
  input clk, input [3:0] write, input read, input [13:0] to, from, input [35:0] in,
  output bit_out, output [1:0] two_out, output [3:0] four_out, output [8:0] nine_out, output [17:0] half_out,
  output [35:0] whole_out, output reg [17:0] shared_out, output [35:0] product, signed_product
);
  memory #(.WIDTH(1), .BYTE(1), .ADDRESS(14)) a(clk, write[0], read, to, from, in[0], bit_out);
  memory #(.WIDTH(2), .BYTE(2), .ADDRESS(13)) b(clk, write[0], read, to[12:0], from[12:0], in[1:0], two_out);
  memory #(.WIDTH(4), .BYTE(4), .ADDRESS(12)) c(clk, write[0], read, to[11:0], from[11:0], in[3:0], four_out);
  memory #(.WIDTH(9), .BYTE(9), .ADDRESS(11)) d(clk, write[0], read, to[10:0], from[10:0], in[8:0], nine_out);
  memory #(.WIDTH(18), .BYTE(9), .ADDRESS(10), .FILLED(1))
    e(clk, write[1:0], read, to[9:0], from[9:0], in[17:0], half_out);
  memory #(.WIDTH(36), .BYTE(9), .ADDRESS(9)) f(clk, write, read, to[8:0], from[8:0], in, whole_out);

  reg [17:0] words [0:1023];  // one address for both, so one port
  always @(posedge clk) if (write[0]) words[to[9:0]] <= in[17:0]; else if (read) shared_out <= words[to[9:0]];
  assign product = in[17:0] * in[35:18];
  assign signed_product = $signed(in[17:0]) * $signed(in[35:18]);
endmodule
"""

BENCH = """
module bench;
  reg clk = 0;
  reg [3:0] write;
  reg read;
  reg [13:0] to, from;
  reg [35:0] in;
  wire [159:0] wanted, found;
  `define OUT(x) x[0], x[2:1], x[6:3], x[15:7], x[33:16], x[69:34], x[87:70], x[123:88], x[159:124]
  blocks described(clk, write, read, to, from, in, `OUT(wanted));
  netlist mapped(clk, write, read, to, from, in, `OUT(found));
  integer cycle, k, compared = 0, differences = 0;
  initial begin
    for (cycle = 0; cycle < 6000; cycle = cycle + 1) begin
      write = $urandom & $urandom; read = $urandom; in = {$urandom, $urandom};
      to = $urandom & 'h7; from = $urandom & 'h7;
      if (cycle & 1) begin to = $urandom; from = $urandom; end
      #1 clk = 1; #1 clk = 0;
      for (k = 0; k < 160; k = k + 1) if (wanted[k] !== 1'bx) begin
        compared = compared + 1;
        if (wanted[k] !== found[k]) differences = differences + 1;
      end
    end
    $display("compared %0d differences %0d", compared, differences);
  end
endmodule
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus Verilog is missing")
def test_block_memories_and_multipliers(tmp_path):
    """All widths of ports, enables of bytes, initial contents, and both kinds of factors."""
    elaborate(DESIGN, "blocks", set(), tmp_path)
    text = placement.write_simulation_model("blocks", tmp_path)
    (tmp_path / "bench.v").write_text(DESIGN + text.replace("module blocks(", "module netlist(") + BENCH)
    process.run("iverilog", ["iverilog", "-g2012", "-o", "bench", "-s", "bench", "bench.v"], tmp_path)
    said = process.run("vvp", ["vvp", "-n", "bench"], tmp_path).split()
    assert int(said[1]) > 800_000
    assert int(said[3]) == 0


def test_cells_of_a_run_need_a_netlist(monkeypatch, capsys):
    words = "nms run -c tiny --count 16 --target ecp5"
    monkeypatch.setattr("sys.argv", words.split())
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "target 'ecp5': for --level netlist only" in capsys.readouterr().err
