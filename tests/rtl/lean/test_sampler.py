# SPDX-License-Identifier: Apache-2.0
"""The lean core against its golden model, in several configurations."""

from typing import Any

import pytest
from amaranth.sim import Simulator, SimulatorContext

from nms.contract.config import LeanConfig, load
from nms.rtl.lean.sampler import LeanSampler
from nms.rtl.lib.ram import RAM
from nms.sim.check import check


def test_no_memory_is_read_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read port that is always enabled takes as much energy as the rest of its block."""
    config = load("lean")
    assert isinstance(config, LeanConfig)
    memories: list[RAM] = []
    make = RAM.__init__

    def record(memory: RAM, **parameters: Any) -> None:
        make(memory, **parameters)
        memories.append(memory)

    monkeypatch.setattr(RAM, "__init__", record)
    simulator = Simulator(LeanSampler(config))
    simulator.add_clock(1e-8)
    read: list[RAM] = []

    async def rest(context: SimulatorContext) -> None:
        await context.tick().repeat(10)
        read.extend(memory for memory in memories if any(context.get(port.en) for port in memory.read_ports))

    simulator.add_testbench(rest)
    simulator.run()
    assert len(memories) >= 30
    assert not read


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("herding"), id="herding"),
        pytest.param(load("lean", ["images=13", "map_lanes=2", "grid_lanes=2"]), id="lean"),
        pytest.param(
            load("lean", ["images=12", "map_lanes=1", "grid_lanes=1"]), id="one lane", marks=pytest.mark.slow
        ),
    ],
)
def test_lean_sampler_quickly(config):
    result = check(config, ["lean_sampler"], quick=True)[0]
    assert result, result.failures


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("herding"), id="herding"),
        pytest.param(load("herding", ["bus_bits=128", "side=32", "pixels=3072"]), id="herding 32 x 32"),
        pytest.param(load("lean"), id="lean"),
        pytest.param(load("lean", ["map_lanes=2", "images=37"]), id="two lanes"),
        pytest.param(load("lean256"), id="lean256"),
    ],
)
def test_lean_sampler(config):
    result = check(config, ["lean_sampler"])[0]
    assert result, result.failures
