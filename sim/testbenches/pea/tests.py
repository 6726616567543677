# SPDX-License-Identifier: Apache-2.0
"""Tests of the processing element array (PEA): images in; distances, rows, sums and weights out."""

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from typing import Any

import cocotb
from cocotb.triggers import with_timeout

from nms.contract.config import POPULATION
from nms.golden import pea
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import PERIOD, Stalls, cycles, pulse, reset_mid, start
from nms.sim.testbenches.pea.environment import Rig, draw_trials, make_images, read_config, shapes
from nms.sim.verilator.context import parameters


@cocotb.test()
async def batches(dut: Any) -> None:
    """Batches of all kinds and sizes one after the other, without a reset between them."""
    await start(dut)
    config = read_config()
    for kind, count, pixels in shapes(config):
        batch = make_images(config, kind, count, pixels)
        rig = Rig(dut, f"{kind}, N={count}, {pixels} pixels", batch)
        await rig.run_all(runs=4)


@cocotb.test()
@cocotb.parametrize(stalls=[stalls for stalls in Stalls if stalls is not Stalls.NONE])
async def stalled(dut: Any, stalls: Stalls) -> None:
    """All phases of one batch under every pattern of stalls."""
    await start(dut)
    config = read_config()
    count = min(11, config.images)
    batch = make_images(config, "random", count, min(config.pixels, 21))
    rig = Rig(dut, f"stalls: {stalls.value}", batch, stalls)
    await rig.run_all(runs=6)


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
async def double_buffered(dut: Any, stalls: Stalls) -> None:
    """While a batch is computed on, the next one is loaded: begun in a phase of its own each time."""
    await start(dut)
    config = read_config()
    rigs = []
    for number, (kind, count, pixels) in enumerate(shapes(config)):
        batch = make_images(config, kind, count, min(pixels, 16 * config.lanes))
        rigs.append(Rig(dut, f"batch {number}, stalls: {stalls.value}", batch, stalls))
    await rigs[0].load()
    for number, rig in enumerate(rigs):
        following = rigs[number + 1] if number + 1 < len(rigs) else None
        await rig.wait_loaded()
        phases: list[Callable[[], Awaitable[object]]] = [
            rig.distance,
            rig.read_matrix,
            rig.scan,
            partial(rig.search, draw_trials(config, rig.count, 4)),
            partial(rig.weights, rig.queries()),
            rig.leave,
        ]
        for turn, phase in enumerate(phases):
            if following is not None and turn == number % len(phases):
                await following.begin_load()
            await phase()


@cocotb.test(skip=read_config().side > 0)
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
async def leaving(dut: Any, stalls: Stalls) -> None:
    """The images of a batch are fetched while the next one is computed; the one after that waits for them."""
    await start(dut)
    config = read_config()
    rigs = [
        Rig(dut, f"leaving {n}, stalls: {stalls.value}", batch, stalls)
        for n in range(min(3, config.images - 4))
        for batch in [make_images(config, "random", 5 + n, 1 + 9 * n)]
    ]
    await rigs[0].load()
    for number, rig in enumerate(rigs):
        following = rigs[number + 1] if number + 1 < len(rigs) else None
        await rig.distance()
        await rig.free(held=True)
        assert dut.load_ready.value, "the other half is empty and must be free"
        if following is None:
            await rig.fetch_images()
            break
        await following.load()
        assert not dut.load_ready.value, "a batch may be loaded over images that are still to be fetched"
        fetching = cocotb.start_soon(rig.fetch_images())
        await following.distance()
        await fetching
        await following.read_matrix()
        await rig.release()
        assert dut.load_ready.value
    await rigs[-1].release()


@cocotb.test()
async def halves(dut: Any) -> None:
    """Two batches fit, a third load is ignored; halves are given back in the order of loading."""
    await start(dut)
    config = read_config()
    rigs = [Rig(dut, f"half {n}", make_images(config, "random", 4 + n, 1 + n)) for n in range(3)]
    assert not dut.loaded.value
    await rigs[0].load()
    await rigs[1].begin_load()
    await cycles(dut, 1)
    assert not dut.load_ready.value, "a load goes on"
    await cycles(dut, 1 + rigs[1].count * rigs[1].words)
    assert not dut.load_ready.value, "both halves are full"
    dut.load_count.value, dut.load_words.value = rigs[2].count, rigs[2].words
    await pulse(dut, "load")
    await cycles(dut, 1)
    assert not dut.i_pixels__ready.value
    for rig, following in pairwise([*rigs, rigs[0]]):
        await rig.wait_loaded()
        await rig.compute(2)
        if following is rigs[1]:
            await rigs[2].begin_load()
    assert not dut.loaded.value


