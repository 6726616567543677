# SPDX-License-Identifier: Apache-2.0
"""Tests of the memory of distances: every element of the matrix as it was written, and held."""

from typing import Any

import cocotb

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import start
from nms.sim.testbenches.pair_memory.environment import CONFIG, draw_distances, read, write


@cocotb.test()
async def elements(dut: Any) -> None:
    """Two batches one after the other."""
    await start(dut)
    rng = generator("elements")
    board = Scoreboard("elements", minimum=2 * CONFIG.images**2)
    for _ in range(2):
        values = draw_distances(rng)
        await write(dut, rng, values)
        await read(dut, rng, board, values)
    board.finish()
