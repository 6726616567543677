# SPDX-License-Identifier: Apache-2.0
"""Tests of the whole sampler: every table of a run equals the golden model's, whatever came before it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from nms.contract.readout import Phase
from nms.golden import sampler as golden
from nms.sim.models.device import Device, limit_cycles
from nms.sim.models.images import pack_images
from nms.sim.models.streams import PERIOD, Sink, Source, Stalls, abort_mid, cycles, reset_mid, start, until
from nms.sim.testbenches.sampler.environment import (
    CONFIG,
    COUNT,
    WORKING,
    check_run,
    check_stop,
    compare_pixels,
    compare_tables,
    make_hard_images,
    noise,
    reach,
    settings,
)
from nms.sim.verilator.context import count as tally
from nms.sim.verilator.context import sweep


@cocotb.test()
@cocotb.parametrize(stalls=sweep(Stalls, [Stalls.NONE, Stalls.RANDOM]))
async def streams(dut: Any, stalls: Stalls) -> None:
    """A run under every pattern of stalls."""
    await start(dut)
    await check_run(Device(dut, CONFIG, stalls), settings(), noise("streams"))


PICKS: list[dict[str, Any]] = [
    {"pick": "hub", "ratio": 0.5},
    {"pick": "centre", "ratio": 0.5},
    {"pick": "neighbour", "ratio": 0.5},
    {"pick": "neighbour", "count": 5, "perplexity": 2.0},
    {"pick": "hub", "iterations": 0, "ratio": 0.5},
    {"pick": "medoid", "iterations": 40, "ratio": 0.2},
] * CONFIG.picks
"""Changes of settings that only a configuration with picks takes."""


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Runs with other settings, largest and smallest batch, no iterations, no reset in between."""
    await start(dut)
    device = Device(dut, CONFIG)
    runs: list[dict[str, Any]] = [
        {},
        {"count": 4, "perplexity": 2.0, "ratio": 1.0},
        {"count": min(CONFIG.images, 16), "perplexity": 5.0, "ratio": 0.05, "seed": 0},
        {"pixels": 1, "iterations": 0},
        {"count": 5, "pixels": min(CONFIG.pixels, 64), "iterations": 3, "seed": (1 << 32) - 1},
        *PICKS,
    ]
    for changes in runs:
        given = settings(**changes)
        await check_run(device, given, noise(f"run {changes}", given.count, given.pixels))


@cocotb.test()
async def reading_across_start(dut: Any) -> None:
    """A value asked for just before a start is still offered, and disturbs nothing."""
    await start(dut)
    device, images = Device(dut, CONFIG), noise("reading")
    await check_run(device, settings(), images)
    for table in (0, 4, 9, 10, 11):
        dut.i_read__payload.value = device.request.pack(table=table, row=1, column=0)
        dut.i_read__valid.value = 1
        await cycles(dut, 1)
        dut.i_read__valid.value = 0
        kept = await device.run(settings(), images)
        await Sink(dut, "o_read").take(1, timeout=10)
        await compare_tables(device, settings(), images, kept)


@cocotb.test(skip=CONFIG.side > 0)
@cocotb.parametrize(stalls=sweep(Stalls, [Stalls.RANDOM]))
async def kept_images(dut: Any, stalls: Stalls) -> None:
    """Taken beside the indices or after all of them; and not at all without ``send_images``."""
    await start(dut)
    device = Device(dut, CONFIG, stalls)
    for order, ratio in (("beside", 0.3), ("beside", 1.0), ("after", 0.5), ("none", 0.3)):
        given, images = settings(ratio=ratio, iterations=3), noise(f"kept {order}")
        await device.begin(given, send_images=order != "none")
        Source(dut, "i_images", stalls).start(pack_images(images, CONFIG.lanes))
        beside = cocotb.start_soon(compare_pixels(device, given, images)) if order == "beside" else None
        kept = await device.kept(given)
        if order == "after":
            await cycles(dut, 50)
            assert dut.sending.value, "the images were not sent yet"
            assert device.phase == Phase.IDLE, "EMIT waited for the images"
            await compare_pixels(device, given, images)
        if beside is not None:
            await beside
        await until(dut, "done", 10)
        await cycles(dut, 2)
        assert not dut.o_pixels__valid.value
        assert not dut.sending.value
        await compare_tables(device, given, images, kept)


