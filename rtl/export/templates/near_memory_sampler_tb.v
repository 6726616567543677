// SPDX-License-Identifier: Apache-2.0
// Smoke test: the identity is right, a start with no settings is refused, and a job of $batches batches
// that keeps all of its images writes their places, sends them as they are and raises irq. Every output is
// known whenever it says something, and memory beside the results stays as it was.
`timescale 1ns / 1ps
module ${top}_tb;
  localparam BEAT = $beat;  // bytes of a beat
  localparam SIZE = $size;  // bytes of the memory
  localparam [63:0] BASE = 64'h$base;  // its address
  localparam COUNT = $count, PIXELS = $pixels, BATCHES = $batches;
  localparam IMAGES = $images, IMAGE_STRIDE = $image_stride, BATCH_STRIDE = $batch_stride;
  localparam RESULTS = $results, RESULT_STRIDE = $result_stride, RESULT_SIZE = $result_size;
  localparam LIMIT = 1000000;  // cycles

$declared
  $top dut (
      $connected);

  reg [7:0] memory [0:SIZE-1];
  reg [63:0] read_at = 0, write_at = 0;
  reg [31:0] value = 0;
  reg [1:0] taken = 0;
  reg writing = 0, answers = 0;
  integer cycle = 0, k, read_left = 0, sent = 0, bytes_sent = 0;

  always #5 aclk = ~aclk;

  // What lies at an address at first: noise, so that images differ.
  function [7:0] noise(input integer address);
    noise = (address * 40503 >> 5) ^ (address * 7919 >> 11) ^ address;
  endfunction

  task fail(input [8*64-1:0] what);
    begin
      $$display("FAIL: cycle %0d: %0s", cycle, what);
      $$fatal(1);
    end
  endtask

  always @(negedge aclk) if (cycle != 0) begin
$known  end

  // A memory that serves a burst at a time, and a receiver of images that pauses.
  always @(posedge aclk) begin
    cycle = cycle + 1;
    if (cycle == LIMIT) fail("the job has no end");

    if (m_axi_arvalid && m_axi_arready) begin
      read_at = m_axi_araddr - BASE;
      read_left = m_axi_arlen + 1;
      if (read_at + read_left * BEAT > SIZE) fail("a read outside the memory");
    end
    if (m_axi_rvalid && m_axi_rready) begin
      read_at = read_at + BEAT;
      read_left = read_left - 1;
    end
    m_axi_arready <= read_left == 0;
    m_axi_rvalid <= read_left != 0;
    m_axi_rlast <= read_left == 1;
    if (read_left != 0)
      for (k = 0; k < BEAT; k = k + 1) m_axi_rdata[8*k +: 8] <= memory[read_at + k];

    if (m_axi_awvalid && m_axi_awready) begin
      write_at = m_axi_awaddr - BASE;
      writing = 1;
      if (write_at + (m_axi_awlen + 1) * BEAT > SIZE) fail("a write outside the memory");
    end
    if (m_axi_wvalid && m_axi_wready) begin
      for (k = 0; k < BEAT; k = k + 1)
        if (m_axi_wstrb[k]) memory[write_at + k] = m_axi_wdata[8*k +: 8];
      write_at = write_at + BEAT;
      if (m_axi_wlast) {writing, answers} = 2'b01;
    end
    if (m_axi_bvalid && m_axi_bready) answers = 0;
    m_axi_awready <= !writing && !answers;
    m_axi_wready <= writing;
    m_axi_bvalid <= answers;

    if (m_axis_tvalid && m_axis_tready) begin
      if (m_axis_tuser != sent % COUNT) fail("an image out of turn");
      for (k = 0; k < BEAT; k = k + 1)
        if (m_axis_tkeep[k]) begin
          if (m_axis_tdata[8*k +: 8] !== noise(
              IMAGES + sent / COUNT * BATCH_STRIDE + sent % COUNT * IMAGE_STRIDE + bytes_sent
          )) fail("an image was sent changed");
          bytes_sent = bytes_sent + 1;
        end
      if (m_axis_tlast) begin
        if (bytes_sent != PIXELS) fail("an image of another size was sent");
        sent = sent + 1;
        bytes_sent = 0;
      end
    end
    m_axis_tready <= cycle % 8 != 0;
  end

  // Registers are driven and sampled at falling edges: no output depends on an input of the same cycle.
  task read(input [11:0] address);
    begin
      s_axil_araddr = address;
      s_axil_arvalid = 1;
      while (!s_axil_arready) @(negedge aclk);
      @(negedge aclk) s_axil_arvalid = 0;
      while (!s_axil_rvalid) @(negedge aclk);
      value = s_axil_rdata;
      @(negedge aclk);
    end
  endtask

  task write(input [11:0] address, input [31:0] data);
    begin
      s_axil_awaddr = address;
      s_axil_wdata = data;
      s_axil_awvalid = 1;
      s_axil_wvalid = 1;
      while (s_axil_awvalid || s_axil_wvalid) begin
        taken = {s_axil_awready, s_axil_wready};
        @(negedge aclk);
        if (taken[1]) s_axil_awvalid = 0;
        if (taken[0]) s_axil_wvalid = 0;
      end
    end
  endtask

  task expect_value(input [31:0] wanted);
    if (value !== wanted) begin
      $$display("FAIL: %h read, %h expected", value, wanted);
      $$fatal(1);
    end
  endtask

  // The places of all images, ascending, are the result of each batch; what lies beside results is noise.
  task check_memory;
    integer at, place;
    for (at = 0; at < SIZE; at = at + 1) begin
      place = at < RESULTS ? RESULT_STRIDE : (at - RESULTS) % RESULT_STRIDE;
      if (place >= RESULT_SIZE || at >= RESULTS + BATCHES * RESULT_STRIDE) begin
        if (memory[at] !== noise(at)) fail("memory beside the results was written");
      end else if (place < 4 * COUNT) begin
        if (memory[at] !== (place % 4 != 0 ? 0 : place / 4)) fail("a result is wrong");
      end else if (^memory[at] === 1'bx) fail("a result is unknown");
    end
  endtask

  initial begin
    for (k = 0; k < SIZE; k = k + 1) memory[k] = noise(k);
    s_axil_wstrb = 4'hf;
    s_axil_rready = 1;
    s_axil_bready = 1;
    repeat (4) @(negedge aclk);
    aresetn = 1;
    @(negedge aclk);
    read(12'h$identity);
    expect_value(32'h$identity_value);
    write(12'h$irq_enable, 32'h$all_events);
    write(12'h$control, 32'h$start);
    while (!irq) @(negedge aclk);
    read(12'h$error_code);
    expect_value(32'h$setting);
    read(12'h$irq_status);
    expect_value(32'h$error_event);
    write(12'h$irq_status, 32'h$error_event);
    repeat (4) @(negedge aclk);
    if (irq) fail("irq stays");
$job    write(12'h$control, 32'h$start);
    while (!irq) @(negedge aclk);
    read(12'h$irq_status);
    expect_value(32'h$done_event);
    read(12'h$batches_done);
    expect_value(BATCHES);
    if (sent != BATCHES * COUNT) fail("images are missing");
    check_memory;
    $$display("PASS");
    $$finish;
  end
endmodule
