# SPDX-License-Identifier: Apache-2.0
"""The reduction's hardware against its golden model, in several configurations."""

import pytest

from nms.contract.config import SamplerConfig, load
from nms.sim.check import check

FINE = ["side=32", "pixels=3072"]
CRAMPED = ["side=16", "pixels=100"]
COARSE = ["side=4", "pixels=48"]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("herding"), id="herding"),
        pytest.param(load("lean", [*FINE, "bus_bits=128"]), id="fine"),
        pytest.param(load("herding", CRAMPED), id="cramped", marks=pytest.mark.slow),
        pytest.param(load("lean256", [*COARSE, "bus_bits=256"]), id="coarse", marks=pytest.mark.slow),
        pytest.param(load("herding", ["bus_bits=512"]), id="512", marks=pytest.mark.slow),
    ],
)
def test_reduce(config: SamplerConfig) -> None:
    (result,) = check(config, ["reduce"])
    assert result, result.failures
    assert result.compared >= 3000
