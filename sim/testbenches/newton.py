# SPDX-License-Identifier: Apache-2.0
"""Bench of :class:`nms.rtl.lib.newton.Newton`.

Parameters: ``config``; ``kernel``: true for the reciprocal of the embedding instead of the search's.
"""

from typing import Any

import cocotb
import numpy as np

from nms.contract.config import Config
from nms.golden.newton import reciprocal
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Stalls
from nms.sim.testbenches import pipeline
from nms.sim.verilator.context import context, parameters


class Case:
    """The unit under test: its items, and what is expected of them."""

    def __init__(self) -> None:
        profile = Config.model_validate(parameters()["config"]).profile
        use = "kernel_" if parameters().get("kernel") else ""
        self.b = getattr(profile, f"{use}reciprocal")
        which = use or "reciprocal_"
        self.seed, self.steps = getattr(profile, f"{which}seed"), getattr(profile, f"{which}steps")
        self.a = self.b.fraction if use else profile.cordic.fraction
        self.tag = context().ports["i__payload"].width - (self.a + 1)
        self.name = f"reciprocal to {self.b}"

    def vectors(self, count: int) -> tuple[list[int], list[int]]:
        """Packed items and packed results; both ends of every interval of the seed table, random ones."""
        one, rest = 1 << self.a, self.a - self.seed
        starts = np.arange(1 << self.seed, dtype=np.int64) << rest
        some = generator(self.name).integers(0, one, count)
        values = one + np.concatenate([starts, starts + (1 << rest) - 1, [1, one - 2], some])
        tags = [int(tag) & (1 << self.tag) - 1 for tag in generator("tags").integers(0, 1 << 62, len(values))]
        results = reciprocal(values, self.a, self.b.fraction, self.seed, self.steps)
        return (
            [int(value) | tag << self.a + 1 for value, tag in zip(values, tags, strict=True)],
            [int(result) | tag << self.b.width for result, tag in zip(results, tags, strict=True)],
        )


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def values(dut: Any, stalls: Stalls) -> None:
    case = Case()
    await pipeline.compare(dut, case.name, *case.vectors(parameters().get("count", 200)), stalls)


@cocotb.test()
async def timing(dut: Any) -> None:
    case = Case()
    await pipeline.timing(dut, case.name, case.vectors(0)[0][:100], parameters()["latency"])


@cocotb.test()
async def reset(dut: Any) -> None:
    case = Case()
    await pipeline.reset(dut, case.name, *case.vectors(0))
