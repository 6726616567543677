# SPDX-License-Identifier: Apache-2.0
"""The lean core against its golden model, in several configurations."""

import pytest

from nms.contract.config import load
from nms.sim.check import check


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("herding", ["images=16"]), id="herding"),
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
