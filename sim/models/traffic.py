# SPDX-License-Identifier: Apache-2.0
"""Monitors of the data buses of the AXI system: the bytes that crossed, seen at the pins alone."""

from typing import Any

from cocotbext.axi import AxiBus, AxiStreamBus, AxiStreamMonitor
from cocotbext.axi.axi_channels import AxiRMonitor, AxiWMonitor

from nms.contract.registers import BYTES


class Traffic:
    """Watches ``m_axi`` and ``m_axis`` from its making on; drives nothing."""

    def __init__(self, dut: Any):
        bus = AxiBus.from_prefix(dut, "m_axi")
        clocking = (dut.aclk, dut.aresetn, False)
        self.beat = len(dut.m_axi_rdata) // 8
        self.read = AxiRMonitor(bus.read.r, *clocking)
        self.write = AxiWMonitor(bus.write.w, *clocking)
        self.stream = AxiStreamMonitor(AxiStreamBus.from_prefix(dut, "m_axis"), *clocking)

    def count(self) -> dict[str, int]:
        """Bytes since the last call: whole beats read, strobed bytes written, kept bytes of whole frames.

        Named as the hardware names its own counters.
        """
        found = dict.fromkeys(BYTES, 0)
        while not self.read.empty():
            self.read.recv_nowait()
            found["bytes_read"] += self.beat
        while not self.write.empty():
            found["bytes_written"] += int(self.write.recv_nowait().wstrb).bit_count()
        while not self.stream.empty():
            found["bytes_sent"] += len(self.stream.recv_nowait().tdata)
        return found
