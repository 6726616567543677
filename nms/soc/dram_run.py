# SPDX-License-Identifier: Apache-2.0
"""The main job with a simulated DRAM: tables compared with the model, DRAM commands counted."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from nms.contract.config import SamplerConfig
from nms.contract.settings import LeanSettings, Settings
from nms.contract.tables import SamplerTables
from nms.run import Outcome
from nms.sim.compare import compare
from nms.soc import bridge
from nms.soc.bridge import BridgeRun
from nms.soc.system import CLOCK, Options


def summarise(run: BridgeRun, options: Options) -> dict[str, Any]:
    """The DRAM in ``results.json``: what it is, the commands of each phase, and what follows from them.

    ``hits`` is the share of reads and writes in a row that served one before; ``bytes_per_second`` are the
    bytes of the job over the time of the phases in which any were moved.
    """
    moved = [counts for phase, counts in run.commands.items() if phase != "idle"]
    moved = [counts for counts in moved if counts["read"] + counts["write"]]
    accesses = sum(counts["read"] + counts["write"] for counts in moved)
    cycles = sum(counts["cycles"] for counts in moved)
    return {
        "module": options.module,
        **asdict(run.dram),
        "clock_hz": CLOCK,
        "commands": run.commands,
        "hits": sum(counts["hits"] for counts in moved) / max(accesses, 1),
        "bytes_per_second": accesses * run.dram.access * CLOCK / max(cycles, 1),
    }


def run(
    config: SamplerConfig,
    settings: Settings | LeanSettings,
    images: np.ndarray,
    model: SamplerTables,
    options: Options,
    progress: Callable[[str], None] | None = None,
) -> Outcome:
    """Run ``images`` and compare with ``model``; errors as of :func:`nms.soc.bridge.run`."""
    started = time.monotonic()
    found = bridge.run(config, settings, images, options, progress or (lambda text: None))
    return Outcome(
        "rtl",
        found.tables,
        compare(found.tables, model),
        found.cycles,
        seconds={"build and simulation": time.monotonic() - started},
        traffic=found.traffic,
        dram=summarise(found, options),
    )
