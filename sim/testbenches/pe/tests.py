# SPDX-License-Identifier: Apache-2.0
"""Tests of the processing element (PE) in both of its modes."""

from typing import Any

import cocotb

from nms.sim.models.seeds import generator
from nms.sim.models.streams import reset_mid, start
from nms.sim.testbenches.pe.environment import (
    Driver,
    compare_distances,
    compare_search,
    distance_vectors,
    read_config,
    search_vectors,
)
from nms.sim.verilator.context import parameters


@cocotb.test()
@cocotb.parametrize(gaps=[False, True])
async def distances(dut: Any, gaps: bool) -> None:
    """Distances of pairs of images, with and without gaps between their words."""
    await start(dut)
    vectors = distance_vectors(read_config(), generator("distances"), parameters().get("passes", 40), gaps)
    await compare_distances(dut, f"distances, gaps: {gaps}", vectors)


@cocotb.test()
@cocotb.parametrize(gaps=[False, True])
async def weights(dut: Any, gaps: bool) -> None:
    """Weights and sums S and T of candidates, with and without gaps between the distances."""
    await start(dut)
    vectors = search_vectors(read_config(), generator("weights"), parameters().get("passes", 40), gaps)
    await compare_search(dut, f"search, gaps: {gaps}", vectors)


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset with passes of both modes under way; the next passes come out right."""
    await start(dut)
    config, random = read_config(), generator("reset")
    driver = Driver(dut)
    await driver.play(distance_vectors(config, random, 3, False).cycles[:-1], 0)
    await driver.play(search_vectors(config, random, 1, False).cycles[:-2], 0)
    await reset_mid(dut)
    await compare_search(dut, "search after a reset", search_vectors(config, random, 2, False))
    await reset_mid(dut)
    await compare_distances(dut, "distances after a reset", distance_vectors(config, random, 4, False))
