# SPDX-License-Identifier: Apache-2.0
"""Bench of the AXI system: whole jobs through its buses, every byte of memory judged."""

from dataclasses import asdict, replace
from typing import Any

import cocotb
import numpy as np

from golden import sampler as golden
from nms.spec.config import Config
from nms.spec.registers import result_offsets
from nms.spec.settings import Settings
from sim.context import count as tally
from sim.context import parameters
from sim.driver import Job
from sim.seeds import generator
from sim.system import System

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
        result_base=BASE + MEMORY // 2 + 4096 - 3 * SIZE,
        result_stride=result,
        **options,
    )


def noise(name: str, given: Job) -> list[np.ndarray]:
    """Random images for each batch."""
    shape = (given.settings.count, given.settings.pixels)
    rng = generator(name)
    return [rng.integers(0, 256, shape, np.uint8) for _ in range(given.batches)]


async def right(system: System, given: Job, name: str) -> None:
    """A whole job; memory afterwards is as before but for the results, which are the model's, as is the stream."""
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
