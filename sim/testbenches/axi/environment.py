# SPDX-License-Identifier: Apache-2.0
"""Jobs for the AXI system, and judges of its results, its memory and its buses."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from cocotb.triggers import ClockCycles

from nms.contract.config import Config, ReducedConfig, make
from nms.contract.readout import Phase
from nms.contract.registers import Error, has_map, result_offsets
from nms.contract.settings import LeanSettings, Settings
from nms.golden import sampler as golden
from nms.sim.models.driver import PAGE, JobDescriptor, JobError, find_base, round_up
from nms.sim.models.seeds import generator
from nms.sim.models.system import System
from nms.sim.verilator.context import count as tally
from nms.sim.verilator.context import parameters, sweep

CONFIG = make(parameters()["config"])
PUBLISHED = isinstance(CONFIG, Config)
PICKS = Phase.PICK in CONFIG.phases and Phase.GRID in CONFIG.phases
"""Whether other picks of a map than the centre can be asked for."""

BEAT = CONFIG.bus_bits // 8
"""Bytes of a beat of the data bus."""

COUNT = min(CONFIG.images, 8 if PUBLISHED else sweep([24], [12])[0])

BASE = find_base(CONFIG)
"""Address of the memory unless a test moves it."""

MEMORY = 1 << 17
"""Bytes of the memory."""


def result_size(settings: Settings | LeanSettings) -> int:
    """Bytes of the results of a batch."""
    return result_offsets(settings.count, settings.keep, has_map(settings))[2]


def make_settings(**changes: Any) -> Settings | LeanSettings:
    """Settings of a job; images of ``pixels`` bytes are taken as they are, others are reduced."""
    given: dict[str, Any] = {"count": COUNT, "perplexity": 3.5, "iterations": 5, "seed": 7} | changes
    if PICKS:
        given = {"pick": "medoid"} | given
    if isinstance(CONFIG, Config):
        reduced: dict[str, Any] = {"pixels": given.pop("shape", (5, 7, 3)), "side": 4} if CONFIG.side else {}
        if "pixels" in given:
            reduced = {"side": 0}
        return Settings.make(CONFIG, **({"pixels": min(CONFIG.pixels, 21)} | reduced | given))
    assert isinstance(CONFIG, ReducedConfig)
    if "pixels" in given:
        given["shape"] = (given.pop("pixels"),)
    return LeanSettings.make(CONFIG, **({"shape": (5, 7, 3)} | given))


def make_job(batches: int = 1, **changes: Any) -> JobDescriptor:
    """A job whose regions lie apart, the images across a page's end, with gaps as guards."""
    options = {key: changes.pop(key) for key in ("send_images", "write_results") if key in changes}
    settings = make_settings(**changes)
    stride = round_up(settings.pixels, BEAT) + BEAT
    result = round_up(result_size(settings), BEAT) + BEAT
    return JobDescriptor(
        settings,
        image_base=BASE + PAGE - 2 * BEAT,
        image_stride=stride,
        batches=batches,
        batch_stride=settings.count * stride + 3 * BEAT,
        result_base=BASE + MEMORY // 2 + PAGE - BEAT,  # so that the second burst has two beats on any bus
        result_stride=result,
        **options,
    )


def make_short_job(batches: int = 1, **changes: Any) -> JobDescriptor:
    """A job of a fifth of the cycles, of the published method."""
    return make_job(batches, **changes, **({"search": "window"} if PUBLISHED else {}))


def draw_images(name: str, given: JobDescriptor) -> list[np.ndarray]:
    """Random images for each batch."""
    shape = (given.settings.count, given.settings.pixels)
    rng = generator(name)
    return [rng.integers(0, 256, shape, np.uint8) for _ in range(given.batches)]


async def start_system(dut: Any, paused: bool = False, base: int = BASE) -> System:
    """The system with all its ports connected, after a reset; ``paused``: every channel pauses at random."""
    system = System(dut, CONFIG, MEMORY, paused, base)
    await system.start()
    return system


async def check_job(system: System, given: JobDescriptor, name: str) -> None:
    """A whole job; memory is as before but for the results, which are the model's, as is the stream."""
    batches = draw_images(name, given)
    system.place(given, batches)
    before = bytes(system.memory.data)
    await system.driver.run(given)
    compare_results(system, given, batches, before)


POOL = 40
"""Images of which lists choose."""


def list_images(given: JobDescriptor, first: int = 0, base: int = BASE) -> JobDescriptor:
    """The job with a list for each batch, across a page's end, of images numbered from ``first`` on."""
    return replace(
        given,
        image_base=(given.image_base - first * given.image_stride) % (1 << CONFIG.address_bits),
        list_base=base + MEMORY // 4 * 3 + PAGE - BEAT,
        list_stride=round_up(4 * given.settings.count, BEAT) + BEAT,
    )