@cocotb.test(skip=CONFIG.side > 0)
@cocotb.parametrize(stalls=sweep([Stalls.NONE, Stalls.RANDOM], [Stalls.RANDOM]))
async def images_leave_beside(dut: Any, stalls: Stalls) -> None:
    """Kept images are sent while the next batch is computed, or only when that one is about to emit."""
    await start(dut)
    device = Device(dut, CONFIG, stalls)
    runs = [
        (settings(ratio=0.5, iterations=3), noise("leaving")),
        (settings(ratio=0.7, iterations=3, seed=2, pixels=9), noise("leaving beside", pixels=9)),
        (settings(ratio=0.3, iterations=3, seed=3), noise("leaving last")),
    ]
    leaving = []
    for number, (given, images) in enumerate(runs):
        await (await device.load(images))
        await device.begin(given, load=False, send_images=True)
        if number == 1:  # the images of the batch before are left where they are
            await reach(device, Phase.EMIT)
            await cycles(dut, 100)
            assert device.phase == Phase.EMIT, "EMIT did not wait for the images of the batch before"
            assert not dut.o_kept__valid.value
            assert not dut.load_ready.value, "the half of images that are to be sent was free"
            await compare_pixels(device, *runs[0])
        kept = await device.kept(given)
        await until(dut, "done", 10)
        assert dut.sending.value
        await compare_tables(device, given, images, kept)
        if number:
            leaving.append(cocotb.start_soon(compare_pixels(device, given, images)))
    for images_left in leaving:
        await images_left
    await cycles(dut, 2)
    assert not dut.o_pixels__valid.value
    assert not dut.sending.value


@cocotb.test()
@cocotb.parametrize(stalls=sweep([Stalls.NONE, Stalls.RANDOM], [Stalls.RANDOM]))
async def double_buffered(dut: Any, stalls: Stalls) -> None:
    """While a batch is computed, the next one is loaded: begun in another phase each time."""
    await start(dut)
    device = Device(dut, CONFIG, stalls)
    begins = WORKING[1:]
    batches = [noise(f"batch {number} {stalls.value}") for number in range(len(begins) + 1)]
    loading = await device.load(batches[0])
    for number, phase in enumerate(begins):
        given = settings(seed=number)
        there = loading.done()
        await device.begin(given, load=False)
        await reach(device, phase)
        loading = await device.load(batches[number + 1])
        kept = await device.kept(given)
        await until(dut, "done", 10)
        assert device.cycles()["load"] == 1 or not there, "waited for a batch that was there"
        await compare_tables(device, given, batches[number], kept)
    await loading


@cocotb.test()
async def start_before_load(dut: Any) -> None:
    """A start waits in LOAD for its batch, and counts the cycles."""
    await start(dut)
    device, images = Device(dut, CONFIG), noise("late")
    await device.begin(settings(), load=False)
    await cycles(dut, 100)
    assert device.phase == Phase.LOAD
    await device.load(images)
    kept = await device.kept(settings())
    await compare_tables(device, settings(), images, kept)
    assert 100 <= device.cycles()["load"] - len(pack_images(images, CONFIG.lanes)) <= 110


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.PRODUCER])
async def pace(dut: Any, stalls: Stalls) -> None:
    """Batch after batch, in the time of loading one or of computing one, whichever is longer."""
    await start(dut)
    device = Device(dut, CONFIG, stalls)
    rounds, count = 6, min(CONFIG.images, 8)
    given = settings(count=count, pixels=CONFIG.pixels, iterations=0)
    image = noise("pace", 1, CONFIG.pixels)
    batches = [np.repeat(image, count, axis=0) for _ in range(rounds)]  # identical: hardly any search
    loads: list[float] = []
    ends: list[float] = []

    async def feed() -> None:
        for batch in batches:
            sending = await device.load(batch, patience=limit_cycles(CONFIG, given))
            began = get_sim_time("ns")
            await sending
            loads.append((get_sim_time("ns") - began) / PERIOD)

    feeding = cocotb.start_soon(feed())
    for batch in batches:
        await device.begin(given, load=False)
        kept = await Sink(dut, "o_kept").take(given.keep, timeout=limit_cycles(CONFIG, given))
        await until(dut, "done", 10)
        ends.append(get_sim_time("ns") / PERIOD)
        expected = golden.run(CONFIG, given, batch).kept
        assert [device.kept_item.unpack(item)["index"] for item in kept] == list(expected)
        tally("pace", len(kept))
    await feeding
    taken = [b - a for a, b in pairwise(ends)]
    compute = sum(cycles for phase, cycles in device.cycles().items() if phase != "load")
    load = sum(loads[1:]) / (rounds - 1)
    each = sum(taken) / (rounds - 1)
    dut._log.info("pace: %.0f cycles a batch; loading one: %.0f, computing one: %d", each, load, compute)
    assert CONFIG.picks or stalls is Stalls.NONE or load > compute, "computing is longer than loading"
    assert each <= max(load, compute) + 20


