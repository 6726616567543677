# SPDX-License-Identifier: Apache-2.0
"""A job of several batches through the AXI system in simulation: what each batch costs, and its results."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nms.contract.config import Config
from nms.contract.registers import COUNTED
from nms.contract.settings import Settings
from nms.rtl.export import emit
from nms.sim.models.driver import Results
from nms.sim.sampler import LARGE
from nms.sim.verilator.runner import simulate


@dataclass(frozen=True)
class BatchesRun:
    """What two jobs gave, one of the first batch alone and one of all batches.

    ``alone`` are the counters after the first job, ``each`` those after every batch of the second
    (:data:`nms.contract.registers.COUNTED`); ``results`` are those of the second job.
    """

    results: list[Results]
    alone: dict[str, int]
    each: list[dict[str, int]]


def run(config: Config, settings: Settings, images: np.ndarray) -> BatchesRun:
    """Run ``images`` (batches, N, D) uint8, from a memory that takes or gives a beat in every cycle.

    Raises
    ------
    UserError
        A tool is missing.
    ToolError
        The hardware does not build; a tool or the simulation was killed.
    RuntimeError
        The hardware hangs, refuses the settings or sends other images than it names.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "images.npy", Path(folder) / "result.npz"
        np.save(given, images)
        outcome = simulate(
            module="near_memory_sampler",
            verilog=emit.system_verilog(config),
            testbench="nms.sim.testbenches.jobs.batches",
            parameters={
                "config": config.model_dump(),
                "settings": asdict(settings),
                "images": str(given),
                "result": str(result),
            },
            fast=config.images > LARGE,
        )
        if not outcome:
            raise RuntimeError("the job of several batches failed: " + "\n".join(outcome.failures))
        with np.load(result) as found:
            values = dict(found)
    names = [name for name, _ in COUNTED]
    fields = Results.__dataclass_fields__
    return BatchesRun(
        results=[Results(**{name: values[name][batch] for name in fields}) for batch in range(len(images))],
        alone={name: int(values[f"alone_{name}"]) for name in names},
        each=[{name: int(values[f"each_{name}"][batch]) for name in names} for batch in range(len(images))],
    )
