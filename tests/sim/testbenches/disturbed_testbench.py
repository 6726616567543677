# SPDX-License-Identifier: Apache-2.0
"""Each fault of a stream, injected by the driver, in a test of its own: all must fail."""

import cocotb

from nms.sim.models.disturbance import Disturbance
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Sink, Source, Stalls, start


@cocotb.test()
@cocotb.parametrize(disturbance=list(Disturbance), stalls=[Stalls.NONE, Stalls.RANDOM])
async def disturbed(dut, disturbance, stalls):
    await start(dut)
    values = list(range(0, 100, 3))
    board = Scoreboard(disturbance.value, minimum=len(values))
    board.expect(value + 1 for value in values)
    Source(dut, "i_x", stalls, disturbance).start(values)
    await Sink(dut, "o_y", stalls).take(len(values), timeout=1000, into=board.got)
    board.finish()
