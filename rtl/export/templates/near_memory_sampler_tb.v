// SPDX-License-Identifier: Apache-2.0
// Smoke test through s_axil: the identity is right, a start with no settings is refused and raises irq.
`timescale 1ns / 1ps
module ${top}_tb;
  reg aclk = 0, aresetn = 0, arvalid = 0, awvalid = 0, wvalid = 0;
  reg [11:0] araddr = 0, awaddr = 0;
  reg [1:0] taken = 0;
  reg [31:0] wdata = 0, value = 0;
  wire arready, rvalid, awready, wready, irq;
  wire [31:0] rdata;

  always #5 aclk = ~aclk;

  $top dut (
      .aclk(aclk), .aresetn(aresetn), .irq(irq),
      .s_axil_araddr(araddr), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
      .s_axil_rdata(rdata), .s_axil_rvalid(rvalid), .s_axil_rready(1'b1),
      .s_axil_awaddr(awaddr), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
      .s_axil_wdata(wdata), .s_axil_wstrb(4'hf), .s_axil_wvalid(wvalid), .s_axil_wready(wready),
      .s_axil_bready(1'b1)$idle);

  // All is driven and sampled at falling edges: no output depends on an input of the same cycle.
  task read(input [11:0] address);
    begin
      araddr = address;
      arvalid = 1;
      while (!arready) @(negedge aclk);
      @(negedge aclk) arvalid = 0;
      while (!rvalid) @(negedge aclk);
      value = rdata;
      @(negedge aclk);
    end
  endtask

  task write(input [11:0] address, input [31:0] data);
    begin
      awaddr = address;
      wdata = data;
      awvalid = 1;
      wvalid = 1;
      while (awvalid || wvalid) begin
        taken = {awready, wready};
        @(negedge aclk);
        if (taken[1]) awvalid = 0;
        if (taken[0]) wvalid = 0;
      end
    end
  endtask

  task expect_value(input [31:0] wanted);
    if (value !== wanted) begin
      $$display("FAIL: %h read, %h expected", value, wanted);
      $$fatal(1);
    end
  endtask

  initial begin
    repeat (4) @(negedge aclk);
    aresetn = 1;
    @(negedge aclk);
    read(12'h$identity);
    expect_value(32'h$identity_value);
    write(12'h$irq_enable, 32'h$error_event);
    write(12'h$control, 32'h$start);
    repeat (8) @(negedge aclk);
    read(12'h$error_code);
    expect_value(32'h$setting);
    if (irq !== 1) $$fatal(1, "FAIL: irq is %b", irq);
    $$display("PASS");
    $$finish;
  end
endmodule
