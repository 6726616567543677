# SPDX-License-Identifier: Apache-2.0
"""Tests of the CORDIC units."""

from typing import Any

import cocotb

from nms.sim.models.streams import Stalls
from nms.sim.testbenches.common import pipeline
from nms.sim.testbenches.cordic.environment import LATENCY, stimulus
from nms.sim.verilator.context import parameters


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def values(dut: Any, stalls: Stalls) -> None:
    """Results equal the golden model's, in order, under every pattern of stalls."""
    await pipeline.compare(dut, stimulus(parameters().get("count", 200)), stalls)


@cocotb.test()
async def timing(dut: Any) -> None:
    """The latency is that of the formula, and items follow one a cycle."""
    await pipeline.timing(dut, stimulus(), LATENCY)


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset with items under way leaves nothing of them."""
    await pipeline.reset(dut, stimulus())
