# SPDX-License-Identifier: Apache-2.0
"""As many cycles of the clock as asked for."""

import cocotb

from nms.sim.models.streams import cycles, start
from nms.sim.verilator.context import parameters


@cocotb.test()
async def runs(dut):
    await start(dut)
    await cycles(dut, parameters()["cycles"])
