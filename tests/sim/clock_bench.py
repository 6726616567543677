# SPDX-License-Identifier: Apache-2.0
"""As many cycles of the clock as asked for."""

import cocotb

from sim.context import parameters
from sim.streams import cycles, start


@cocotb.test()
async def runs(dut):
    await start(dut)
    await cycles(dut, parameters()["cycles"])
