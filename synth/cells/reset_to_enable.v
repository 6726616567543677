// SPDX-License-Identifier: Apache-2.0
// Flip-flops with an enable and a synchronous reset as ones with an enable alone, which clockgate can gate:
// the reset becomes part of the data and, where it does not wait for the enable, of the enable.
// The letters of a type are, from its end: "_", level of the enable, value and level of the reset, edge.

(* techmap_celltype = "$_SDFFE_P[PN][01][PN]_" *)
module reset_first(input D, C, R, E, output Q);
  parameter _TECHMAP_CELLTYPE_ = "";
  wire reset = _TECHMAP_CELLTYPE_[31:24] == "P" ? R : ~R;
  wire enable = _TECHMAP_CELLTYPE_[15:8] == "P" ? E : ~E;
  wire data = _TECHMAP_CELLTYPE_[23:16] == "1" ? D | reset : D & ~reset;
  \$_DFFE_PP_ _TECHMAP_REPLACE_ (.D(data), .C(C), .E(enable | reset), .Q(Q));
endmodule

(* techmap_celltype = "$_SDFFCE_P[PN][01][PN]_" *)
module enable_first(input D, C, R, E, output Q);
  parameter _TECHMAP_CELLTYPE_ = "";
  wire reset = _TECHMAP_CELLTYPE_[31:24] == "P" ? R : ~R;
  wire enable = _TECHMAP_CELLTYPE_[15:8] == "P" ? E : ~E;
  wire data = _TECHMAP_CELLTYPE_[23:16] == "1" ? D | reset : D & ~reset;
  \$_DFFE_PP_ _TECHMAP_REPLACE_ (.D(data), .C(C), .E(enable), .Q(Q));
endmodule

(* techmap_celltype = "$_DFFE_PN_" *)
module low_enable(input D, C, E, output Q);
  \$_DFFE_PP_ _TECHMAP_REPLACE_ (.D(D), .C(C), .E(~E), .Q(Q));
endmodule
