# SPDX-License-Identifier: Apache-2.0
"""Bench of the AXI system: whole jobs through its buses, every byte of memory judged."""

from dataclasses import asdict, replace
from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp

from nms.contract.config import Config
from nms.contract.readout import Phase, Readout
from nms.contract.registers import BY_NAME, REGISTERS, Access, Error, Event, result_offsets
from nms.contract.settings import Settings
from nms.golden import sampler as golden
from nms.sim.models.driver import Job, JobError
from nms.sim.models.seeds import generator
from nms.sim.models.system import System
from nms.sim.verilator.context import count as tally
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
SIZE = CONFIG.bus_bits // 8
COUNT = min(CONFIG.images, 8)
PIXELS = min(CONFIG.pixels, 21)
BASE = 0x1_0000_0000
MEMORY = 1 << 17


def up(value: int, to: int = SIZE) -> int:
    """``value`` rounded up to a multiple."""
    return -(-value // to) * to


def job(batches: int = 1, **changes: Any) -> Job:
    """A job whose regions lie apart, the images across a page's end, with gaps as guards."""
    options = {key: changes.pop(key) for key in ("send_images", "write_results") if key in changes}
    given: dict[str, Any] = {"count": COUNT, "pixels": PIXELS, "perplexity": 3.5, "iterations": 5, "seed": 7}
    settings = Settings.make(CONFIG, **(given | changes))
    stride = up(settings.pixels) + SIZE
    result = up(result_offsets(settings.count, settings.keep)[2]) + SIZE
    return Job(
        settings,
        image_base=BASE + 4096 - 2 * SIZE,
        image_stride=stride,
        batches=batches,
        batch_stride=settings.count * stride + 3 * SIZE,
        result_base=BASE + MEMORY // 2 + 4096 - SIZE,  # so that the second burst has two beats on any bus
        result_stride=result,
        **options,
    )


def short(batches: int = 1) -> Job:
    """A job of a fifth of the cycles."""
    return job(batches, search="window")


def noise(name: str, given: Job) -> list[np.ndarray]:
    """Random images for each batch."""
    shape = (given.settings.count, given.settings.pixels)
    rng = generator(name)
    return [rng.integers(0, 256, shape, np.uint8) for _ in range(given.batches)]


async def right(system: System, given: Job, name: str) -> None:
    """A whole job; memory is as before but for the results, which are the model's, as is the stream."""
    batches = noise(name, given)
    system.place(given, batches)
    before = bytes(system.memory.data)
    await system.driver.run(given)
    judge(system, given, batches, before)


def judge(system: System, given: Job, batches: list[np.ndarray], before: bytes) -> None:
    expected = bytearray(before)
    compared, sent = 0, system.sent()
    for batch, images in enumerate(batches):
        tables = golden.run(CONFIG, given.settings, images)
        if given.write_results:
            found = asdict(system.results(given, batch))
            for table, values in found.items():
                wanted = getattr(tables, table)
                assert np.array_equal(values, wanted), f"batch {batch}: {table} is {values}, not {wanted}"
                compared += values.size
            at = given.result_base + batch * given.result_stride - BASE
            size = result_offsets(given.settings.count, given.settings.keep)[2]
            expected[at : at + size] = system.memory.data[at : at + size]
        if given.send_images:
            wanted_images = [(int(index), images[index].tobytes()) for index in tables.kept]
            got, sent = sent[: len(wanted_images)], sent[len(wanted_images) :]
            assert got == wanted_images, f"batch {batch}: images {[i for i, _ in got]}, not {tables.kept}"
            compared += len(got)
    assert not sent, f"{len(sent)} images too many"
    assert expected == system.memory.data, "memory was written outside the results"
    tally("axi", compared)


@cocotb.test()
async def identity(dut):
    """The device tells what it was made from; unknown registers and read-only ones are refused."""
    system = System(dut, CONFIG, MEMORY)
    await system.start()
    await system.driver.identify(CONFIG)
    tally("identity", 1)


@cocotb.test()
@cocotb.parametrize(paused=[False, True])
async def jobs(dut, paused):
    """Jobs with changing settings, back to back."""
    system = System(dut, CONFIG, MEMORY, paused)
    await system.start()
    for changes in (
        {},
        {"count": 4, "perplexity": 2.0, "ratio": 1.0, "pixels": 1},
        {"count": 5, "pixels": min(CONFIG.pixels, 64), "ratio": 0.2, "seed": 3},
        {"send_images": False},
        {"write_results": False},
    ):
        await right(system, job(**changes), f"jobs {changes}")


@cocotb.test()
@cocotb.parametrize(paused=[False, True])
async def batches(dut, paused):
    """A job of several batches."""
    system = System(dut, CONFIG, MEMORY, paused)
    await system.start()
    await right(system, job(batches=3), "batches")
    await right(system, replace(job(batches=2), result_base=BASE + 8 * 4096), "more batches")


@cocotb.test()
async def registers(dut):
    """Settings hold all their bits and honour strobes; what is no register or read-only is refused."""
    system = System(dut, CONFIG, MEMORY)
    await system.start()
    bus, rng = system.lite, generator("registers")
    written = {r: int(rng.integers(0, 1 << 32)) for r in REGISTERS if r.access in (Access.RW, Access.FREE)}
    for register, value in written.items():
        await bus.write(register.offset, value)
    for register, value in written.items():
        assert await bus.read(register.offset) == value & register.mask, register.name
    await bus.write(BY_NAME["seed"].offset + 1, 0x5AA5, length=2)
    seed = written[BY_NAME["seed"]]
    assert await bus.read(BY_NAME["seed"].offset) == seed & 0xFF0000FF | 0x5AA500
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


@cocotb.test()
async def illegal(dut):
    """Every illegal setting is refused by its register's offset, nothing moves, and the next job is right."""
    system = System(dut, CONFIG, MEMORY)
    await system.start()
    one, legal = 1 << CONFIG.profile.perplexity.fraction, job()
    for name, value in (
        ("count", 3), ("count", CONFIG.images + 1), ("count", 1 << 16 | 8),
        ("pixels", 0), ("pixels", CONFIG.pixels + 1), ("pixels", 1 << 20 | 8),
        ("keep", 0), ("keep", COUNT + 1), ("keep", 1 << 20 | 1),
        ("target_lo", one), ("target_lo", (COUNT - 1) * one), ("target_hi", 1 << 31),
        ("iterations", 1 << 16), ("exaggerated", 1 << 16), ("search", 4),
        ("batches", 0), ("batches", 1 << 16),
        ("image_base_lo", 1), ("image_stride", SIZE // 2), ("batch_stride", SIZE + 1),
        ("result_base_lo", 4), ("result_stride", 4),
    ):  # fmt: skip
        given, driver = legal, system.driver
        await driver.start(replace(given, batches=0))  # all settings, and a refusal
        with pytest.raises(JobError, match="SETTING"):
            await driver.wait()
        await driver.command("clear")
        assert not await driver.field("status", "error")
        await driver.write("batches", 1)
        await driver.write("target", given.settings.target if name != "target_lo" else 0)
        await driver.write(name, value & 0xFFFFFFFF)
        if name == "target_lo":
            await driver.write("target", value)
        await driver.command("start")
        with pytest.raises(JobError) as refused:
            await driver.wait()
        expected = "target_lo" if name == "target_hi" else name
        assert (refused.value.code, refused.value.address) == (Error.SETTING, BY_NAME[expected].offset), name
        assert await driver.field("status", "error")
        tally("illegal", 1)
    assert system.memory.reads == system.memory.writes == 0
    await right(system, legal, "illegal")


@cocotb.test()
@cocotb.parametrize(paused=[False, True])
async def errors(dut, paused):
    """An error response anywhere ends the job with its code and address; the next job is right."""
    system = System(dut, CONFIG, MEMORY, paused)
    await system.start()
    given, image = short(batches=2), up(PIXELS)
    first, last = given.image_base, given.image_base + given.batch_stride + (COUNT - 1) * given.image_stride
    page = up(given.result_base, 4096)
    reads, writes = (Error.READ_SLVERR, Error.READ_DECERR), (Error.WRITE_SLVERR, Error.WRITE_DECERR)
    for codes, fails, named in (
        (reads, first, first),
        (reads, first + given.image_stride + image - SIZE, first + given.image_stride + image - SIZE),
        (reads, last + image - SIZE, last + image - SIZE),
        (writes, given.result_base, given.result_base),
        (writes, page + SIZE, page),  # the second beat of the second burst
        (writes, given.result_base + given.result_stride, given.result_base + given.result_stride),
    ):
        for response, code in zip((AxiResp.SLVERR, AxiResp.DECERR), codes, strict=True):
            system.memory.fails = {fails: response}
            await stopped(system, given, code, named)
    system.memory.fails = {}
    outside = replace(given, image_base=BASE - 16 * SIZE)
    await stopped(system, outside, Error.READ_DECERR, outside.image_base)
    await right(system, given, "errors")


async def stopped(system: System, given: Job, code: Error, address: int) -> None:
    """A job ends by an error, having written nothing outside its results, and with nothing under way."""
    system.place(given, [])  # noise is there
    before = bytes(system.memory.data)
    await system.driver.start(given)
    with pytest.raises(JobError) as error:
        await system.driver.wait()
    assert (error.value.code, error.value.address) == (code, address), f"{error.value} at {address:#x}"
    await quiet(system, given, before)
    assert await system.driver.field("status", "error")
    await system.driver.command("clear")
    assert not await system.driver.field("status", "error")
    assert await system.driver.read("error_code") == Error.NONE
    tally("errors", 1)


async def quiet(system: System, given: Job, before: bytes) -> None:
    """Every burst is complete, nothing begins any more; images that were cut short have an end."""
    dut, memory = system.dut, system.memory
    system.hold("t", closed=False)
    assert not await system.driver.field("status", "busy")
    assert memory.idle, "a burst was still under way"
    done = memory.reads, memory.writes
    await ClockCycles(dut.aclk, 200)
    assert (memory.reads, memory.writes) == done, "the bus was still in use"
    for signal in (dut.m_axi_arvalid, dut.m_axi_awvalid, dut.m_axi_wvalid, dut.m_axis_tvalid):
        assert not signal.value
    assert not system.sink.active, "an image was begun and not ended"
    drop(system)
    contained(system, given, before)


def drop(system: System) -> None:
    """Forget the images that came out of the stream."""
    while not system.sink.empty():
        system.sink.recv_nowait()


def contained(system: System, given: Job, before: bytes) -> None:
    """The whole memory is as it was, except where the results of the job may be."""
    after = bytearray(system.memory.data)
    size = result_offsets(given.settings.count, given.settings.keep)[2]
    for batch in range(given.batches):
        at = given.result_base + batch * given.result_stride - BASE
        after[at : at + size] = before[at : at + size]
    assert after == before, "memory was written outside the results"


STAGES = [*(phase.name for phase in Phase if phase is not Phase.IDLE), "WRITING"]
HELD = {"LOAD": "r", "EMIT": "t", "WRITING": "b"}
"""Stages that are short, and the channel that holds them up."""


async def reach(system: System, given: Job, stage: str) -> bytes:
    """Begin a job and return in the middle of a stage; the memory as it was before."""
    for name in system.channels:
        if name.startswith("lite"):
            system.hold(name, closed=False)  # so that no stage passes unseen
    if stage in HELD:
        system.hold(HELD[stage])
    system.place(given, noise(f"stage {stage}", given))
    before = bytes(system.memory.data)
    await system.driver.start(given)
    for _ in range(system.lite.limit // 10):  # a read takes some ten cycles
        status = await system.driver.read("status")
        assert status & 1, f"{stage} never came"
        if status >> 8 & 7 == Phase.__members__.get(stage, -1) or (
            stage == "WRITING" and await system.driver.read("bytes_written")
        ):
            break
    else:
        raise AssertionError(f"{stage} not reached within {system.lite.limit} cycles")
    delay = generator(f"reach {stage} {system.memory.latency}").integers(0, 30)
    await ClockCycles(system.dut.aclk, int(delay))
    return before


@cocotb.test()
@cocotb.parametrize(stage=STAGES, paused=[False, True])
async def abort(dut, stage, paused):
    """An abort in any stage ends cleanly; the next job is right."""
    system = System(dut, CONFIG, MEMORY, paused)
    await system.start()
    given = short(batches=2)
    before = await reach(system, given, stage)
    await system.driver.command("abort")
    await ClockCycles(dut.aclk, 20)
    if stage in HELD:
        system.hold(HELD[stage], closed=False)
    with pytest.raises(JobError) as error:
        await system.driver.wait()
    assert error.value.code == Error.ABORTED
    await quiet(system, given, before)
    await right(system, short() if paused else job(), f"abort {stage}")


@cocotb.test()
@cocotb.parametrize(stage=STAGES, paused=[False, True])
async def reset(dut, stage, paused):
    """As :func:`abort`, by a reset of the whole system."""
    system = System(dut, CONFIG, MEMORY, paused)
    await system.start()
    given = short(batches=2)
    before = await reach(system, given, stage)
    if stage in HELD:
        system.hold(HELD[stage], closed=False)
    await system.reset()
    assert await system.driver.read("status") == 0
    assert await system.driver.read("count") == 0
    drop(system)
    contained(system, given, before)
    await right(system, short() if paused else job(), f"reset {stage}")


@cocotb.test()
@cocotb.parametrize(cycles=[40, 100])
async def latency(dut, cycles):
    """Reads of a slow memory overlap: images come at 90 % of what the bus gives or the sampler takes."""
    system = System(dut, CONFIG, MEMORY)
    memory = system.memory
    memory.latency = (cycles, cycles)
    memory.outstanding = parameters().get("outstanding", memory.outstanding)
    await system.start()
    count, pixels = min(CONFIG.images, 16), min(CONFIG.pixels, 2048)
    given = job(count=count, pixels=pixels, iterations=0, ratio=0.5)
    await right(system, given, "latency")
    took = await system.driver.read("cycles_load")
    least = count * max(-(-pixels // SIZE), -(-pixels // CONFIG.lanes))
    dut._log.warning(
        "latency %d: at most %d reads at once, %d cycles to load, least %d",
        cycles, memory.most_reading, took, least,
    )  # fmt: skip
    assert took - cycles - 20 <= least / 0.9, f"{took} cycles, of which {least} are beats"
    assert memory.most_reading > 1, "one read after the other"
    tally("latency", 2)


@cocotb.test()
async def locked(dut):
    """While a job runs its settings cannot be changed and no table be read; a second start is ignored."""
    system = System(dut, CONFIG, MEMORY)
    await system.start()
    given = job()
    await reach(system, given, "SEARCH")
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
async def interrupts(dut):
    """irq follows enabled events alone, until each is cleared."""
    system = System(dut, CONFIG, MEMORY)
    await system.start()
    driver, given = system.driver, replace(job(), batches=0)
    await driver.start(given)
    await ClockCycles(dut.aclk, 20)
    assert dut.irq.value
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
async def counters(dut):
    """Bytes on each bus are those of the job; the job's cycles contain those of its phases."""
    system = System(dut, CONFIG, MEMORY)
    await system.start()
    given = job(batches=2)
    await right(system, given, "counters")
    found = await system.driver.counters()
    keep = given.settings.keep
    assert found["bytes_read"] == 2 * COUNT * up(PIXELS)
    assert found["bytes_written"] == 2 * result_offsets(COUNT, keep)[2]
    assert found["bytes_sent"] == 2 * keep * PIXELS
    phases = sum(value for name, value in found.items() if name.startswith("cycles_"))
    assert 0 < phases - found["cycles_job"] < found["cycles_job"]
    assert found["trials"] > 0
    assert found["cycles_load"] < COUNT, "the second batch was not loaded while the first was computed"
    tally("counters", len(found))


@cocotb.test()
async def tables(dut):
    """The window shows every table of the last batch."""
    system = System(dut, CONFIG, MEMORY, True)
    await system.start()
    given = job()
    await right(system, given, "tables")
    model = golden.run(CONFIG, given.settings, noise("tables", given)[0])
    for table in Readout:
        found = await system.driver.table(table, COUNT)
        wanted = getattr(model, table.name.lower())
        assert np.array_equal(found, wanted), f"{table.name} is {found}, not {wanted}"
        tally("tables", found.size)
