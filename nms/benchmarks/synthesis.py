# SPDX-License-Identifier: Apache-2.0
"""``nms bench synthesis``: area, clock frequency and cycles for different unrollings of the CORDIC."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nms.benchmarks.figure import Figure
from nms.contract.config import Config
from nms.contract.settings import Settings

UNROLLS = (1, 2, 4)


def measure(
    config: Config, images: np.ndarray, perplexity: float, seed: int, progress: Callable[[str], None]
) -> list[Figure]:
    """Measure the PE for each unroll factor and profile: area, Fmax, cycles of a batch, and area times time.

    Area is in NAND2 equivalents, Fmax in MHz. Cells are those of osu018, with Fmax by OpenSTA, where both are
    installed; otherwise those of target generic, and time is in cycles. The batch runs in the whole simulated
    sampler, with the window search; area times time is for all PEs of ``config``.
    """
    from nms.sim import sampler as simulated
    from nms.synth import flow, targets, timing

    timed = timing.available() and targets.OSU018.is_file()
    target = targets.select_target("osu018" if timed else "generic")
    figures = []
    for formats in ("edge", "wide"):
        for unroll in UNROLLS:
            made = config.model_copy(update={"formats": formats, "unroll": unroll})
            progress(f"{formats}, unroll {unroll}: synthesising and simulating")
            with tempfile.TemporaryDirectory() as folder:
                [pe] = flow.synthesise(made, "pe", target, Path(folder))
            count, pixels = images.shape
            settings = Settings.make(made, count, pixels, perplexity=perplexity, seed=seed, search="window")
            cycles = sum(simulated.run(made, settings, images).cycles.values())
            subject, area = f"{formats}, unroll {unroll}", pe.metrics["nand2"]
            figures += [
                Figure(subject, "area of a PE", area, "NAND2 equivalents"),
                Figure(subject, "flip-flops of a PE", pe.metrics["flip_flops"]),
                Figure(subject, "logic depth", pe.metrics["depth"], "cells"),
                Figure(subject, "batch", cycles, "cycles"),
            ]
            if pe.metrics["timing"]:
                fmax = pe.metrics["timing"]["fmax_mhz"]
                figures += [
                    Figure(subject, "Fmax", fmax, "MHz"),
                    Figure(subject, "area of the PEs x time", area * config.pes * cycles / fmax, "NAND2 us"),
                ]
            else:
                figures.append(Figure(subject, "area of the PEs x cycles", area * config.pes * cycles))
    return figures
