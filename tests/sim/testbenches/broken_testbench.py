# SPDX-License-Identifier: Apache-2.0
"""A testbench that does not compare enough, one that hangs, and one that ends the simulator."""

import os

import cocotb

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Sink, start


@cocotb.test()
async def too_few(dut):
    await start(dut)
    board = Scoreboard("few", minimum=10)
    board.expect([1])
    board.got(1)
    board.finish()


@cocotb.test()
async def nothing_comes(dut):
    await start(dut)
    await Sink(dut, "o_y").take(1, timeout=50)


@cocotb.test()
async def gone(dut):
    os._exit(0)
