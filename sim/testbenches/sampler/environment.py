# SPDX-License-Identifier: Apache-2.0
"""Settings and images of short runs of the whole sampler, and their comparison with the golden model."""

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from cocotb.triggers import ValueChange, with_timeout

from nms.contract.config import Config
from nms.contract.readout import Phase
from nms.contract.settings import Settings
from nms.golden import sampler as golden
from nms.sim.compare import compare
from nms.sim.models.device import Device, limit_cycles
from nms.sim.models.images import pack_images
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Source, cycles, reset_mid, start
from nms.sim.verilator.context import count as tally
from nms.sim.verilator.context import parameters, sweep

CONFIG = Config(**parameters()["config"])
COUNT = min(CONFIG.images, *sweep([12], [8]))
PIXELS = min(CONFIG.pixels, 21)
WORKING = CONFIG.phases


def settings(**changes: Any) -> Settings:
    """Settings of a short run."""
    given: dict[str, Any] = {"count": COUNT, "pixels": PIXELS, "perplexity": 3.5, "iterations": 13, "seed": 7}
    if CONFIG.picks:  # so that PICK is a phase of every run but those of the centre
        given["pick"] = "medoid"
    return Settings.make(CONFIG, **(given | changes))


def noise(name: str, count: int = COUNT, pixels: int = PIXELS) -> np.ndarray:
    """Random images."""
    return generator(name).integers(0, 256, (count, pixels), np.uint8)


async def check_run(device: Device, given: Settings, images: np.ndarray) -> None:
    """A whole run; all its tables are those of the model."""
    kept = await device.run(given, images)
    await compare_tables(device, given, images, kept)


async def compare_tables(device: Device, given: Settings, images: np.ndarray, kept: list[int]) -> None:
    """Read all tables of a run that has ended, and compare them with the golden model's."""
    found = compare(await device.tables(kept, given.count), golden.run(CONFIG, given, images))
    tally("sampler", sum(table.compared for table in found))
    wrong = [f"{table.name} ({table.mismatches}): {table.first}" for table in found if table.mismatches]
    assert not wrong, "; ".join(wrong)


async def reach(device: Device, phase: Phase) -> None:
    """Wait for a phase that is still to come; each one before it is a part of a run of :func:`settings`."""
    while device.phase != phase:
        await with_timeout(ValueChange(device.dut.phase), limit_cycles(CONFIG, settings()) * PERIOD, "ns")


async def compare_pixels(device: Device, given: Settings, images: np.ndarray) -> None:
    """What comes out of ``o_pixels`` is the kept images, bit by bit."""
    per_image, sent = -(-given.pixels // CONFIG.lanes), pack_images(images, CONFIG.lanes)
    kept = golden.run(CONFIG, given, images).kept
    assert await device.pixels(given) == [
        {"data": sent[image * per_image + word], "index": image, "last": int(word + 1 == per_image)}
        for image in kept
        for word in range(per_image)
    ]
    tally("pixels", len(kept) * per_image)


async def check_stop(dut: Any, phase: Phase, stop: Callable[[Any], Awaitable[None]]) -> None:
    """Stop a run at several places of a phase; then the sampler is idle and makes a clean run."""
    await start(dut)
    device, images = Device(dut, CONFIG), noise(f"interrupted {phase.name}")
    for delay in (0, 1, int(generator(f"delay {phase.name}").integers(2, 40))):
        await device.begin(settings(seed=delay))
        Source(dut, "i_images").start(pack_images(images, CONFIG.lanes))
        await reach(device, phase)
        if phase != Phase.LOAD:
            await device.load(255 - images)  # to be lost
        await cycles(dut, 1 + delay)
        assert device.phase == phase, f"{phase.name} lasts less than {delay} cycles"
        await stop(dut)
        assert device.phase == Phase.IDLE
        assert not any(flag.value for flag in (dut.busy, dut.done, dut.error))
        assert not any(device.cycles().values())
        assert dut.load_ready.value
    await check_run(device, settings(seed=3), images)
    await device.begin(settings(), load=False)
    await cycles(dut, 20)
    assert device.phase == Phase.LOAD, "a batch of before is still there"
    await reset_mid(dut)


def make_hard_images() -> dict[str, np.ndarray]:
    """Batches on which rows have no solution, no scale or no contrast."""
    some = noise("hard")
    some[: COUNT // 2] = some[0]
    more = noise("hard more")
    more[:3] = more[0]
    outlier = np.zeros((COUNT, PIXELS), np.uint8)
    outlier[-1] = 255
    return {
        "all identical": np.full((COUNT, PIXELS), 93, np.uint8),
        "all 0": np.zeros((COUNT, PIXELS), np.uint8),
        "all 255": np.full((COUNT, PIXELS), 255, np.uint8),
        "some identical": some,
        "few identical": more,
        "a single outlier": outlier,
        "black and white": np.full((COUNT, PIXELS), 255, np.uint8)
        * (np.arange(COUNT) % 2)[:, None].astype(np.uint8),
        "a ramp": np.ones((COUNT, PIXELS), np.uint8) * np.arange(COUNT, dtype=np.uint8)[:, None],
    }
