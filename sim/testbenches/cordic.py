# SPDX-License-Identifier: Apache-2.0
"""Bench of :class:`nms.rtl.lib.cordic.Rotate`, ``Decay`` and ``Vector``; which one it is, the ports tell.

Parameters: ``config``; ``last``, the last index, where it is not that of the block's first use
(decay: the PE's, rotation and vectoring: the fitness unit's).
"""

from typing import Any

import cocotb
import numpy as np

from nms.contract.config import Config
from nms.contract.derived import cordic_indices
from nms.golden import cordic
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Stalls
from nms.sim.testbenches import pipeline
from nms.sim.verilator.context import context, parameters


class Case:
    """The block under test: its items, and what is expected of them."""

    def __init__(self) -> None:
        config = Config.model_validate(parameters()["config"])
        profile = config.profile
        self.fraction = profile.cordic.fraction
        out = context().ports["o__payload"].width
        into = context().ports["i__payload"].width
        self.kind = {0: "vectoring", 1: "decay"}.get(out - into, "rotation")
        self.item = self.fraction + 1 if self.kind == "vectoring" else self.fraction
        self.tag = into - self.item
        self.last = parameters().get(
            "last", profile.weight_last if self.kind == "decay" else profile.post_last
        )
        self.latency = config.derived.cordic_latency(len(cordic_indices(self.last)))
        self.name = f"{self.kind} to {self.last}"

    def values(self, count: int) -> np.ndarray:
        """Ends and middles of the domain, their neighbours, powers of two, random values of all sizes."""
        one = 1 << self.fraction
        corners = [0, 1, 2, one - 1, one - 2, one // 2, one // 2 - 1, one // 2 + 1]
        corners += [1 << k for k in range(self.fraction)] + [one - (1 << k) for k in range(self.fraction)]
        random = generator(self.name)
        some = random.integers(0, one, count) >> random.integers(0, self.fraction, count) * (
            np.arange(count) % 4 == 0
        )
        return np.concatenate([np.array(corners), some]) + (one if self.kind == "vectoring" else 0)

    def vectors(self, count: int) -> tuple[list[int], list[int]]:
        """Packed items and packed results."""
        values = self.values(count)
        tags = [int(tag) & (1 << self.tag) - 1 for tag in generator("tags").integers(0, 1 << 62, len(values))]
        sent = [int(value) | tag << self.item for value, tag in zip(values, tags, strict=True)]
        width, mask = self.fraction + 2, (1 << self.fraction + 2) - 1
        results: list[Any]
        if self.kind == "rotation":
            x, y = cordic.rotate(values, self.last, self.fraction)
            results = [(int(a) & mask) | (int(b) & mask) << width for a, b in zip(x, y, strict=True)]
            width *= 2
        else:
            function = cordic.decay if self.kind == "decay" else cordic.log2
            results = [int(result) for result in function(values, self.last, self.fraction)]
            width = self.fraction + 1
        return sent, [result | tag << width for result, tag in zip(results, tags, strict=True)]


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def values(dut: Any, stalls: Stalls) -> None:
    case = Case()
    await pipeline.compare(dut, case.name, *case.vectors(parameters().get("count", 200)), stalls)


@cocotb.test()
async def timing(dut: Any) -> None:
    case = Case()
    await pipeline.timing(dut, case.name, case.vectors(0)[0], case.latency)


@cocotb.test()
async def reset(dut: Any) -> None:
    case = Case()
    await pipeline.reset(dut, case.name, *case.vectors(0))