def place_listed(
    system: System, given: JobDescriptor, name: str, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Fill the memory for a job of :func:`list_images`; the pool and each batch's list."""
    rng = generator(name)
    pool = rng.integers(0, 256, (POOL, given.settings.pixels), np.uint8)
    lists = first + rng.integers(0, POOL, (given.batches, given.settings.count))
    system.place_lists(given, pool, lists, first)
    return pool, lists


async def check_listed(system: System, given: JobDescriptor, name: str, first: int = 0) -> None:
    """As :func:`check_job`, by lists with images out of order and, some of them, more than once."""
    listed = list_images(given, first, system.memory.base)
    pool, lists = place_listed(system, listed, name, first)
    before = bytes(system.memory.data)
    await system.driver.run(listed)
    compare_results(system, listed, list(pool[lists - first]), before, lists)


def compare_results(
    system: System,
    given: JobDescriptor,
    batches: list[np.ndarray],
    before: bytes,
    names: np.ndarray | None = None,
) -> None:
    """Results and stream are the golden model's; memory beside the results is as it was ``before``.

    ``names`` (B, N) are the numbers of the images in the results, their places unless given.
    """
    expected = bytearray(before)
    compared, sent = 0, system.sent()
    for batch, images in enumerate(batches):
        tables = golden.run(CONFIG, given.settings, images)
        if given.write_results:
            found = asdict(system.results(given, batch))
            for table, values in found.items():
                if table != "kept" and not has_map(given.settings):
                    assert not values.size
                    continue
                held = "evaluations" if table == "generations" and not PUBLISHED else table
                wanted = getattr(tables, held)
                if table == "kept" and names is not None:
                    wanted = names[batch][wanted]
                assert np.array_equal(values, wanted), f"batch {batch}: {table} is {values}, not {wanted}"
                compared += values.size
            at = given.result_base + batch * given.result_stride - system.memory.base
            size = result_size(given.settings)
            expected[at : at + size] = system.memory.data[at : at + size]
        if given.send_images:
            wanted_images = [(int(index), images[index].tobytes()) for index in tables.kept]
            got, sent = sent[: len(wanted_images)], sent[len(wanted_images) :]
            assert got == wanted_images, f"batch {batch}: images {[i for i, _ in got]}, not {tables.kept}"
            compared += len(got)
    assert not sent, f"{len(sent)} images too many"
    assert expected == system.memory.data, "memory was written outside the results"
    tally("axi", compared)


async def check_error(system: System, given: JobDescriptor, code: Error, address: int) -> None:
    """A job ends by an error, having written nothing outside its results, and with nothing under way."""
    system.place(given, [])  # noise is there
    before = bytes(system.memory.data)
    await system.driver.start(given)
    with pytest.raises(JobError) as error:
        await system.driver.wait()
    assert (error.value.code, error.value.address) == (code, address), f"{error.value} at {address:#x}"
    await check_quiet(system, given, before)
    assert await system.driver.field("status", "error")
    await system.driver.command("clear")
    assert not await system.driver.field("status", "error")
    assert await system.driver.read("error_code") == Error.NONE
    tally("errors", 1)


async def check_quiet(system: System, given: JobDescriptor, before: bytes) -> None:
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
    drop_images(system)
    check_memory(system, given, before)


def drop_images(system: System) -> None:
    """Forget the images that came out of the stream."""
    while not system.sink.empty():
        system.sink.recv_nowait()


def check_memory(system: System, given: JobDescriptor, before: bytes) -> None:
    """The whole memory is as it was, except where the results of the job may be."""
    after = bytearray(system.memory.data)
    size = result_size(given.settings)
    for batch in range(given.batches):
        at = given.result_base + batch * given.result_stride - system.memory.base
        after[at : at + size] = before[at : at + size]
    assert after == before, "memory was written outside the results"


STAGES = [*(phase.name for phase in CONFIG.phases), "WRITING"]
if CONFIG.side:  # where EMIT ends before the images are sent
    STAGES[STAGES.index("EMIT")] = "SENDING"

HELD = {"LOAD": "r", "EMIT": "t", "WRITING": "b", "SENDING": "t"}
"""Stages that are short, and the channel that holds them up."""

COUNTERS = {"WRITING": "bytes_written", "SENDING": "bytes_fetched"}
"""Stages that are no phases, and the counter by which they are known."""


async def reach(system: System, given: JobDescriptor, stage: str) -> bytes:
    """Begin a job and return in the middle of a stage; the memory as it was before."""
    for name in system.channels:
        if name.startswith("lite"):
            system.hold(name, closed=False)  # so that no stage passes unseen
    if stage in HELD:
        system.hold(HELD[stage])
    system.place(given, draw_images(f"stage {stage}", given))
    before = bytes(system.memory.data)
    await system.driver.start(given)
    for _ in range(system.lite.limit // 10):  # a read takes some ten cycles
        status = await system.driver.read("status")
        assert status & 1, f"{stage} never came"
        if status >> 8 & 15 == Phase.__members__.get(stage, -1) or (
            stage in COUNTERS and await system.driver.read(COUNTERS[stage])
        ):
            break
    else:
        raise AssertionError(f"{stage} not reached within {system.lite.limit} cycles")
    delay = generator(f"reach {stage} {system.memory.latency}").integers(0, 30)
    await ClockCycles(system.dut.aclk, int(delay))
    return before
