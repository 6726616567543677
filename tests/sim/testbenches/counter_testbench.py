# SPDX-License-Identifier: Apache-2.0
"""The items given, one after the other, through :class:`blocks.Chain`."""

import cocotb

from nms.sim.models.streams import Sink, Source, start
from nms.sim.verilator.context import count, parameters


@cocotb.test()
async def items(dut):
    await start(dut)
    values = parameters()["values"]
    Source(dut, "i_x").start(values)
    await Sink(dut, "o_y").take(len(values), timeout=10 * len(values))
    count("items", len(values))
