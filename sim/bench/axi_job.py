# SPDX-License-Identifier: Apache-2.0
"""One job of the AXI system for :func:`sim.sampler.run`: what it finds goes to a file.

The tables are read through the registers. What it wrote to memory and sent on the stream must agree
with them and with the images that went in, and the counters of bytes with what crossed the buses; nothing
else is judged here.
"""

from dataclasses import asdict

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from nms.spec.config import Config
from nms.spec.readout import Readout
from nms.spec.registers import result_offsets
from nms.spec.settings import Settings
from nms.spec.tables import Tables
from sim.context import count, parameters
from sim.device import limit
from sim.driver import Job
from sim.streams import PERIOD, Stalls
from sim.system import System, wide
from sim.traffic import Traffic

BASE, PAGE = 0x1_0000_0000, 4096


@cocotb.test()
async def job(dut):
    given = parameters()
    config, settings = Config(**given["config"]), Settings(**given["settings"])
    images, beat = np.load(given["images"]), config.bus_bits // 8
    stride = -(-settings.pixels // beat) * beat
    end = PAGE + -(-settings.count * stride // PAGE) * PAGE
    size = end + -(-result_offsets(settings.count, settings.keep)[2] // PAGE) * PAGE + PAGE
    task = Job(settings, image_base=BASE + PAGE, image_stride=stride, result_base=BASE + end)
    system = System(dut, config, size, Stalls(given["stalls"]) is not Stalls.NONE, BASE)
    system.lite.limit = 4 * limit(config, settings)
    traffic = Traffic(dut)
    await system.start()
    await system.driver.identify(config)
    system.place(task, [images])
    await system.driver.run(task)
    counted = await system.driver.counters()
    seen = traffic.count()
    for name, number in seen.items():
        assert counted[name] == number, f"{name} is {counted[name]}, but {number} crossed the bus"

    results, sent = asdict(system.results(task)), system.sent()
    tables = {
        table.name.lower(): await system.driver.table(table, settings.count, wide(config, table))
        for table in Readout
    }
    tables["kept"] = results.pop("kept")
    for name, values in results.items():
        assert np.array_equal(values, tables[name]), f"{name} in memory differs from the table"
    assert [index for index, _ in sent] == tables["kept"].tolist(), "not the kept images were sent"
    for index, data in sent:
        assert data == images[index].tobytes(), f"image {index} came out of the stream changed"
    assert sorted(tables) == sorted(Tables.names())
    count("job", sum(array.size for array in tables.values()))
    found = {name: np.array(value) for name, value in counted.items()}
    found |= {f"seen_{name}": np.array(number) for name, number in seen.items()}
    found |= tables | {"simulated": np.array(int(get_sim_time("ns")) // PERIOD)}
    np.savez(given["result"], allow_pickle=False, **found)
