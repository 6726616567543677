# SPDX-License-Identifier: Apache-2.0
"""The processing element against the bit-true model, and its emitted form against the native one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from amaranth.sim import Simulator

from nms.contract.config import Config, load
from nms.rtl.array.pe import PE
from nms.rtl.export import emit
from nms.sim.testbenches.pe.environment import Driver, distance_vectors, search_vectors
from nms.sim.verilator.runner import simulate

ODD = load("tiny", ["lanes=5", "pixels=63", "images=40", "unroll=7"])
WIDE = ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("tiny"), id="tiny"),
        pytest.param(load("paper", WIDE), id="wide", marks=pytest.mark.slow),
        pytest.param(ODD, id="odd", marks=pytest.mark.slow),
    ],
)
def test_both_modes(check_block: Callable[..., int], config: Config) -> None:
    assert check_block(PE(config), "pe", config) >= 3000


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "edge"])
def test_whole_preset(check_block: Callable[..., int], preset: str) -> None:
    config = load(preset)
    assert check_block(PE(config), "pe", config, parameters={"passes": 200}) >= 20000


def test_native_and_emitted_agree() -> None:
    """The same cycles give the same outputs, whether the CORDIC is a submodule or an ``Instance``."""
    config = load("tiny", ["pixels=8"])
    random = np.random.default_rng(1)
    cycles = distance_vectors(config, random, 4, True).cycles
    cycles += search_vectors(config, random, 0, True).cycles[:500]
    block, native = PE(config), []

    async def testbench(ctx) -> None:
        now: dict[str, int] = {}
        for cycle in cycles + [{}] * 30:
            for name in now.keys() | cycle.keys():
                ctx.set(getattr(block, name), int(cycle.get(name, 0)))
            now = cycle
            seen = {name: ctx.get(getattr(block, name)) for name in Driver.OUTPUTS}
            native.append(seen | {"weight": seen["weight"] * seen["weight_valid"]})
            await ctx.tick()

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    assert len({seen["weight"] for seen in native if seen["weight_valid"]}) > 15
    cycles = [{name: int(value) for name, value in cycle.items()} for cycle in cycles]
    outcome = simulate(
        module="pe",
        verilog=emit.verilog(PE(config)),
        testbench="pe_native_testbench",
        parameters={"config": config.model_dump(), "cycles": cycles, "native": native},
        search=[Path(__file__).parent],
    )
    assert outcome, outcome.failures
    assert outcome.compared == len(native)
