// SPDX-License-Identifier: Apache-2.0
// Block memory and multiplier of Lattice's ECP5, to simulate a netlist; Yosys has models of all its other cells.
// They do what Yosys asks of them: there are no registers of outputs, and reset is synchronous.

// A memory of 2,048 bytes of nine bits with two ports. A port of 18 or 36 bits has the enables of its bytes in the
// lowest bits of the address, one of less than nine the place in its byte. 36 bits are written by A and read by B,
// whose lower half are the pins of A.
module DP16KD (
  input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3,
      DIA2, DIA1, DIA0,
  input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3,
      DOA2, DOA1, DOA0,
  input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3,
      DIB2, DIB1, DIB0,
  input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3,
      DOB2, DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG", RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000", CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "AUTO";
  parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL", WID = 0;
  parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05
      = 0, INITVAL_06 = 0, INITVAL_07 = 0;
  parameter [319:0] INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0, INITVAL_0D
      = 0, INITVAL_0E = 0, INITVAL_0F = 0;
  parameter [319:0] INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0, INITVAL_14 = 0, INITVAL_15
      = 0, INITVAL_16 = 0, INITVAL_17 = 0;
  parameter [319:0] INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D
      = 0, INITVAL_1E = 0, INITVAL_1F = 0;
  parameter [319:0] INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25
      = 0, INITVAL_26 = 0, INITVAL_27 = 0;
  parameter [319:0] INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D
      = 0, INITVAL_2E = 0, INITVAL_2F = 0;
  parameter [319:0] INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35
      = 0, INITVAL_36 = 0, INITVAL_37 = 0;
  parameter [319:0] INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0, INITVAL_3C = 0, INITVAL_3D
      = 0, INITVAL_3E = 0, INITVAL_3F = 0;
  localparam [64 * 320 - 1:0] INIT = {INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A,
      INITVAL_39, INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32,
      INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A,
      INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22,
      INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A,
      INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12,
      INITVAL_11, INITVAL_10, INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A,
      INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02,
      INITVAL_01, INITVAL_00};

  wire [13:0] address_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0] address_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [35:0] data_a = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
      DIB4, DIB3, DIB2, DIB1, DIB0, DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7,
      DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [35:0] data_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
      DIB4, DIB3, DIB2, DIB1, DIB0};
  reg [35:0] read_a = 0, read_b = 0;
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3,
      DOA2, DOA1, DOA0} = DATA_WIDTH_B == 36 ? read_b[17:0] : read_a[17:0];
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3,
      DOB2, DOB1, DOB0} = DATA_WIDTH_B == 36 ? read_b[35:18] : read_b[17:0];

  reg [8:0] bytes [0:2047];
  integer k;
  initial if (INIT != 0) for (k = 0; k < 2048; k = k + 1)
    bytes[k] = INIT[320 * (k / 32) + 20 * (k % 32 / 2) + 9 * (k % 2) +: 9];

  // Port A: the first byte, what is there, and what is there after a write.
  localparam WIDTH_A = DATA_WIDTH_A, BYTES_A = WIDTH_A < 18 ? 1 : WIDTH_A / 9;
  wire [10:0] first_a = address_a[13:3] & ~(BYTES_A - 1);
  wire [2:0] place_a = WIDTH_A < 9 ? address_a[2:0] & ~(WIDTH_A - 1) : 0;
  wire [3:0] enables_a = WIDTH_A < 18 ? 1 : address_a[3:0];
  wire [8:0] mask_a = WIDTH_A < 9 ? ((1 << WIDTH_A) - 1) << place_a : 511;
  wire [35:0] old_a, new_a;
  wire clock_a = CLKAMUX == "INV" ? ~CLKA : CLKA;
  genvar byte_a;
  generate for (byte_a = 0; byte_a < BYTES_A; byte_a = byte_a + 1) begin
    wire [10:0] at = first_a | byte_a;
    wire [8:0] mask = enables_a[byte_a] ? mask_a : 0;
    assign old_a[9 * byte_a +: 9] = bytes[at];
    assign new_a[9 * byte_a +: 9] = (bytes[at] & ~mask) | (data_a[9 * byte_a +: 9] << place_a & mask);
    always @(posedge clock_a) if (CEA && WEA && !RSTA && enables_a[byte_a])
      bytes[at] <= new_a[9 * byte_a +: 9];
  end endgenerate
  always @(posedge clock_a)
    if (RSTA) read_a <= 0;
    else if (CEA && (!WEA || WRITEMODE_A == "READBEFOREWRITE")) read_a <= old_a >> place_a;
    else if (CEA && WRITEMODE_A == "WRITETHROUGH") read_a <= new_a >> place_a;

  // Port B: the first byte, what is there, and what is there after a write.
  localparam WIDTH_B = DATA_WIDTH_B, BYTES_B = WIDTH_B < 18 ? 1 : WIDTH_B / 9;
  wire [10:0] first_b = address_b[13:3] & ~(BYTES_B - 1);
  wire [2:0] place_b = WIDTH_B < 9 ? address_b[2:0] & ~(WIDTH_B - 1) : 0;
  wire [3:0] enables_b = WIDTH_B < 18 ? 1 : address_b[3:0];
  wire [8:0] mask_b = WIDTH_B < 9 ? ((1 << WIDTH_B) - 1) << place_b : 511;
  wire [35:0] old_b, new_b;
  wire clock_b = CLKBMUX == "INV" ? ~CLKB : CLKB;
  genvar byte_b;
  generate for (byte_b = 0; byte_b < BYTES_B; byte_b = byte_b + 1) begin
    wire [10:0] at = first_b | byte_b;
    wire [8:0] mask = enables_b[byte_b] ? mask_b : 0;
    assign old_b[9 * byte_b +: 9] = bytes[at];
    assign new_b[9 * byte_b +: 9] = (bytes[at] & ~mask) | (data_b[9 * byte_b +: 9] << place_b & mask);
    always @(posedge clock_b) if (CEB && WEB && !RSTB && enables_b[byte_b])
      bytes[at] <= new_b[9 * byte_b +: 9];
  end endgenerate
  always @(posedge clock_b)
    if (RSTB) read_b <= 0;
    else if (CEB && (!WEB || WRITEMODE_B == "READBEFOREWRITE")) read_b <= old_b >> place_b;
    else if (CEB && WRITEMODE_B == "WRITETHROUGH") read_b <= new_b >> place_b;

endmodule

// A multiplier of 18 by 18 bits, each signed or not.
module MULT18X18D (
  input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
  input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
  input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
  input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
  output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16,
      P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  wire signed [18:0] a = {SIGNEDA & A17, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire signed [18:0] b = {SIGNEDB & B17, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
  wire signed [37:0] product = a * b;
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16,
      P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = product[35:0];
endmodule
