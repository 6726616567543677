# SPDX-License-Identifier: Apache-2.0
"""Tests of the distance phase: every distance once, at the pace stated, also after a reset."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import PERIOD, reset_mid, start
from nms.sim.testbenches.pea_distances.environment import BLOCK, CONFIG, begin, compare, draw_batch


@cocotb.test()
async def batches(dut: Any) -> None:
    """Batches of all proportions to the array, one after the other; passes follow as fast as stated."""
    await start(dut)
    board = Scoreboard("distances", minimum=150)
    most, pes = CONFIG.images, CONFIG.pes
    for count, pixels in ((4, 1), (most, 3 * CONFIG.lanes), (most - 1, 12 * CONFIG.lanes), (pes + 1, 5)):
        images = draw_batch(max(count, 4), min(pixels, CONFIG.pixels))
        passes = await compare(dut, board, images)
        rounded = -(-len(images) // (2 * pes)) * 2 * pes
        assert len(passes) <= len(images) * rounded // (2 * pes)
        spacing = max(images.shape[1] // CONFIG.lanes, BLOCK.interval) * PERIOD
        assert all(gap % spacing == 0 for gap in np.diff(passes)), "passes do not follow at once"
    board.finish()


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in the middle, and a clean run after it."""
    await start(dut)
    images = draw_batch(CONFIG.images, 4 * CONFIG.lanes)
    await begin(dut, images)
    for _ in range(60):
        await RisingEdge(dut.clk)
    await reset_mid(dut)
    board = Scoreboard("distances after a reset", minimum=CONFIG.images * (CONFIG.images - 1) // 2)
    await compare(dut, board, images)
    board.finish()
