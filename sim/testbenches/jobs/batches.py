# SPDX-License-Identifier: Apache-2.0
"""Two jobs of the AXI system for :func:`nms.sim.batches.run`: the first batch alone, then all batches.

Counters go to a file, those of a batch read while its results are written; so do the results, which
must come with the images that they name.
"""

from dataclasses import asdict, replace
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer

from nms.contract.config import Config
from nms.contract.readout import Phase
from nms.contract.registers import result_offsets
from nms.contract.settings import Settings
from nms.sim.models.device import limit_cycles
from nms.sim.models.driver import PAGE, Driver, JobDescriptor, find_base, round_up
from nms.sim.models.streams import PERIOD
from nms.sim.models.system import System
from nms.sim.verilator.context import count, parameters

POLL = 100
"""Cycles between two looks at the status."""


async def batch_counters(driver: Driver, batches: int) -> list[dict[str, int]]:
    """All counters as they are after each batch but the last, whose results are being written then."""
    found: list[dict[str, int]] = []
    while len(found) < batches - 1:
        await Timer(POLL * PERIOD, "ns")
        if await driver.field("status", "phase") != Phase.IDLE:
            continue
        counted = await driver.counters()
        if not counted["cycles_emit"]:
            continue  # the batch has only just begun
        assert await driver.read("batches_done") == len(found), "the end of a batch was missed"
        found.append(counted)
        while await driver.field("status", "phase") == Phase.IDLE:
            await Timer(POLL * PERIOD, "ns")
    return found


@cocotb.test()
async def batches(dut: Any) -> None:
    """Run both jobs and save their counters and results."""
    given = parameters()
    config, settings = Config(**given["config"]), Settings(**given["settings"])
    images = np.load(given["images"])
    beat, many = config.bus_bits // 8, len(images)
    stride = round_up(settings.pixels, beat)
    taken = round_up(many * settings.count * stride, PAGE)
    written = round_up(result_offsets(settings.count, settings.keep)[2], beat)
    task = JobDescriptor(
        settings,
        image_base=find_base(config),
        image_stride=stride,
        result_base=find_base(config) + taken,
        batches=many,
        batch_stride=settings.count * stride,
        result_stride=written,
    )
    system = System(dut, config, taken + round_up(many * written, PAGE))
    system.lite.limit = 2 * many * limit_cycles(config, settings)
    await system.start()
    system.place(task, list(images))

    await system.driver.run(replace(task, batches=1))
    alone = await system.driver.counters()
    system.sent()
    await system.driver.start(task)
    each = cocotb.start_soon(batch_counters(system.driver, many))
    await system.driver.wait()
    counters = [*(await each), await system.driver.counters()]

    results, sent = [asdict(system.results(task, batch)) for batch in range(many)], system.sent()
    expected = [
        (int(index), images[batch, index].tobytes())
        for batch, result in enumerate(results)
        for index in result["kept"]
    ]
    assert sent == expected, "the images sent are not those named in the results"
    arrays = {name: np.array([result[name] for result in results]) for name in results[0]}
    count("batches", sum(array.size for array in arrays.values()))
    arrays |= {f"each_{name}": np.array([counted[name] for counted in counters]) for name in counters[0]}
    arrays |= {f"alone_{name}": np.array(value) for name, value in alone.items()}
    np.savez(given["result"], allow_pickle=False, **arrays)
