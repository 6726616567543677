# SPDX-License-Identifier: Apache-2.0
"""Testbench of :class:`blocks.Incrementer` and :class:`blocks.Chain`."""

import cocotb

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Sink, Source, Stalls, reset_mid, start
from nms.sim.verilator.context import parameters


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut, stalls):
    await start(dut)
    values = [int(value) for value in generator("x").integers(0, 256, parameters().get("count", 100))]
    board = Scoreboard(f"incrementer {stalls.value}", minimum=len(values))
    board.expect((value + parameters()["step"]) % 256 for value in values)
    Source(dut, "i_x", stalls).start(values)
    await Sink(dut, "o_y", stalls).take(len(values), timeout=100 * len(values), into=board.got)
    board.finish()


@cocotb.test()
async def reset(dut):
    await start(dut)
    Source(dut, "i_x").start(range(100))
    await Sink(dut, "o_y").take(10, timeout=1000)
    await reset_mid(dut)
    board = Scoreboard("incrementer after reset", minimum=5)
    board.expect(value + parameters()["step"] for value in range(5))
    Source(dut, "i_x").start(range(5))
    await Sink(dut, "o_y").take(5, timeout=1000, into=board.got)
    board.finish()
