# SPDX-License-Identifier: Apache-2.0
"""The processing element against the bit-true model, and its emitted form against the native one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from amaranth import Elaboratable, Module
from amaranth.sim import Simulator

from nms.contract.config import Config, load
from nms.golden.pe import exponents
from nms.rtl.array import pe
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


def test_weights_of_zero_and_one_take_no_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CORDIC takes as many distances as have another weight, however these are mixed."""
    config = load("tiny", ["pixels=8"])
    profile, width = config.profile, config.derived.distance_width
    one, cutoff = 1 << profile.mantissa.fraction, profile.cutoff << profile.exponent.fraction
    row = [int(d) for d in np.random.default_rng(1).integers(0, 1 << width, 200)]
    row[::7] = [0] * len(row[::7])
    z = exponents(config, one, 6, np.array(row))
    rotated = int(((z > 0) & (z < cutoff)).sum())
    assert min(rotated, (z == 0).sum(), (z >= cutoff).sum()) > 20
    inner, taken = [], 0
    instantiate = pe.instantiate

    def remember(m: Module, name: str, block: Elaboratable, platform: object) -> Elaboratable:
        inner.append(block)
        return instantiate(m, name, block, platform)

    monkeypatch.setattr(pe, "instantiate", remember)
    block = PE(config)

    async def testbench(ctx) -> None:
        nonlocal taken
        ctx.set(block.mantissa, one)
        ctx.set(block.exponent, 6)
        ctx.set(block.load, 1)
        await ctx.tick()
        ctx.set(block.load, 0)
        for place in range(len(row) + block.sums_latency):
            ctx.set(block.dn_valid, place < len(row))
            ctx.set(block.dn_first, place == 0)
            if place < len(row):
                ctx.set(block.dn, row[place])
            taken += ctx.get(inner[0].i.valid)
            await ctx.tick()

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    assert taken == rotated


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
