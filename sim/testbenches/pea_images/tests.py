# SPDX-License-Identifier: Apache-2.0
"""Tests of the two sides of the image memory, each block alone."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Sink, Source, Stalls, cycles, pulse, reset_mid, start
from nms.sim.testbenches.pea_images.environment import (
    CONFIG,
    FETCHED,
    WORDS,
    Place,
    draw_batch,
    load,
    place,
    play_banks,
    watch_writes,
)


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.PRODUCER])
async def loads(dut: Any, stalls: Stalls) -> None:
    """Both halves are filled and given back in turn; a half that is held is not loaded."""
    await start(dut)
    written: dict[Place, int] = {}
    task = cocotb.start_soon(watch_writes(dut, written))
    board = Scoreboard("words", minimum=80)
    shapes = [(CONFIG.images, 3), (5, min(7, WORDS)), (CONFIG.images - 1, 1)]
    for turn, shape in enumerate(shapes):
        images = draw_batch(*shape)
        await load(dut, images, stalls)
        for (image, word), value in np.ndenumerate(images):
            board.expect([value])
            board.got(written.pop(place(turn % 2, image, word), None))
        assert not written, "words outside the batch"
        assert dut.loaded.value, "the first half is full, or the second one became active"
        assert bool(dut.load_ready.value) == (turn == 0), "the other half is full or held"
        if turn == 1:
            dut.held.value = 1
            await pulse(dut, "free")
            await cycles(dut, 3)
            assert (dut.half.value, dut.loaded.value, dut.load_ready.value) == (1, 1, 0)
            dut.held.value = 0
            await cycles(dut, 1)
            await RisingEdge(dut.clk)
            assert dut.load_ready.value, "the half that was given back is no longer held"
    task.cancel()
    board.finish()


@cocotb.test()
async def load_reset(dut: Any) -> None:
    """A reset in a load frees both halves."""
    await start(dut)
    dut.count.value, dut.words.value = CONFIG.images, 2
    await pulse(dut, "load")
    await Source(dut, "i_pixels").send(range(5))
    await reset_mid(dut)
    written: dict[Place, int] = {}
    task = cocotb.start_soon(watch_writes(dut, written))
    assert dut.load_ready.value
    assert not dut.loaded.value
    images = draw_batch(4, 2)
    await load(dut, images)
    board = Scoreboard("words after a reset", minimum=8)
    for (image, word), value in np.ndenumerate(images):
        board.expect([value])
        board.got(written[place(0, image, word)])
    task.cancel()
    board.finish()


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.CONSUMER, Stalls.RANDOM])
async def fetches(dut: Any, stalls: Stalls) -> None:
    """Images in any order, of several sizes; the size is that of the batch that was given back."""
    await start(dut)
    board = Scoreboard("words", minimum=40)
    for words in (1, 2, min(5, WORDS)):
        images = draw_batch(CONFIG.images, words)
        task = cocotb.start_soon(play_banks(dut, images))
        dut.words.value = words
        await pulse(dut, "free")
        dut.words.value = 0
        asked = [int(index) for index in generator(f"asked {words}").integers(0, CONFIG.images, 9)]
        board.expect(
            {"data": int(images[index, word]), "index": index, "last": int(word + 1 == words)}
            for index in asked
            for word in range(words)
        )
        Source(dut, "i_fetch", stalls).start(asked)
        total = len(asked) * words
        timeout = total + 3 * len(asked) + 3 if stalls is Stalls.NONE else 100 * total
        await Sink(dut, "o_pixels", stalls).take(total, timeout, lambda item: board.got(FETCHED.unpack(item)))
        task.cancel()
    board.finish()


@cocotb.test()
async def fetch_reset(dut: Any) -> None:
    """A reset in an image drops the rest of it."""
    await start(dut)
    images = draw_batch(CONFIG.images, 4)
    task = cocotb.start_soon(play_banks(dut, images))
    dut.words.value = 4
    await pulse(dut, "free")
    await Source(dut, "i_fetch").send([3])
    await Sink(dut, "o_pixels").take(1, timeout=20)
    task.cancel()
    await reset_mid(dut)
    await cycles(dut, 3)
    assert not dut.o_pixels__valid.value
    task = cocotb.start_soon(play_banks(dut, images))
    dut.words.value = 4
    await pulse(dut, "free")
    board = Scoreboard("words after a reset", minimum=4)
    board.expect(int(value) for value in images[2])
    Source(dut, "i_fetch").start([2])

    def into(item: int) -> None:
        board.got(FETCHED.unpack(item)["data"])

    await Sink(dut, "o_pixels").take(4, timeout=30, into=into)
    task.cancel()
    board.finish()
