# SPDX-License-Identifier: Apache-2.0
"""Tests of the lean core: every table of a run equals the golden model's, whatever came before it."""

from collections.abc import Awaitable, Callable
from typing import Any

import cocotb
import numpy as np

from nms.contract.config import LeanConfig
from nms.contract.readout import Phase
from nms.contract.settings import Pick
from nms.golden import sampler as golden
from nms.golden.near_duplicates import Removal
from nms.sim.compare import compare as compare_all
from nms.sim.models.device import LeanDevice
from nms.sim.models.streams import Stalls, abort_mid, cycles, reset_mid, start, until
from nms.sim.testbenches.lean_sampler.environment import (
    CONFIG,
    COUNT,
    PICKS,
    SHAPE,
    check_run,
    check_stop,
    compare_tables,
    copies,
    make_hard_images,
    noise,
    run_job,
    settings,
)
from nms.sim.verilator.context import sweep


@cocotb.test()
@cocotb.parametrize(stalls=sweep(Stalls, [Stalls.NONE, Stalls.RANDOM]))
async def streams(dut: Any, stalls: Stalls) -> None:
    """A run of every pick under every pattern of stalls."""
    await start(dut)
    for pick in PICKS:
        given = settings(pick=str(pick))
        await check_run(LeanDevice(dut, CONFIG, stalls), given, noise("streams", given))


@cocotb.test()
async def jobs_of_all_kinds(dut: Any) -> None:
    """Jobs with other settings one after the other: largest and smallest batch, every kind of image."""
    await start(dut)
    device = LeanDevice(dut, CONFIG)
    flat = min(CONFIG.pixels, 21)
    for shape, changes in (
        ((8, 8), {"count": min(CONFIG.images, 33), "ratio": 0.3}),
        ((5, 3, 3), {"count": 4, "ratio": 1.0}),
        ((3, 10, 12), {"planes": True}),
        ((10, 12, 3), {"grey": True, "ratio": 0.1}),
        ((flat,), {"count": 5}),
        ((17, 4), {"side": 4}),
        ((40, 33, 3), {"count": CONFIG.images, "ratio": 0.1}),
    ):
        for pick in PICKS:
            given = settings(shape, pick=str(pick), **changes)
            await check_run(device, given, noise(f"job {shape}", given))


@cocotb.test()
async def hard_images(dut: Any) -> None:
    """Batches with ties everywhere."""
    await start(dut)
    device = LeanDevice(dut, CONFIG)
    for pick in sweep(PICKS, PICKS[1::2] or PICKS):
        given = settings(pick=str(pick))
        for images in make_hard_images(given).values():
            await check_run(device, given, images)


@cocotb.test()
@cocotb.parametrize(stalls=sweep([Stalls.NONE, Stalls.RANDOM], [Stalls.RANDOM]))
async def batches_of_a_job(dut: Any, stalls: Stalls) -> None:
    """Several batches of a job: the next one is taken while the one before is picked from."""
    await start(dut)
    device, given = LeanDevice(dut, CONFIG, stalls), settings(ratio=0.5, pick=str(PICKS[0]))
    batches = [noise(f"batch {number}", given) for number in range(4)]
    async for images, kept in run_job(device, given, batches):
        assert kept == golden.run(CONFIG, given, images).kept.tolist()
    await compare_tables(device, given, batches[-1], kept)


