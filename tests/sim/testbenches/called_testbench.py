# SPDX-License-Identifier: Apache-2.0
"""Testbench of blocks that are called: inputs stand still for long while a count goes on."""

import cocotb

from nms.sim.models.streams import cycles, start
from nms.sim.verilator.context import count, parameters


@cocotb.test()
async def sums(dut):
    await start(dut)
    total, passed, before = 0, 0, dut.t.value.to_unsigned()
    for value, wait in ((3, 10), (0, 300), (5, 1), (0, 700), (7, 260), (0, 512)):
        dut.d.value = value
        await cycles(dut, wait)
        dut.d.value = 0
        await cycles(dut, 2)
        total, passed = total + 4 * value * wait, passed + wait + 2
        assert dut.q.value.to_unsigned() == total
        ticked = (dut.t.value.to_unsigned() - before) % 16
        assert ticked in ((passed >> 8, (passed >> 8) + 1) if parameters()["ticking"] else (0,))
        count("sums", 2)
