# SPDX-License-Identifier: Apache-2.0
"""Tests of the fitness unit, which never waits: the consumer takes every score."""

from typing import Any

import cocotb

from nms.sim.models.streams import Stalls
from nms.sim.testbenches.common import pipeline
from nms.sim.testbenches.fitness.environment import BLOCK, stimulus


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.PRODUCER, Stalls.RANDOM])
async def streams(dut: Any, stalls: Stalls) -> None:
    """Scores of extreme and random candidates equal the golden model's, whatever the gaps between them."""
    await pipeline.compare(dut, stimulus(f"fitness {stalls.value}", 500), stalls)


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset with candidates under way leaves nothing of them."""
    await pipeline.reset(dut, stimulus("fitness reset", 100))


@cocotb.test()
async def pace(dut: Any) -> None:
    """The latency is the one documented, and candidates follow at an interval of one cycle."""
    await pipeline.timing(dut, stimulus("fitness pace", 64), BLOCK.latency)
