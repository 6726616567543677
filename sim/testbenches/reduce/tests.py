# SPDX-License-Identifier: Apache-2.0
"""Tests of the reduction: means equal the expected ones for images of all shapes, under stalls, in time."""

from dataclasses import replace
from typing import Any

import cocotb
from cocotb.utils import get_sim_time

from nms.contract.settings import SIDE_MAX, LeanSettings
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Sink, Stalls, cycles, reset_mid, start
from nms.sim.testbenches.reduce.environment import (
    BLOCK,
    BYTES,
    CONFIG,
    SIDES,
    compare,
    draw_images,
    draw_shapes,
    fits,
    prepare,
    send,
    shape,
)
from nms.sim.verilator.context import sweep

EXTREMES = [
    shape(1, 1),
    shape(1, 1, 3),
    shape(SIDE_MAX, 3),
    shape(2, SIDE_MAX),
    shape(3, SIDE_MAX, 3, side=4, grey=True),
    shape(SIDE_MAX, 1, 3, side=4, planes=True),
    shape(300, 301, 3),
]
"""Images as long and as small as they can be."""


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut: Any, stalls: Stalls) -> None:
    """Jobs of all shapes, one after another, under every pattern of stalls."""
    await start(dut)
    rng = generator(f"streams {stalls.value}")
    board = Scoreboard(f"reduce {stalls.value}", minimum=500)
    for settings in draw_shapes(rng, sweep([60], [16])[0]):
        await compare(dut, board, settings, draw_images(rng, settings), stalls)
    board.finish()


@cocotb.test()
async def extremes(dut: Any) -> None:
    """The longest and the smallest images, and boxes as large as they become, full of the largest byte."""
    await start(dut)
    rng = generator("extremes")
    board = Scoreboard("reduce extremes", minimum=100)
    for settings in filter(fits, EXTREMES):
        await compare(dut, board, settings, draw_images(rng, settings, 2))
    board.finish()


@cocotb.test()
async def legality(dut: Any) -> None:
    """What the contract forbids is told, and what is next to it is not."""
    await start(dut)
    board = Scoreboard("reduce legality", minimum=20)
    good = shape(9, 10, 3, side=4)
    raw = LeanSettings(4, CONFIG.pixels, 1)
    legal = [
        good,
        replace(good, planes=True),
        replace(good, grey=True),
        shape(SIDE_MAX, SIDE_MAX, 3, side=4),
        shape(1, SIDE_MAX, side=SIDES[-1]),
        raw,
        replace(raw, pixels=1),
    ]
    illegal = [
        replace(good, side=5),
        replace(good, side=min(2 * CONFIG.side, 63)),
        replace(good, channels=0, pixels=0),
        replace(good, channels=2, pixels=180),
        replace(good, height=0, pixels=0),
        replace(good, width=0, pixels=0),
        shape(1, SIDE_MAX + 1, side=4),
        shape(SIDE_MAX + 1, 1, side=4),
        replace(good, pixels=good.pixels + 1),
        replace(good, pixels=good.pixels // 3),
        replace(good, grey=True, planes=True),
        replace(good, grey=True, channels=1, pixels=90),
        replace(raw, pixels=0),
        replace(raw, pixels=CONFIG.pixels + 1),
        replace(raw, pixels=CONFIG.pixels + (1 << 24)),
    ]
    large = shape(CONFIG.side, CONFIG.side, 3)
    (legal if fits(large) else illegal).append(large)
    for settings in legal:
        board.expect([(0, settings.reduced)])
        board.got(await prepare(dut, settings))
    for settings in illegal:
        board.expect([1])
        board.got((await prepare(dut, settings))[0])
    board.finish()


@cocotb.test()
async def resets(dut: Any) -> None:
    """A reset at any moment of a job, then a clean job of other images."""
    await start(dut)
    dut.o_rows__ready.value = 1
    rng = generator("resets")
    board = Scoreboard("reduce after reset", minimum=200)
    before, after = shape(13, 17, 3, side=4), shape(11, 9, side=4)
    for moment in (1, 7, 20, 40, 63, 64, 65, 90, 120, 170):
        await prepare(dut, before)
        send(dut, draw_images(rng, before))
        Sink(dut, "o_bytes").start(3 * before.reduced, lambda value: None)
        await cycles(dut, moment)
        await reset_mid(dut)
        await compare(dut, board, after, draw_images(rng, after))
    await prepare(dut, before)
    await cycles(dut, 1)
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """A word a cycle, across the borders of rows, boxes and images, where boxes are large enough."""
    await start(dut)
    dut.o_rows__ready.value = 1
    rng = generator("timing")
    board = Scoreboard("reduce cycles", minimum=1)
    side = min(CONFIG.side, BYTES)
    sizes = [
        (shape(32, 32, 3, side=side), 64),
        (shape(32, 32, 3, side=side, planes=True), 64),
        (shape(32, 32, 3, side=side, grey=True), 8),
        (shape(33, 35, 3, side=side, planes=True), 8),
        (shape(64, 64, side=side), 8),
        (shape(224, 224, 3), 2),
    ]
    for settings, count in sizes:
        if (
            not fits(settings)
            or settings.width // side * (1 if settings.planes else settings.channels) < BYTES // 2
        ):
            continue
        images = draw_images(rng, settings, count)
        words = -(-settings.pixels // BYTES)
        await prepare(dut, settings)
        began = get_sim_time("ns")
        send(dut, images)
        took = count * settings.reduced
        await Sink(dut, "o_bytes").take(took, timeout=20 * images.size)
        cycles_ = round((get_sim_time("ns") - began) / PERIOD)
        dut._log.info(f"reduce: {count} of {settings}: {cycles_} cycles for {count * words} words")
        board.expect([True])
        board.got(cycles_ <= count * words * 1.02 + 4 * CONFIG.side + BLOCK.latency)
    board.finish()
