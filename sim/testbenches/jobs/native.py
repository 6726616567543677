# SPDX-License-Identifier: Apache-2.0
"""One run of the whole sampler for :func:`nms.sim.sampler.run`: what it finds goes to a file, unjudged.

With the parameter ``idle`` the job begins so many cycles after the reset.
"""

import time
from typing import Any

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from nms.contract.config import make
from nms.contract.settings import KINDS as SETTINGS
from nms.sim.models.device import make_device
from nms.sim.models.streams import PERIOD, Stalls, cycles, start
from nms.sim.verilator.context import count, parameters


@cocotb.test()
async def job(dut: Any) -> None:
    """Run the job and save tables, cycles and times."""
    given = parameters()
    config = make(given["config"])
    settings = SETTINGS[config.method](**given["settings"])
    device = make_device(dut, config, Stalls(given["stalls"]))
    await start(dut)
    if idle := given.get("idle"):
        await cycles(dut, idle)
    started, used = get_sim_time("ns"), time.process_time()
    kept = await device.run(settings, np.load(given["images"]))
    job_seconds = time.process_time() - used
    job_cycles = int(get_sim_time("ns") - started) // PERIOD
    counted = device.cycles()
    tables = await device.tables(kept, settings.count)
    arrays = {name: getattr(tables, name) for name in tables.names()}
    evaluations = arrays.get("evaluations", np.zeros(1, np.int64))
    trials = dut.trials.value.to_unsigned() if hasattr(dut, "trials") else int(evaluations.sum())
    count("job", sum(array.size for array in arrays.values()))
    arrays |= {f"cycles_{phase}": np.array(value) for phase, value in counted.items()}
    arrays |= {"trials": np.array(trials), "simulated": np.array(int(get_sim_time("ns")) // PERIOD)}
    arrays |= {"job_cycles": np.array(job_cycles), "job_seconds": np.array(job_seconds)}
    arrays |= {"processor_seconds": np.array(time.process_time())}
    np.savez(given["result"], **arrays)
