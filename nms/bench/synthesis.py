# SPDX-License-Identifier: Apache-2.0
"""What unrolling the CORDIC costs and buys: area, clock and cycles."""

import tempfile
from pathlib import Path

from nms.bench.figure import Figure
from nms.datasets import Images
from nms.spec.config import Config
from nms.spec.settings import Settings

UNROLLS = (1, 2, 4)


def synthesis(config: Config, data: Images, perplexity: float, seed: int = 1) -> list[Figure]:
    """The PE for each unroll factor and profile: area, Fmax, cycles of a batch, and area times time.

    Cells are those of osu018 with OpenSTA's Fmax, where both are installed; otherwise those of target
    generic, whose time is counted in cycles. The batch goes through the whole simulated sampler, by windows;
    area is that of all PEs of ``config``.
    """
    from sim import sampler as simulated
    from synth import flow, targets, timing

    timed = timing.available() and targets.OSU018.is_file()
    target = targets.target("osu018" if timed else "generic")
    figures = []
    for formats in ("edge", "wide"):
        for unroll in UNROLLS:
            made = config.model_copy(update={"formats": formats, "unroll": unroll})
            with tempfile.TemporaryDirectory() as folder:
                [pe] = flow.synthesise(made, "pe", target, Path(folder))
            count, pixels = data.images.shape
            settings = Settings.make(made, count, pixels, perplexity=perplexity, seed=seed, search="window")
            cycles = sum(simulated.run(made, settings, data.images).cycles.values())
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
