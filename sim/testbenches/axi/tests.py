# SPDX-License-Identifier: Apache-2.0
"""Tests of the AXI system: whole jobs through its buses, every byte of memory compared."""

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp

from nms.contract.config import Config, HerdingConfig
from nms.contract.registers import BY_NAME, REGISTERS, Access, Error, Event
from nms.contract.tables import KINDS
from nms.golden import sampler as golden
from nms.sim.models.driver import PAGE, JobError, round_up
from nms.sim.models.seeds import generator
from nms.sim.testbenches.axi.environment import (
    BASE,
    BEAT,
    CONFIG,
    COUNT,
    HELD,
    MEMORY,
    PICKS,
    POOL,
    PUBLISHED,
    STAGES,
    check_error,
    check_job,
    check_listed,
    check_memory,
    check_quiet,
    draw_images,
    drop_images,
    list_images,
    make_job,
    make_short_job,
    place_listed,
    reach,
    result_size,
    start_system,
)
from nms.sim.verilator.context import count as tally
from nms.sim.verilator.context import parameters, sweep


@cocotb.test()
async def identity(dut: Any) -> None:
    """The device tells what it was made from; unknown registers and read-only ones are refused."""
    system = await start_system(dut)
    await system.driver.identify(CONFIG)
    tally("identity", 1)


def vary_reduction() -> list[dict[str, Any]]:
    """Changes of settings that only samplers have that look at reduced images, or have several picks."""
    shapes: list[dict[str, Any]] = [
        {"shape": (3, 9, 12), "planes": True, "side": 4, "ratio": 0.7},
        {"shape": (20, 3, 3), "grey": True},
        {"shape": (2, 2)},
    ]
    mapped: list[dict[str, Any]] = [
        {"pick": "centre"}, {"pick": "hub"}, {"pick": "neighbour"}, {"pick": "hub", "iterations": 0},
    ]  # fmt: skip
    return [
        *(shapes if CONFIG.side else []),
        *([] if PUBLISHED else [{"pick": "herding"}]),
        *(mapped if PICKS else []),
    ]


@cocotb.test()
@cocotb.parametrize(paused=sweep([False, True], [True]))
async def jobs(dut: Any, paused: bool) -> None:
    """Jobs with changing settings, back to back."""
    system = await start_system(dut, paused)
    every: list[dict[str, Any]] = [
        {},
        {"count": 4, "perplexity": 2.0, "ratio": 1.0, "pixels": 1},
        {"count": 5, "pixels": min(CONFIG.pixels, 64), "ratio": 0.2, "seed": 3},
        {"send_images": False},
        {"write_results": False},
        *vary_reduction(),
    ]
    for changes in every:
        await check_job(system, make_job(**changes), f"jobs {changes}")


@cocotb.test()
@cocotb.parametrize(paused=sweep([False, True], [False]))
async def batches(dut: Any, paused: bool) -> None:
    """A job of several batches."""
    system = await start_system(dut, paused)
    await check_job(system, make_job(batches=3), "batches")
    await check_job(system, replace(make_job(batches=2), result_base=BASE + 8 * PAGE), "more batches")


TOP = (1 << CONFIG.address_bits) - MEMORY
"""The highest place of the memory."""

