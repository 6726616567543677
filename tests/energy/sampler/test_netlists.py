# SPDX-License-Identifier: Apache-2.0
"""The Verilog of a block by itself: its nested modules whole, the blocks in it as black boxes."""

from types import SimpleNamespace

from nms.energy.sampler.netlists import isolate_block

TEXT = """module outer(clk, \\end , total);
  input clk;
  output \\end ;
  output [3:0] total;
  inner inner (.\\end (\\end ), .total(total));
  outer__part part (.clk(clk));
endmodule

module outer__part(clk);
  input clk;
endmodule

module inner(\\end , total);
  output \\end ;
  wire \\end ;
  output [3:0] total;
  wire [3:0] total;
  assign total = 4'h5;
endmodule
"""


def test_a_black_box_keeps_its_ports_even_those_named_by_a_keyword():
    design = SimpleNamespace(verilog=lambda block: TEXT, blocks={"outer": None, "inner": None})
    text = isolate_block(design, "outer")
    kept, box = text.split("(* blackbox *)\n")
    assert kept == TEXT[: TEXT.index("module inner")].replace("\n\n", "\n")
    assert box == "module inner(\\end , total);\n  output \\end ;\n  output [3:0] total;\nendmodule\n"
