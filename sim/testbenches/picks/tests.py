# SPDX-License-Identifier: Apache-2.0
"""Tests of the keys of the picks: those of the golden model, batch after batch."""

from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from nms.contract.settings import Pick
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import pulse, reset_mid, start
from nms.sim.testbenches.picks.environment import CONFIG, Memories, compare, make_batches
from nms.sim.verilator.context import sweep

KEYED = [Pick.MEDOID, Pick.HUB, Pick.NEIGHBOUR]


@cocotb.test()
@cocotb.parametrize(pick=KEYED)
async def keys(dut: Any, pick: Pick) -> None:
    """Batches of all sizes and kinds, one after the other."""
    await start(dut)
    memories, board, rng = Memories(dut), Scoreboard("picks", 100), generator(f"picks {pick}")
    sizes = [4, 5, 6, 7, min(CONFIG.images, 23), CONFIG.images]
    for count in sweep(sizes, sizes[:-1]):
        for batch in make_batches(rng, count).values():
            await compare(dut, memories, board, pick, batch)
    board.finish()


@cocotb.test()
async def reads(dut: Any) -> None:
    """A key reads each distance of its row once; that of a hub reads none."""
    await start(dut)
    memories, board, rng = Memories(dut), Scoreboard("reads", 36), generator("reads")
    for pick, expected in ((Pick.MEDOID, 12 * 12), (Pick.NEIGHBOUR, 12 * 12), (Pick.HUB, 0)):
        memories.pairs.reads = 0
        await compare(dut, memories, board, pick, make_batches(rng, 12)["random"])
        assert memories.pairs.reads == expected
    assert memories.sums.reads == 12
    board.finish()


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in the middle of a batch; the next one is right."""
    await start(dut)
    memories, board, rng = Memories(dut), Scoreboard("reset", 36), generator("reset")
    dut.count.value, dut.pick.value = 12, int(Pick.MEDOID)
    for wait in (1, 3, 20, 60):
        await pulse(dut, "start")
        for _ in range(wait):
            await RisingEdge(dut.clk)
        await reset_mid(dut)
        await compare(dut, memories, board, Pick.NEIGHBOUR, make_batches(rng, 9)["few cells"])
    board.finish()