if CONFIG.window:

    @cocotb.test()
    @cocotb.parametrize(stalls=sweep([Stalls.NONE, Stalls.RANDOM], [Stalls.RANDOM]))
    async def near_duplicates(dut: Any, stalls: Stalls) -> None:
        """Batches of which one, two, some or all images stand, fewer and more than are kept."""
        await start(dut)
        device = LeanDevice(dut, CONFIG, stalls)
        for scenes, changes in (
            (1, {"ratio": 0.1}),
            (2, {"ratio": 0.1}),
            (3, {"ratio": 0.1, "iterations": 3}),
            (4, {"ratio": 0.5}),
            (5, {"ratio": 0.1, "window": 2}),
            (6, {"ratio": 1.0}),
            (COUNT - 1, {"ratio": 0.3, "planes": True}),
            (COUNT, {"ratio": 0.3, "threshold": 1}),
        ):
            shape = (3, 9, 11) if changes.get("planes") else SHAPE
            for pick in sweep(PICKS, PICKS[1::3] or PICKS):
                given = settings(shape, pick=str(pick), **({"threshold": 8} | changes))
                images = copies(f"copies {scenes}", given, scenes)
                standing = Removal(given).find_standing(images)
                assert (
                    scenes <= standing.sum() <= max(scenes, COUNT // 2 if "window" not in changes else COUNT)
                )
                await check_run(device, given, images)

    @cocotb.test()
    @cocotb.parametrize(across=[False, True])
    async def near_duplicates_across_batches(dut: Any, across: bool) -> None:
        """Batches that share scenes, some with fewer standing images than are kept."""
        await start(dut)
        device, pick = LeanDevice(dut, CONFIG, Stalls.RANDOM), str(PICKS[0])
        given = settings(pick=pick, threshold=8, ratio=0.3, across=across)
        removal, every = Removal(given), copies("across", given, COUNT)
        batches = [every[(np.arange(COUNT) + 2 * number) % COUNT] for number in range(4)]
        batches.append(noise("across", given))
        async for images, kept in run_job(device, given, batches):
            standing = removal.find_standing(images)
            model = golden.run(CONFIG, given, images, standing=standing)
            assert kept == model.kept.tolist()
            assert dut.standing.value.to_unsigned() == standing.sum()
        found = compare_all(await device.tables(kept, given.count), model)
        assert not any(table.mismatches for table in found)


@cocotb.test()
async def refusals(dut: Any) -> None:
    """Illegal settings set ``error`` and start nothing; the next job is clean."""
    await start(dut)
    device, given = LeanDevice(dut, CONFIG), settings()
    for name, value in (
        ("count", 3), ("count", CONFIG.images + 1), ("keep", 0), ("keep", given.count + 1),
        ("side", 5), ("side", min(2 * CONFIG.side, 63)), ("channels", 2), ("height", 0), ("width", 4097),
        ("pixels", 1), ("threshold", 1),
    ):  # fmt: skip
        await device.prepare(given)
        getattr(dut, name).value = value
        await device.pulse("prepare")
        await until(dut, "prepared", 200)
        await device.pulse("start")
        await cycles(dut, 4)
        assert dut.error.value, f"{name}={value} was taken"
        assert not dut.busy.value
        assert device.phase == Phase.IDLE
    await device.pulse("abort_run")
    await device.pulse("start")
    await cycles(dut, 4)
    assert dut.error.value, "a start without settings was taken"
    await check_run(device, given, noise("after refusals", given))


if isinstance(CONFIG, LeanConfig):

    @cocotb.test()
    async def settings_of_a_map(dut: Any) -> None:
        """No, one and most iterations and evaluations; illegal ones are refused with a map alone."""
        await start(dut)
        device = LeanDevice(dut, CONFIG)
        every: list[dict[str, Any]] = [
            {"iterations": 0},
            {"iterations": 1, "evaluations": 1},
            {"iterations": 50, "evaluations": 15},
            {"perplexity": 1.01},
            {"perplexity": 10.5, "seed": (1 << 32) - 1},
        ]
        for number, changes in enumerate(every):
            given = settings(pick=str(PICKS[number % 4]), **changes)
            await check_run(device, given, noise(f"map {changes}", given))
        for name, value in (("target", 0), ("target", 4 << 8), ("evaluations", 0), ("pick", 5)):
            for pick, error in ((Pick.HUB, True), (Pick.HERDING, name == "pick")):
                given = settings(pick=str(pick))
                await device.prepare(given)
                getattr(dut, name).value = value
                await device.pulse("start")
                await cycles(dut, 4)
                assert dut.error.value == error, f"{name}={value} with {pick}"
                await device.pulse("abort_run")


@cocotb.test()
@cocotb.parametrize(
    phase=sweep(CONFIG.phases, [Phase.LOAD, *CONFIG.phases[2:4]]), stop=[reset_mid, abort_mid]
)
async def stops(dut: Any, phase: Phase, stop: Callable[[Any], Awaitable[None]]) -> None:
    """A reset or an abort in every phase."""
    await check_stop(dut, phase, stop)
