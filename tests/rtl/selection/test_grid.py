# SPDX-License-Identifier: Apache-2.0
"""The grid sampler's hardware against its golden model, in several configurations."""

import pytest

from nms.contract.config import load
from nms.sim.check import check

SMALL = ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"]
RAGGED = ["images=13", "te_lanes=4", "grid_lanes=4"]
SINGLE = ["images=6", "te_lanes=1", "grid_lanes=1"]
ALL_AT_ONCE = ["images=4", "te_lanes=4", "grid_lanes=4"]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("tiny"), id="tiny"),
        pytest.param(load("paper", SMALL), id="wide", marks=pytest.mark.slow),
        pytest.param(load("tiny", RAGGED), id="ragged", marks=pytest.mark.slow),
        pytest.param(load("lean", ["images=24"]), id="keyed"),
        pytest.param(load("tiny", SINGLE), id="one lane", marks=pytest.mark.slow),
        pytest.param(load("tiny", ALL_AT_ONCE), id="one block", marks=pytest.mark.slow),
        pytest.param(load("paper"), id="paper", marks=pytest.mark.slow),
        pytest.param(load("edge", ["images=250"]), id="250", marks=pytest.mark.slow),
    ],
)
def test_grid(config):
    result = check(config, ["grid"])[0]
    assert result, result.failures
