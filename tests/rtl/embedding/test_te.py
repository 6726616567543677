# SPDX-License-Identifier: Apache-2.0
"""The update array's hardware against its golden model, in several configurations."""

import pytest

from nms.contract.config import load
from nms.rtl.embedding.te import TE
from nms.sim.check import check

SMALL = ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"]
RAGGED = ["images=13", "te_lanes=4", "grid_lanes=1"]
SMALLEST = ["images=7", "te_lanes=2", "grid_lanes=1"]
SINGLE = ["images=7", "te_lanes=1", "grid_lanes=1"]
ALL_AT_ONCE = ["images=8", "te_lanes=8", "grid_lanes=1"]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("tiny", SMALLEST), id="two lanes"),
        pytest.param(load("tiny"), id="tiny", marks=pytest.mark.slow),
        pytest.param(load("paper", SMALL), id="wide", marks=pytest.mark.slow),
        pytest.param(load("tiny", RAGGED), id="ragged", marks=pytest.mark.slow),
        pytest.param(load("tiny", SINGLE), id="one lane", marks=pytest.mark.slow),
        pytest.param(load("tiny", ALL_AT_ONCE), id="one block", marks=pytest.mark.slow),
        pytest.param(load("paper"), id="paper", marks=pytest.mark.slow),
        pytest.param(load("tiny", ["picks=1"]), id="picks", marks=pytest.mark.slow),
        pytest.param(load("paper", [*SINGLE, "picks=1"]), id="picks, one lane", marks=pytest.mark.slow),
    ],
)
def test_te(config):
    result = check(config, ["te"])[0]
    assert result, result.failures


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "edge"])
def test_whole_schedule_within_105000_cycles(check_block, preset):
    config = load(preset)
    block = TE(config)
    assert block.cycles(64, 300) <= 105_000
    assert check_block(block, "te", config, parameters={"long": 300}, tests=["whole"]) >= 64
