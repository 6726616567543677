# SPDX-License-Identifier: Apache-2.0
"""Tests of the search for near-duplicates: verdicts equal the golden model's, job after job."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Source, Stalls, pulse, reset_mid, start, until
from nms.sim.testbenches.near_duplicates.environment import (
    BLOCK,
    CONFIG,
    FIELDS,
    HEIGHTS,
    compare,
    draw_images,
    draw_settings,
    list_rows,
)
from nms.sim.verilator.context import sweep


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut: Any, stalls: Stalls) -> None:
    """Jobs of batches of all shapes, one after another, under every pattern of stalls."""
    await start(dut)
    rng, found = generator(f"near-duplicates {stalls.value}"), []
    board = Scoreboard(f"near-duplicates {stalls.value}", minimum=100)
    for _ in range(sweep([30], [8])[0]):
        settings = draw_settings(rng)
        batches = [draw_images(rng, settings, int(rng.integers(4, 12))) for _ in range(3)]
        found += await compare(dut, board, settings, batches, stalls)
    assert 0.1 < np.mean(found) < 0.9, "nearly all verdicts are the same"
    board.finish()


@cocotb.test()
async def sizes(dut: Any) -> None:
    """Images of all heights, in rows and in planes."""
    await start(dut)
    rng, board = generator("near-duplicates sizes"), Scoreboard("near-duplicates sizes", minimum=300)
    for height in HEIGHTS:
        for channels, planes in ((1, False), (3, False), (3, True)):
            settings = draw_settings(rng, height=height, channels=channels, planes=planes)
            await compare(dut, board, settings, [draw_images(rng, settings, 10)])
    board.finish()


@cocotb.test()
async def window(dut: Any) -> None:
    """As many standing images as there can be, and one that resembles the first: in the window and beyond."""
    await start(dut)
    rng, board = generator("near-duplicates window"), Scoreboard("near-duplicates window", minimum=8)
    for size in {1, CONFIG.window}:
        settings = draw_settings(rng, height=32, threshold=8, window=size, across=True)
        scenes = rng.integers(0, 256, (size + 1, settings.height, 1)) * np.ones((1, 1, settings.width))
        images = np.repeat(scenes[..., None], settings.channels, 3).astype(np.uint8)
        images = (images.transpose(0, 3, 1, 2) if settings.planes else images).reshape(size + 1, -1)
        within = np.concatenate([images[:size], images[:1]])
        assert await compare(dut, board, settings, [within]) == [1] * size + [0]
        beyond = np.concatenate([images, images[:1]])
        assert await compare(dut, board, settings, [beyond]) == [1] * (size + 2)
        assert await compare(dut, board, settings, [images[:1], images[:1]]) == [1, 0]
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """A verdict comes within the formula, however many images stand."""
    await start(dut)
    rng, board = generator("near-duplicates timing"), Scoreboard("near-duplicates timing", minimum=1)
    settings = draw_settings(rng, height=32, planes=False, threshold=1, window=CONFIG.window)
    for name in FIELDS:
        getattr(dut, name).value = int(getattr(settings, name))
    await pulse(dut, "prepare")
    await ClockCycles(dut.clk, 4)
    dut.o_stands__ready.value = 1
    entries = settings.height - 2
    images = rng.integers(0, 256, (CONFIG.window + 2, settings.pixels)).astype(np.uint8)
    for number, image in enumerate(images):
        await Source(dut, "i_rows").send(list_rows(settings, image[None]))
        standing = min(number, CONFIG.window)
        await until(dut, "o_stands__valid", settings.height + 6 + standing * BLOCK.cycles(entries))
        board.expect([1])
        board.got(int(dut.o_stands__payload.value))
        await ClockCycles(dut.clk, entries + 16)  # until its profile is kept
    board.finish()


@cocotb.test()
async def resets(dut: Any) -> None:
    """A reset at any moment of a job, then a clean one."""
    await start(dut)
    rng, board = generator("near-duplicates resets"), Scoreboard("near-duplicates resets", minimum=60)
    for moment in (3, 10, 31, 33, 36, 50, 64, 70, 75, 90):
        settings = draw_settings(rng, height=30)
        for name in FIELDS:
            getattr(dut, name).value = int(getattr(settings, name))
        await pulse(dut, "prepare")
        dut.o_stands__ready.value = 1
        Source(dut, "i_rows").start(list_rows(settings, draw_images(rng, settings, 4)))
        await ClockCycles(dut.clk, moment)
        await reset_mid(dut)
        dut.o_stands__ready.value = 0
        settings = draw_settings(rng)
        await compare(dut, board, settings, [draw_images(rng, settings, 8)])
    board.finish()
