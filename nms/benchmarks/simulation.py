# SPDX-License-Identifier: Apache-2.0
"""``nms bench simulation``: cycles a second that one core simulates, under cocotb and in C++ alone."""

from nms.benchmarks.figure import Figure
from nms.contract.config import Config
from nms.contract.settings import Settings
from nms.datasets import Images

LEAST_SPEED = 30_000
"""Least cycles a second under cocotb, for ``paper`` with 64 images of 3072 pixels and 300 iterations."""


def measure(config: Config, data: Images, perplexity: float, seed: int = 1) -> list[Figure]:
    """Measure one job through the AXI system by the same built model under cocotb and in a C++ loop.

    Seconds are processor time of the simulation's one process, so that other work on the machine does not
    count. The job lasts from the first setting to the interrupt; the whole testbench also starts Python, and
    reads and checks every table.
    """
    from nms.sim import sampler
    from nms.sim.verilator import loop

    count, pixels = data.images.shape
    settings = Settings.make(config, count, pixels, perplexity=perplexity, seed=seed)
    claimed = (config.name, count, pixels) == ("paper", 64, 3072)
    run = sampler.run(config, settings, data.images, bus="axi")
    plain = loop.run(config, settings, data.images)
    same = int((plain.results.kept == run.tables.kept).sum())
    job = run.job_cycles / run.job_seconds
    alone = plain.cycles / plain.seconds
    return [
        Figure("cocotb", "job", run.job_cycles, "cycles"),
        Figure("cocotb", "job", job, "cycles/s", *((">=", LEAST_SPEED) if claimed else ())),
        Figure("cocotb", "whole testbench", run.simulated_cycles, "cycles"),
        Figure("cocotb", "whole testbench", run.simulated_cycles / run.processor_seconds, "cycles/s"),
        Figure("cocotb", "whole testbench, wall clock", run.simulated_cycles / run.run_seconds, "cycles/s"),
        Figure("plain C++ loop", "job", plain.cycles, "cycles"),
        Figure("plain C++ loop", "job", alone, "cycles/s"),
        Figure("plain C++ loop", "kept images as by cocotb", same, "", "=", settings.keep),
        Figure("cocotb", "speed over the plain loop's", job / alone),
        Figure("cocotb", "time to build, 0 if cached", round(run.build_seconds, 1), "s"),
    ]