@cocotb.test()
@cocotb.parametrize(phase=WORKING)
async def abort(dut: Any, phase: Phase) -> None:
    """An abort in any phase leaves the sampler idle; the next run is right."""
    await check_stop(dut, phase, abort_mid)


@cocotb.test()
@cocotb.parametrize(phase=sweep(WORKING, [Phase.LOAD, Phase.SEARCH, Phase.EMIT]))
async def reset(dut: Any, phase: Phase) -> None:
    """A reset in any phase leaves the sampler idle; the next run is right."""
    await check_stop(dut, phase, reset_mid)


@cocotb.test()
@cocotb.parametrize(stop=[abort_mid, reset_mid])
async def halves_are_emptied(dut: Any, stop: Callable[[Any], Awaitable[None]]) -> None:
    """A stop while one half is full and the other half full of another batch, none or some of both."""
    await start(dut)
    device, images = Device(dut, CONFIG), noise("halves")
    whole = len(pack_images(images, CONFIG.lanes))
    for loads, wait in ((1, 3), (1, whole - 1), (2, 0), (2, whole // 2), (2, whole + 5)):
        for number in range(loads):
            await device.load(images + np.uint8(1 + number))
        await cycles(dut, wait)
        await stop(dut)
        assert dut.load_ready.value
        await check_run(device, settings(), images)


@cocotb.test()
async def illegal(dut: Any) -> None:
    """Every illegal setting is refused, nothing starts, and a legal start clears the error."""
    await start(dut)
    device = Device(dut, CONFIG)
    legal = device.values(settings())
    one = 1 << CONFIG.profile.perplexity.fraction
    for changes in (
        {"count": 0},
        {"count": 3},
        {"count": CONFIG.images + 1, "keep": 1},
        {"pixels": 0, "words": 0},
        {"pixels": 0},
        {"pixels": CONFIG.pixels + 1, "words": -(-(CONFIG.pixels + 1) // CONFIG.lanes)},
        {"words": legal["words"] + 1},
        {"words": legal["words"] - 1},
        {"keep": 0},
        {"keep": COUNT + 1},
        {"target": 0},
        {"target": one},
        {"target": (COUNT - 1) * one},
        {"target": COUNT * one},
        *[{"pick": 4}, {"pick": 7}] * CONFIG.picks,
    ):
        await device.pulse("load", "start", **(legal | changes))
        await cycles(dut, 3)
        assert device.error, f"{changes} was accepted"
        assert device.phase == Phase.IDLE
        assert not dut.busy.value
        assert dut.load_ready.value
        tally("illegal", 1)
    edges: list[dict[str, Any]] = [
        {"target": one + 1}, {"target": (COUNT - 1) * one - 1}, {"keep": COUNT}, {"keep": 1},
    ]  # fmt: skip
    for edge in edges:
        given = replace(settings(), **edge)
        await check_run(device, given, noise(f"edge {edge}"))
        assert not device.error


@cocotb.test()
@cocotb.parametrize(name=list(make_hard_images()))
async def hard(dut: Any, name: str) -> None:
    """Batches on which rows have no solution, no scale or no contrast."""
    await start(dut)
    device, images = Device(dut, CONFIG), make_hard_images()[name]
    await check_run(device, settings(), images)
    await check_run(device, settings(perplexity=2.0, ratio=1.0), images)
    await check_run(device, settings(perplexity=COUNT - 1.25, pixels=1), images[:, :1])
