# SPDX-License-Identifier: Apache-2.0
"""The fitness unit against the bit-true model."""

import pytest

from nms.contract.config import Config, load
from nms.sim.check import check

WIDE = load("paper", ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"])
ODD = load("tiny", ["images=13", "contexts=1", "unroll=64", "te_lanes=2"])


@pytest.mark.parametrize(
    "config",
    [load("tiny"), pytest.param(WIDE, marks=pytest.mark.slow), pytest.param(ODD, marks=pytest.mark.slow)],
    ids=["tiny", "wide", "odd"],
)
def test_fitness(config: Config) -> None:
    (result,) = check(config, ["fitness"])
    assert result, result.failures
    assert result.compared >= 1600
