# SPDX-License-Identifier: Apache-2.0
"""The lean search against the bit-true model: every row and every share."""

import pytest

from nms.contract.config import SamplerConfig, load
from nms.sim.check import check

WIDE = load("lean256", ["pixels=3072", "side=32"])
SMALL = load("lean", ["images=7", "pixels=5", "map_lanes=1", "grid_lanes=1"])


@pytest.mark.parametrize(
    ("config", "least"),
    [
        pytest.param(load("lean"), 15_000, id="lean", marks=pytest.mark.slow),
        pytest.param(SMALL, 1_500, id="small"),
        pytest.param(WIDE, 70_000, id="wide", marks=pytest.mark.slow),
    ],
)
def test_search(config: SamplerConfig, least: int) -> None:
    (result,) = check(config, ["lean_search"])
    assert result, result.failures
    assert result.compared >= least
