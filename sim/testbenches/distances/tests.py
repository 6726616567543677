# SPDX-License-Identifier: Apache-2.0
"""Tests of the distances: each pair once and equal to the golden model's, after resets, in time."""

from typing import Any

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Stalls, cycles, pulse, reset_mid, start, until
from nms.sim.testbenches.distances.environment import (
    BLOCK,
    CONFIG,
    compare,
    draw_sizes,
    list_bytes,
    load,
    make_batches,
)


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.PRODUCER])
async def batches(dut: Any, stalls: Stalls) -> None:
    """Batches of all kinds and sizes, one after the other."""
    await start(dut)
    rng = generator(f"batches {stalls.value}")
    sizes = draw_sizes(rng)
    board = Scoreboard(f"distances {stalls.value}", minimum=sum(n * (n - 1) // 2 for n, _ in sizes))
    for number, (count, length) in enumerate(sizes):
        found = list(make_batches(rng, count, length).values())
        few = found if count * length < 500 else found[number % 4 :: 4]
        for images in few if stalls is Stalls.NONE else few[:1]:
            await compare(dut, board, images, stalls)
    board.finish()


@cocotb.test()
async def widest(dut: Any) -> None:
    """The largest distance of the configuration, between black and white images."""
    await start(dut)
    board = Scoreboard("distances of the largest images", minimum=6)
    images = np.zeros((4, CONFIG.pixels), np.uint8)
    images[1::2] = 255
    await compare(dut, board, images)
    board.finish()


@cocotb.test()
async def dropped(dut: Any) -> None:
    """Batches of which images are left out, the first and the last among them; two are enough."""
    await start(dut)
    rng, count, length = generator("dropped"), min(CONFIG.images, 9), min(CONFIG.pixels, 40)
    # all pairs of a batch twice, and of each other batch one pair or more
    board = Scoreboard("distances of standing images", minimum=count * (count - 1) + 8)
    for standing in (
        np.arange(count) % 4 == 1,
        np.arange(count) < 2,
        np.arange(count) >= count - 3,
        rng.random(count) < 0.7,
        np.ones(count),
    ):
        kept = np.array(standing, np.int64)
        kept[:2] |= kept.sum() < 2
        for stalls in (Stalls.NONE, Stalls.PRODUCER):
            await compare(dut, board, make_batches(rng, count, length)["random"], stalls, kept)
    board.finish()


@cocotb.test()
async def resets(dut: Any) -> None:
    """A reset at any moment of a load or of the distances, then a clean batch."""
    await start(dut)
    rng = generator("resets")
    count, length = min(CONFIG.images, 9), min(CONFIG.pixels, 40)
    board = Scoreboard("distances after a reset", minimum=10 * count * (count - 1) // 2)
    for number in range(10):
        images = make_batches(rng, count, length)["random"]
        if number % 2:
            await load(dut, images)
            await until(dut, "loaded", 4)
            await pulse(dut, "start")
            await cycles(dut, int(rng.integers(1, BLOCK.cycles(count, length))))
        else:
            await load(dut, images[: int(rng.integers(1, count))])
        await reset_mid(dut)
        assert dut.load_ready.value, "no load is possible after a reset"
        await compare(dut, board, make_batches(rng, count, length)["random"])
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """A batch takes the cycles that the block's formula gives, its load one for each byte."""
    await start(dut)
    rng = generator("timing")
    board = Scoreboard("cycles of distances", minimum=2)
    for count in sorted({4, max(4, CONFIG.images - 1), CONFIG.images}):
        images = make_batches(rng, count, CONFIG.pixels)["random"]
        board.expect([len(list(list_bytes(images))), BLOCK.cycles(count, CONFIG.pixels)])
        began = get_sim_time("ns")
        await load(dut, images)
        board.got(round((get_sim_time("ns") - began) / PERIOD) - 1)
        await until(dut, "loaded", 4)
        await pulse(dut, "start")
        began = get_sim_time("ns")
        await until(dut, "done", 2 * BLOCK.cycles(count, CONFIG.pixels))
        board.got(round((get_sim_time("ns") - began) / PERIOD))
        dut._log.info(f"distances: {count} images in {BLOCK.cycles(count, CONFIG.pixels)} cycles")
        await cycles(dut, 1)
    board.finish()
