# SPDX-License-Identifier: Apache-2.0
"""One job of the AXI system for :func:`nms.sim.sampler.run`: what it finds goes to a file.

The tables of the last batch are read through the registers. What was written to memory for it must agree
with them, what was sent on the stream with the images that went in, and the counters of bytes with what
crossed the buses; nothing else is judged here.
"""

import time
from dataclasses import asdict
from typing import Any

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from nms.contract.config import make
from nms.contract.registers import has_map
from nms.contract.settings import KINDS as SETTINGS
from nms.contract.tables import KINDS as TABLES
from nms.sim.models.driver import lay_out
from nms.sim.models.streams import PERIOD, Stalls
from nms.sim.models.system import System, exceeds_word
from nms.sim.models.traffic import Traffic
from nms.sim.verilator.context import count, parameters


@cocotb.test()
async def job(dut: Any) -> None:
    """Run the job, judge what can be judged without a model, and save everything."""
    given = parameters()
    config = make(given["config"])
    settings, held = SETTINGS[config.method](**given["settings"]), TABLES[config.method]
    batches = np.load(given["images"])
    task, size = lay_out(config, settings, len(batches))
    system = System(dut, config, size, Stalls(given["stalls"]) is not Stalls.NONE)
    traffic = Traffic(dut)
    await system.start()
    await system.driver.identify(config)
    system.place(task, batches)
    started, used = get_sim_time("ns"), time.process_time()
    await system.driver.run(task)
    job_seconds = time.process_time() - used
    job_cycles = int(get_sim_time("ns") - started) // PERIOD
    counted = await system.driver.counters()
    seen = traffic.count()
    for name, number in seen.items():
        assert counted[name] == number, f"{name} is {counted[name]}, but {number} crossed the bus"

    results = [asdict(system.results(task, batch)) for batch in range(len(batches))]
    tables = {
        table.name.lower(): await system.driver.table(table, settings.count, exceeds_word(config, table))
        for table in held.readouts()
    }
    tables["kept"] = results[-1]["kept"]
    for name, values in results[-1].items():
        if has_map(settings) or name == "kept":
            table = "evaluations" if name not in tables else name
            assert np.array_equal(values, tables[table]), f"{name} in memory differs from the table"
    wanted = [(batch, index) for batch in range(len(batches)) for index in results[batch]["kept"].tolist()]
    sent = system.sent()
    assert [index for index, _ in sent] == [index for _, index in wanted], "not the kept images were sent"
    for (batch, index), (_, data) in zip(wanted, sent, strict=True):
        assert data == batches[batch][index].tobytes(), f"batch {batch}: image {index} was sent changed"
    assert sorted(tables) == sorted(held.names())
    count("job", sum(array.size for array in tables.values()))
    found = {name: np.array(value) for name, value in counted.items()}
    found |= {f"{name}_of_batches": np.array([one[name] for one in results]) for name in results[0]}
    found |= {f"seen_{name}": np.array(number) for name, number in seen.items()}
    found |= tables | {"simulated": np.array(int(get_sim_time("ns")) // PERIOD)}
    found |= {"job_cycles": np.array(job_cycles), "job_seconds": np.array(job_seconds)}
    found |= {"processor_seconds": np.array(time.process_time())}
    np.savez(given["result"], allow_pickle=False, **found)
