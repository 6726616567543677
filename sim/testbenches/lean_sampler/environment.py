# SPDX-License-Identifier: Apache-2.0
"""Settings and images of short runs of the lean core, and their comparison with the golden model."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import cocotb
import numpy as np
from cocotb.triggers import ValueChange, with_timeout

from nms.contract.config import LeanConfig, ReducedConfig, make
from nms.contract.readout import Phase
from nms.contract.settings import LeanSettings, Pick
from nms.golden import sampler as golden
from nms.sim.compare import compare
from nms.sim.models.device import LeanDevice, limit_cycles
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, cycles, reset_mid, start, until
from nms.sim.verilator.context import count as tally
from nms.sim.verilator.context import parameters

CONFIG = cast("ReducedConfig", make(parameters()["config"]))
COUNT = min(CONFIG.images, 12)
SHAPE = (9, 11, 3)
PICKS = list(Pick) if isinstance(CONFIG, LeanConfig) else [Pick.HERDING]
"""What the configuration can pick by."""


def settings(shape: tuple[int, ...] = SHAPE, **changes: Any) -> LeanSettings:
    """Settings of a short run."""
    given: dict[str, Any] = {"count": COUNT, "seed": 7, "perplexity": 2.5, "iterations": 13}
    return LeanSettings.make(CONFIG, shape=shape, **(given | changes))


def noise(name: str, given: LeanSettings) -> np.ndarray:
    """Random images."""
    return generator(name).integers(0, 256, (given.count, given.pixels), np.uint8)


def copies(name: str, given: LeanSettings, scenes: int) -> np.ndarray:
    """Images of so many scenes, in bursts of random lengths, each a little lighter or darker."""
    rng = generator(name)
    count = given.count
    of = np.sort(np.concatenate([np.arange(scenes), rng.integers(0, scenes, count - scenes)]))
    found = rng.integers(0, 200, (scenes, given.pixels))[of] + rng.integers(0, 8, (count, 1))
    return found.astype(np.uint8)


async def check_run(device: LeanDevice, given: LeanSettings, images: np.ndarray) -> None:
    """A whole job; all its tables are those of the model."""
    kept = await device.run(given, images)
    await compare_tables(device, given, images, kept)


async def compare_tables(
    device: LeanDevice, given: LeanSettings, images: np.ndarray, kept: list[int]
) -> None:
    """Read all tables of a run that has ended, and compare them with the golden model's."""
    found = compare(await device.tables(kept, given.count), golden.run(CONFIG, given, images))
    tally("lean sampler", sum(table.compared for table in found))
    wrong = [f"{table.name} ({table.mismatches}): {table.first}" for table in found if table.mismatches]
    assert not wrong, "; ".join(wrong)


async def run_job(
    device: LeanDevice, given: LeanSettings, batches: list[np.ndarray]
) -> AsyncIterator[tuple[np.ndarray, list[int]]]:
    """Each batch of a job and what is kept of it; the next is taken while the one before is picked from."""
    await device.prepare(given)
    await device.load(given, batches[0])
    for images, following in zip(batches, [*batches[1:], None], strict=True):
        await device.begin(given)
        if following is not None:
            loading = cocotb.start_soon(device.load(given, following))
        kept = await device.kept(given)
        await until(device.dut, "done", 10)
        tally("kept", len(kept))
        yield images, kept
        if following is not None:
            await loading


async def reach(device: LeanDevice, given: LeanSettings, phase: Phase) -> None:
    """Wait for a phase that is still to come."""
    while device.phase != phase:
        await with_timeout(ValueChange(device.dut.phase), limit_cycles(CONFIG, given) * PERIOD, "ns")


async def check_stop(dut: Any, phase: Phase, stop: Callable[[Any], Awaitable[None]]) -> None:
    """Stop a run at several places of a phase; then the sampler is idle and makes a clean run."""
    await start(dut)
    device, given = LeanDevice(dut, CONFIG), settings(pick=str(PICKS[min(1, len(PICKS) - 1)]))
    images = noise(f"interrupted {phase.name}", given)
    for delay in (0, 1, int(generator(f"delay {phase.name}").integers(2, 12))):
        await device.prepare(given)
        await device.load(given, images)
        await device.begin(given) if phase is not Phase.LOAD else await device.pulse("start")
        await reach(device, given, phase)
        await cycles(dut, 1 + delay)
        assert device.phase == phase, f"{phase.name} lasts less than {delay} cycles"
        await stop(dut)
        await cycles(dut, 2)
        assert device.phase == Phase.IDLE
        assert not any(flag.value for flag in (dut.busy, dut.done, dut.error, dut.prepared, dut.load_ready))
        assert not any(device.cycles().values())
    await check_run(device, settings(seed=3), images)
    await reset_mid(dut)


def make_hard_images(given: LeanSettings) -> dict[str, np.ndarray]:
    """Batches without contrast, with equal images, with one that is far from all others."""
    shape = (given.count, given.pixels)
    some = noise("hard", given)
    some[: given.count // 2] = some[0]
    outlier = np.zeros(shape, np.uint8)
    outlier[-1] = 255
    ramp = np.ones(shape, np.uint8) * np.arange(given.count, dtype=np.uint8)[:, None]
    return {
        "all identical": np.full(shape, 93, np.uint8),
        "all 0": np.zeros(shape, np.uint8),
        "all 255": np.full(shape, 255, np.uint8),
        "some identical": some,
        "a single outlier": outlier,
        "black and white": np.full(shape, 255, np.uint8)
        * (np.arange(given.count) % 2)[:, None].astype(np.uint8),
        "a ramp": ramp,
    }