CROSSINGS = [(1 << bit) - MEMORY // 2 for bit in (24, 31, 32, 63) if bit < CONFIG.address_bits]
"""Places of the memory with a carry into higher bits of addresses in its middle."""


@cocotb.test()
@cocotb.parametrize(base=sweep([*CROSSINGS, TOP], [CROSSINGS[-1], TOP]))
async def places(dut: Any, base: int) -> None:
    """Jobs wherever the memory lies: images and results across its middle, results up to its end.

    The address of an error has all its bits.
    """
    system = await start_system(dut, base=base)
    given = make_short_job(batches=2)
    middle, end = base + MEMORY // 2, base + MEMORY
    moved = replace(given, image_base=middle - 6 * given.image_stride - BEAT, result_base=base + PAGE)
    await check_job(system, moved, "images in the middle")
    await check_listed(system, moved, "lists")
    for result_base in (middle - BEAT, end - 2 * given.result_stride + BEAT):
        moved = replace(given, image_base=base + PAGE, result_base=result_base)
        await check_job(system, moved, f"results at {result_base:#x}")
        last = moved.image_base + moved.batch_stride + (COUNT - 1) * moved.image_stride
        for fails, code in ((last, Error.READ_SLVERR), (result_base, Error.WRITE_SLVERR)):
            system.memory.fails = {fails: AxiResp.SLVERR}
            await check_error(system, moved, code, fails)
        system.memory.fails = {}


@cocotb.test(skip=CONFIG.address_bits == 64)
async def beyond(dut: Any) -> None:
    """A job that ends beyond the bus's addresses is refused by the driver, before anything is written."""
    system = await start_system(dut)
    given = make_short_job(batches=2)
    for wrong in (3 << 31, (1 << 32) - given.result_stride):
        for name, job in (
            ("image_base", replace(given, image_base=wrong)),
            ("result_base", replace(given, result_base=wrong)),
            ("list_base", replace(given, list_base=wrong, list_stride=given.result_stride)),
        ):
            with pytest.raises(ValueError, match=f"{name}={wrong:#x}: ends at .*; must end at 2"):
                await system.driver.start(job)
            assert await system.driver.read("count") == 0
            tally("beyond", 1)


@cocotb.test()
@cocotb.parametrize(paused=sweep([False, True], [True]))
async def lists(dut: Any, paused: bool) -> None:
    """Batches by lists: permuted, repeated, of large numbers, with addresses that wrap, across pages."""
    system = await start_system(dut, paused)
    await check_listed(system, make_short_job(batches=3), "lists")
    given = make_short_job(count=min(CONFIG.images, 13), pixels=min(CONFIG.pixels, 3 * BEAT))
    await check_listed(system, given, "large numbers", first=70_001)
    await check_listed(system, make_short_job(batches=2), "wrapped", first=(1 << 32) - POOL)
    await check_job(system, make_short_job(), "in order again")
    await check_listed(system, make_short_job(batches=2), "lists again")


@cocotb.test()
async def list_errors(dut: Any) -> None:
    """An error response to a list, or an abort while it is read, ends the job; the next job is right."""
    system = await start_system(dut)
    given = list_images(make_short_job(batches=2))
    assert given.list_base is not None
    last = given.list_base + given.list_stride + 4 * (COUNT - 1)
    place_listed(system, given, "errors in lists")
    for fails, response, code in (
        (given.list_base, AxiResp.SLVERR, Error.READ_SLVERR),
        (last, AxiResp.DECERR, Error.READ_DECERR),
    ):
        system.memory.fails = {fails: response}
        await check_error(system, given, code, fails // BEAT * BEAT)
    system.memory.fails = {}
    system.memory.latency = (300, 300)
    before = bytes(system.memory.data)
    await system.driver.start(given)
    while not system.memory.reading:
        await ClockCycles(dut.aclk, 1)
    await system.driver.command("abort")
    with pytest.raises(JobError) as error:
        await system.driver.wait()
    assert error.value.code == Error.ABORTED
    await check_quiet(system, given, before)
    system.memory.latency = (0, 0)
    await check_listed(system, make_short_job(), "list after an abort")


@cocotb.test()
async def registers(dut: Any) -> None:
    """Settings hold all their bits and honour strobes; what is no register or read-only is refused.

    Settings of other methods read as 0.
    """
    system = await start_system(dut)
    bus, rng = system.lite, generator("registers")
    written = {r: int(rng.integers(0, 1 << 32)) for r in REGISTERS if r.access in (Access.RW, Access.FREE)}
    for register, value in written.items():
        await bus.write(register.offset, value)
    for register, value in written.items():
        held = value & register.mask if register.exists(CONFIG) else 0
        assert await bus.read(register.offset) == held, register.name
    await bus.write(BY_NAME["count"].offset + 1, 0x5AA5, length=2)
    count = written[BY_NAME["count"]]
    assert await bus.read(BY_NAME["count"].offset) == count & 0xFF0000FF | 0x5AA500
    known = {register.offset for register in REGISTERS}
    for offset in range(0, 1 << 10, 4):
        if offset not in known:
            with pytest.raises(OSError, match="SLVERR"):
                await bus.read(offset)
        if offset not in known or any(r.offset == offset and r.access is Access.RO for r in REGISTERS):
            with pytest.raises(OSError, match="SLVERR"):
                await bus.write(offset, 0)
    assert await system.driver.read("control") == 0
    assert not await system.driver.field("status", "busy")
    tally("registers", len(written))


def list_illegal() -> list[tuple[str, int]]:
    """Illegal values of registers that not every method has, or has with other ranges."""
    found = [("pixels", 0), *(list_illegal_images() if CONFIG.side else [("pixels", CONFIG.pixels + 1)])]
    if BY_NAME["pick"].exists(CONFIG):
        found += [("pick", 5), ("pick", 255), *([("pick", 4)] if PUBLISHED else [])]
    if isinstance(CONFIG, HerdingConfig):
        return [*found, ("pick", 0)]
    found += [("iterations", 1 << 16), ("exaggerated", 1 << 16)]
    if isinstance(CONFIG, Config):
        one = 1 << CONFIG.profile.perplexity.fraction
        found += [("target", one), ("target", (COUNT - 1) * one), ("target_hi", 1 << 31), ("search", 4)]
        return [*found, *([] if CONFIG.side else [("pixels", 1 << 20 | 8)])]
    found += [("target", 0), ("target", (COUNT - 1).bit_length() << 8), ("target_hi", 1)]
    return [*found, ("evaluations", 0), ("evaluations", 16)]


def list_illegal_images() -> list[tuple[str, int]]:
    """Illegal values of the registers of an image that is reduced."""
    low = {field.name: field.low for field in BY_NAME["reduction"].fields}
    channels, planes, grey = (1 << low[name] for name in ("channels", "planes", "grey"))
    right = 4 + 3 * channels
    beyond = [("reduction", right - 4 + 2 * CONFIG.side)] if CONFIG.side < 32 else []
    return [
        ("pixels", 104), ("pixels", 1 << 26 | 105),
        ("shape", 0 | 7 << 16), ("shape", 4097 | 7 << 16), ("shape", 5), ("shape", 5 | 4097 << 16),
        *(("reduction", right - 4 + side) for side in (1, 5, 63)), ("reduction", right - 3 * channels),
        ("reduction", right - channels), ("reduction", right + planes + grey),
        ("reduction", right - 2 * channels + grey), *beyond,
    ]  # fmt: skip


@cocotb.test()
async def illegal(dut: Any) -> None:
    """Every illegal setting is refused by its register's offset, nothing moves, and the next job is right."""
    system = await start_system(dut)
    legal = make_job()
    for name, value in (
        ("count", 3), ("count", CONFIG.images + 1), ("count", 1 << 16 | 8),
        ("keep", 0), ("keep", COUNT + 1), ("keep", 1 << 20 | 1),
        ("batches", 0), ("batches", 1 << 16),
        ("image_base_lo", 1), ("image_stride", BEAT // 2), ("batch_stride", BEAT + 1),
        ("result_base_lo", BEAT // 2), ("result_stride", BEAT // 2),
        ("list_base_lo", BEAT // 2), ("list_stride", BEAT // 2),
        *list_illegal(),
    ):  # fmt: skip
        given, driver = legal, system.driver
        await driver.start(replace(given, batches=0))  # all settings, and a refusal
        with pytest.raises(JobError, match="SETTING"):
            await driver.wait()
        await driver.command("clear")
        assert not await driver.field("status", "error")
        await driver.write("batches", 1)
        await driver.write(name, value)
        await driver.command("start")
        with pytest.raises(JobError) as refused:
            await driver.wait()
        expected = BY_NAME["target_lo" if name.startswith("target") else name].offset
        assert (refused.value.code, refused.value.address) == (Error.SETTING, expected), (name, value)
        assert await driver.field("status", "error")
        tally("illegal", 1)
    assert system.memory.reads == system.memory.writes == 0
    await check_job(system, legal, "illegal")


@cocotb.test()
@cocotb.parametrize(paused=sweep([False, True], [False]))
async def errors(dut: Any, paused: bool) -> None:
    """An error response anywhere ends the job with its code and address; the next job is right."""
    system = await start_system(dut, paused)
    given = make_short_job(batches=2)
    image = round_up(given.settings.pixels, BEAT)
    first, last = given.image_base, given.image_base + given.batch_stride + (COUNT - 1) * given.image_stride
    page, end = round_up(given.result_base, PAGE), given.result_base + result_size(given.settings)
    second = min(page + BEAT, (end - 1) // BEAT * BEAT)
    reads, writes = (Error.READ_SLVERR, Error.READ_DECERR), (Error.WRITE_SLVERR, Error.WRITE_DECERR)
    for codes, fails, named in (
        (reads, first, first),
        (reads, first + given.image_stride + image - BEAT, first + given.image_stride + image - BEAT),
        (reads, last + image - BEAT, last + image - BEAT),
        (writes, given.result_base, given.result_base),
        (writes, second, page if second >= page else given.result_base),  # within the second burst, if any
        (writes, given.result_base + given.result_stride, given.result_base + given.result_stride),
    ):
        for response, code in zip((AxiResp.SLVERR, AxiResp.DECERR), codes, strict=True):
            system.memory.fails = {fails: response}
            await check_error(system, given, code, named)
    system.memory.fails = {}
    outside = replace(given, image_base=BASE - 16 * BEAT)
    await check_error(system, outside, Error.READ_DECERR, outside.image_base)
    await check_job(system, given, "errors")


@cocotb.test(skip=not CONFIG.side)
async def fetch_errors(dut: Any) -> None:
    """An error response to a kept image that is read again ends the job; the next job is right."""
    system = await start_system(dut)
    given = make_short_job()
    for response, code in ((AxiResp.SLVERR, Error.READ_SLVERR), (AxiResp.DECERR, Error.READ_DECERR)):
        images = draw_images("fetch errors", given)
        system.place(given, images)
        before = bytes(system.memory.data)
        await system.driver.start(given)
        while await system.driver.field("status", "phase") != CONFIG.phases[-2]:
            pass
        kept = golden.run(CONFIG, given.settings, images[0]).kept
        at = given.image_base + int(kept[1]) * given.image_stride
        system.memory.fails = {at: response}
        with pytest.raises(JobError) as error:
            await system.driver.wait()
        assert (error.value.code, error.value.address) == (code, at)
        await check_quiet(system, given, before)
        system.memory.fails = {}
        tally("fetch errors", 1)
    await check_job(system, given, "after fetch errors")


@cocotb.test()
@cocotb.parametrize(stage=STAGES, paused=sweep([False, True], [True]))
async def abort(dut: Any, stage: str, paused: bool) -> None:
    """An abort in any stage ends cleanly; the next job is right."""
    system = await start_system(dut, paused)
    given = make_short_job(batches=2)
    before = await reach(system, given, stage)
    await system.driver.command("abort")
    await ClockCycles(dut.aclk, 20)
    if stage in HELD:
        system.hold(HELD[stage], closed=False)
    with pytest.raises(JobError) as error:
        await system.driver.wait()
    assert error.value.code == Error.ABORTED
    await check_quiet(system, given, before)
    await check_job(system, make_short_job() if paused else make_job(), f"abort {stage}")


@cocotb.test()
@cocotb.parametrize(stage=STAGES, paused=sweep([False, True], [False]))
async def reset(dut: Any, stage: str, paused: bool) -> None:
    """As :func:`abort`, by a reset of the whole system."""
    system = await start_system(dut, paused)
    given = make_short_job(batches=2)
    before = await reach(system, given, stage)
    if stage in HELD:
        system.hold(HELD[stage], closed=False)
    await system.reset()
    assert await system.driver.read("status") == 0
    assert await system.driver.read("count") == 0
    drop_images(system)
    check_memory(system, given, before)
    await check_job(system, make_short_job() if paused else make_job(), f"reset {stage}")


@cocotb.test()
@cocotb.parametrize(cycles=sweep([40, 100], [100]))
async def latency(dut: Any, cycles: int) -> None:
    """Reads of a slow memory overlap: images come at 90 % of what the bus gives or the sampler takes."""
    system = await start_system(dut)
    memory = system.memory
    memory.latency = (cycles, cycles)
    memory.outstanding = parameters().get("outstanding", memory.outstanding)
    count = min(CONFIG.images, 16)
    size: dict[str, Any] = {"pixels": min(CONFIG.pixels, 2048)}
    if CONFIG.side:
        size = {"shape": (32, 32, 3)}
    if CONFIG.side and PUBLISHED:  # rows of boxes of half a word or more, so that a word takes a cycle
        size = {"shape": (16, 64, 3), "side": 4}
    given = make_job(count=count, iterations=0, ratio=0.5, **size)
    await check_job(system, given, "latency")
    took = await system.driver.read("cycles_load")
    wanted = given.settings
    least = -(-wanted.pixels // BEAT)
    if isinstance(CONFIG, Config):
        least = max(least, -(-wanted.reduced // CONFIG.lanes))
    if CONFIG.side:
        least = max(least, wanted.reduced)  # a byte a cycle
    least *= count
    dut._log.warning(
        "latency %d: at most %d reads at once, %d cycles to load, least %d",
        cycles, memory.most_reading, took, least,
    )  # fmt: skip
    assert took - cycles - 20 <= least / 0.9, f"{took} cycles, of which {least} are beats"
    assert memory.most_reading > 1, "one read after the other"
    tally("latency", 2)


@cocotb.test()
async def locked(dut: Any) -> None:
    """While a job runs its settings cannot be changed and no table be read; a second start is ignored."""
    system = await start_system(dut)
    given = make_job()
    await reach(system, given, "DISTANCE")
    with pytest.raises(OSError, match="SLVERR"):
        await system.driver.write("count", 5)
    with pytest.raises(OSError, match="SLVERR"):
        await system.driver.read("data_lo")
    await system.driver.command("start")
    await system.driver.command("clear")
    await system.driver.wait()
    assert await system.driver.read("batches_done") == 1
    tally("locked", 1)


@cocotb.test()
async def interrupts(dut: Any) -> None:
    """irq follows enabled events alone, until each is cleared."""
    system = await start_system(dut)
    driver, given = system.driver, replace(make_job(), batches=0)
    await driver.start(given)
    await driver.bus.interrupt()
    await driver.write("irq_enable", 1 << Event.DONE)
    await ClockCycles(dut.aclk, 4)
    assert not dut.irq.value
    await driver.write("irq_status", 1 << Event.DONE)
    assert await driver.read("irq_status") == 1 << Event.ERROR
    await driver.write("irq_enable", 1 << Event.ERROR)
    await ClockCycles(dut.aclk, 4)
    assert dut.irq.value
    await driver.write("irq_status", 1 << Event.ERROR)
    await ClockCycles(dut.aclk, 4)
    assert not dut.irq.value
    tally("interrupts", 1)


@cocotb.test()
async def counters(dut: Any) -> None:
    """Bytes on each bus are those of the job; the job's cycles contain those of its phases."""
    system = await start_system(dut)
    given = make_job(batches=2)
    await check_job(system, given, "counters")
    found = await system.driver.counters()
    keep, pixels = given.settings.keep, given.settings.pixels
    again = 2 * keep * round_up(pixels, BEAT) if CONFIG.side else 0
    assert found["bytes_fetched"] == again
    assert found["bytes_read"] == 2 * COUNT * round_up(pixels, BEAT) + again
    assert found["bytes_written"] == 2 * result_size(given.settings)
    assert found["bytes_sent"] == 2 * keep * pixels
    phases = sum(value for name, value in found.items() if name.startswith("cycles_"))
    assert 0 < phases - found["cycles_job"] < found["cycles_job"]
    if PUBLISHED:
        assert found["trials"] > 0
        assert found["cycles_load"] < COUNT, "the second batch was not loaded while the first was computed"
    tally("counters", len(found))


@cocotb.test()
async def tables(dut: Any) -> None:
    """The window shows every table of the last batch."""
    system = await start_system(dut, paused=True)
    given = make_job()
    await check_job(system, given, "tables")
    model = golden.run(CONFIG, given.settings, draw_images("tables", given)[0])
    for table in KINDS[CONFIG.method].readouts():
        found = await system.driver.table(table, COUNT)
        wanted = getattr(model, table.name.lower())
        assert np.array_equal(found, wanted), f"{table.name} is {found}, not {wanted}"
        tally("tables", found.size)
