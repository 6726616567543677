# SPDX-License-Identifier: Apache-2.0
"""Tests of herding: kept indices equal the golden model's under stalls, after resets, in time."""

from typing import Any

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from nms.golden.herding import choose
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Sink, Stalls, cycles, reset_mid, start
from nms.sim.testbenches.herding.environment import (
    BLOCK,
    CONFIG,
    PairReads,
    begin,
    compare,
    draw_sizes,
    make_distances,
)


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut: Any, stalls: Stalls) -> None:
    """Distances of all kinds and sizes, one batch after another, under every pattern of stalls."""
    await start(dut)
    rng, memory = generator(f"streams {stalls.value}"), PairReads(dut)
    pairs = draw_sizes(rng)
    board = Scoreboard(f"herding {stalls.value}", minimum=sum(keep for _, keep in pairs))
    for number, (count, keep) in enumerate(pairs):
        found = list(make_distances(rng, count).values())
        step = 8 if count > 64 else 1 if stalls is Stalls.NONE else 3
        for values in found[number % step :: step]:
            await compare(dut, rng, memory, board, values, keep, stalls)
    board.finish()


@cocotb.test()
async def resets(dut: Any) -> None:
    """A reset at any moment of a batch, then a clean batch."""
    await start(dut)
    rng, memory = generator("resets"), PairReads(dut)
    count, keep = min(CONFIG.images, 64), min(CONFIG.images, 64) // 2
    board = Scoreboard("herding after a reset", minimum=10 * keep)
    for moment in np.linspace(1, BLOCK.cycles(count, keep), 10).astype(int):
        await begin(dut, rng, memory, make_distances(rng, count)["images"], keep)
        Sink(dut, "o_kept").start(keep, lambda value: None)
        await cycles(dut, int(moment))
        await reset_mid(dut)
        await compare(dut, rng, memory, board, make_distances(rng, count)["clusters"], keep)
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """The last index is there by the block's formula, and each pick reads a row of distances at most once."""
    await start(dut)
    rng, memory = generator("timing"), PairReads(dut)
    board = Scoreboard("cycles of herding", minimum=2)
    for count in sorted({4, max(4, CONFIG.images - 1), CONFIG.images}):
        values = make_distances(rng, count)["images"]
        keep = max(1, round(0.3 * count))
        last = choose(values, keep)[-1]
        most = BLOCK.cycles(count, keep) - (count - 1 - last)
        board.expect([True, (keep - 1) * (count - 1)])
        await begin(dut, rng, memory, values, keep)
        began, memory.count = get_sim_time("ns"), 0
        await Sink(dut, "o_kept").take(keep)
        took = round((get_sim_time("ns") - began) / PERIOD)
        board.got(most - keep < took <= most)
        board.got(memory.count)
        dut._log.info(f"herding: {keep} of {count} in {took} cycles, the last kept is {last}")
    board.finish()
