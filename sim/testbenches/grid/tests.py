# SPDX-License-Identifier: Apache-2.0
"""Tests of the grid sampler: kept indices equal the golden model's under stalls, after resets, in time."""

from typing import Any

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from nms.golden.grid import sample
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Sink, Stalls, cycles, reset_mid, start
from nms.sim.testbenches.grid.environment import (
    BLOCK,
    CONFIG,
    POSITION,
    TIMEOUT,
    begin,
    compare,
    compare_keyed,
    draw_sizes,
    make_maps,
)


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut: Any, stalls: Stalls) -> None:
    """Maps of all kinds and sizes, one after another, under every pattern of stalls."""
    await start(dut)
    rng = generator(f"streams {stalls.value}")
    pairs = draw_sizes(rng)
    board = Scoreboard(f"grid {stalls.value}", minimum=sum(keep for _, keep in pairs))
    for number, (count, keep) in enumerate(pairs):
        points_of = list(make_maps(rng, count).values())
        for points in points_of if stalls is Stalls.NONE else points_of[number % 3 :: 3]:
            await compare(dut, board, points, keep, stalls)
    board.finish()


@cocotb.test()
async def resets(dut: Any) -> None:
    """A reset at any moment of a batch, then a clean batch."""
    await start(dut)
    rng = generator("resets")
    count, keep = CONFIG.images, CONFIG.images // 2
    board = Scoreboard("grid after reset", minimum=10 * keep)
    extent = 1 << (POSITION.fraction + 4)
    for moment in np.linspace(1, BLOCK.cycles(count, extent) - count, 10).astype(int):
        await begin(dut, make_maps(rng, count)["uniform"], keep)
        Sink(dut, "o_kept").start(keep, lambda value: None)
        await cycles(dut, int(moment))
        await reset_mid(dut)
        await compare(dut, board, make_maps(rng, count)["clusters"], keep)
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """Each index is emitted in the cycle that the block's formula gives."""
    await start(dut)
    rng = generator("timing")
    board = Scoreboard("grid cycles", minimum=1)
    for count in sorted({4, max(4, CONFIG.images - 1), CONFIG.images}):
        points = make_maps(rng, count)["uniform"]
        extent = int(np.ptp(points, axis=0).max()) + 1
        keep = max(1, count // 3)
        last = int(sample(points, keep)[-1])
        rows = -(-count // CONFIG.grid_lanes)
        board.expect([BLOCK.cycles(count, extent) - (count - 1 - last) * rows])
        await begin(dut, points, keep)
        began = get_sim_time("ns")
        await Sink(dut, "o_kept").take(keep, timeout=TIMEOUT)
        board.got(round((get_sim_time("ns") - began) / PERIOD))
        dut._log.info(f"grid: {count} points, all known in {BLOCK.cycles(count, extent)} cycles")
    board.finish()


if BLOCK.key_bits:

    @cocotb.test()
    @cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
    async def keyed(dut: Any, stalls: Stalls) -> None:
        """Batches ranked by keys, with others ranked by offsets between them."""
        await start(dut)
        rng = generator(f"keyed {stalls.value}")
        board = Scoreboard(f"grid keyed {stalls.value}", minimum=100)
        for count, keep in draw_sizes(rng):
            for name, points in make_maps(rng, count).items():
                keys = (
                    rng.integers(0, 1 << BLOCK.key_bits, count)
                    if name != "twins"
                    else rng.integers(0, 2, count)
                )
                await compare_keyed(dut, board, points, keys, keep, stalls)
            await compare(dut, board, points, keep, stalls)
        board.finish()