@cocotb.test()
async def blocked(dut: Any) -> None:
    """Nobody takes sums or weights for very long: all inputs fill up, nothing is lost."""
    await start(dut)
    config = read_config()
    rig = Rig(dut, "blocked", make_images(config, "random", config.images, min(config.pixels, 9)))
    await rig.load()
    await rig.distance()
    await rig.scan()
    trials = draw_trials(config, rig.count, 12)
    board = Scoreboard("blocked, sums", minimum=len(trials))
    board.expect(rig.sums(trials))
    rig.source("i_trials").start(rig.pack_trials(trials))
    await cycles(dut, 3000)
    await rig.sink("o_sums").take(
        len(trials), timeout=20000, into=lambda value: board.got(rig.sum.unpack(value))
    )
    board.finish()
    queries = rig.queries()
    rig.source("i_queries").start(rig.pack_queries(queries))
    await cycles(dut, 3000)
    board = Scoreboard("blocked, weights", minimum=100)
    board.expect(rig.expected_weights(queries))
    await rig.sink("o_weights").take(len(queries) * (rig.count - 1), timeout=20000, into=board.got)
    board.finish()


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
async def overlapped(dut: Any, stalls: Stalls) -> None:
    """Rows are searched, two in turn, as soon as they are known, while the scan goes on or waits."""
    await start(dut)
    config = read_config()
    count = config.images - 1
    batch = make_images(config, "random", count, min(config.pixels, 5))
    rig = Rig(dut, f"overlapped, stalls: {stalls.value}", batch, stalls)
    await rig.load()
    await rig.distance()
    minimum, scale, ties = pea.summarise_rows(config, rig.matrix)
    known = Scoreboard(f"{rig.name}, rows", minimum=count)
    board = Scoreboard(f"{rig.name}, sums", minimum=2 * count * POPULATION)
    await pulse(dut, "scan")
    rows, sums, trials = rig.sink("o_rows"), rig.sink("o_sums"), rig.source("i_trials")
    runs = 2 * count
    taking = sums.start(runs * POPULATION, lambda value: board.got(rig.sum.unpack(value)))
    for i in range(count):
        known.expect([(i, int(minimum[i]), int(scale[i]), int(ties[i]))])
        for value in await rows.take(1, timeout=rig.patience(count)):
            known.got(tuple(rig.row.unpack(value).values()))
        for row in (i, i - i % 2):
            run = [(row, mantissa, q) for _, mantissa, q in draw_trials(config, count, 1)]
            board.expect(rig.sums(run))
            await trials.send(rig.pack_trials(run))
    await with_timeout(taking, rig.patience(runs * POPULATION) * PERIOD, "ns")
    known.finish()
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """Distances, passes and weights follow each other as fast as the docstring says."""
    await start(dut)
    config = read_config()
    pixels = min(config.pixels, parameters().get("timed_pixels", 64))
    rig = Rig(dut, "timing", make_images(config, "random", config.images, pixels))
    await rig.load()
    taken = await rig.distance()
    tiles = -(-rig.count // (2 * config.pes))
    bound = rig.count * tiles * max(rig.words, rig.block.interval)
    dut._log.info("distances: %d cycles for %d pixels, %d passes back to back", taken, pixels, bound)
    assert bound <= taken <= bound + config.pes + 20
    await rig.scan()
    times = await rig.search(draw_trials(config, rig.count, 8))
    interval = max(rig.count - 1, config.pes + 7)
    starts = times[:: config.pes]
    gaps = {round(b - a) for a, b in pairwise(starts[2:])}
    dut._log.info("passes: every %s cycles", sorted(gaps))
    assert gaps == {interval}
    times = await rig.weights(rig.queries())
    taken = round(times[-1] - times[0]) + 1
    dut._log.info("weights: %d in %d cycles", len(times), taken)
    assert taken <= len(times) + 8 * rig.count
    following = Rig(dut, "loaded meanwhile", make_images(config, "twins", config.images, pixels))
    await following.begin_load()
    again = await rig.distance()
    assert bound <= again <= bound + config.pes + 20
    await rig.free(held=True)
    assert dut.loaded.value, "a batch of as many cycles was not loaded meanwhile"
    if rig.fetches:
        times = await rig.fetch_images()
        taken = round(times[-1] - times[0]) + 1
        dut._log.info("images: %d words in %d cycles", len(times), taken)
        assert taken <= len(times) + rig.count
        await rig.release()
    await following.compute(1)


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in the middle of each phase, and a clean run after each."""
    await start(dut)
    config = read_config()
    count = min(9, config.images)
    batch = make_images(config, "random", count, min(config.pixels, 12))
    rig = Rig(dut, "reset", batch)
    trials = draw_trials(config, count, 4)
    fetching = ["fetch"] if rig.fetches else []
    for phase in ["load", "second load", "distance", "scan", "search", "weights", *fetching]:
        rig = Rig(dut, f"after a reset in {phase}", batch)
        if phase == "load":
            await rig.begin_load()
        else:
            await rig.load()
            await Rig(dut, "lost", 255 - batch).begin_load()
            if phase == "distance":
                dut.count.value, dut.words.value = rig.count, rig.words
                await pulse(dut, "distance")
            elif phase != "second load":
                await rig.distance()
                if phase == "scan":
                    await pulse(dut, "scan")
                    await rig.sink("o_rows").take(2, timeout=1000)
                else:
                    await rig.scan()
        if phase == "search":
            rig.source("i_trials").start(rig.pack_trials(trials))
            await rig.sink("o_sums").take(config.pes + 1, timeout=2000)
        if phase == "weights":
            rig.source("i_queries").start(rig.pack_queries(rig.queries()))
            await rig.sink("o_weights").take(5, timeout=2000)
        if phase == "fetch":
            await rig.free(held=True)
            rig.source("i_fetch").start(range(count))
            await rig.sink("o_pixels").take(3, timeout=100)
        await cycles(dut, 7)
        if rig.fetches:
            dut.held.value = 0
        await reset_mid(dut)
        await rig.run_all(runs=2)
