# SPDX-License-Identifier: Apache-2.0
"""Replays on an emitted processing element (PE) what Amaranth's own simulator saw, cycle by cycle."""

from typing import Any

import cocotb

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import start
from nms.sim.testbenches.pe.environment import Driver
from nms.sim.verilator.context import parameters


@cocotb.test()
async def replay(dut: Any) -> None:
    await start(dut)
    cycles, native = parameters()["cycles"], parameters()["native"]
    board = Scoreboard("native and emitted PE", minimum=len(native))
    board.expect(native)
    for seen in await Driver(dut).play(cycles, len(native) - len(cycles)):
        board.got(seen | {"weight": seen["weight"] * seen["weight_valid"]})
    board.finish()
