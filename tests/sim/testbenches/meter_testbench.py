# SPDX-License-Identifier: Apache-2.0
"""Testbench of :class:`blocks.Meter`."""

import cocotb

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Sink, Source, Stalls, start


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
async def sums(dut, stalls):
    await start(dut)
    values = [int(value) for value in generator("values").integers(0, 256, 60)]
    board = Scoreboard(f"meter {stalls.value}", minimum=60)
    board.expect((sum(values[i - i % 10 : i + 1]) - 3) % (1 << 16) for i in range(60))
    Source(dut, "i_x", stalls).start(values)
    await Sink(dut, "o_y", stalls).take(60, timeout=2000, into=board.got)
    board.finish()
