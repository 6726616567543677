# SPDX-License-Identifier: Apache-2.0
"""The affinities against the bit-true model."""

import pytest

from nms.contract.config import Config, load
from nms.sim.check import check

WIDE = load("paper", ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"])
ODD = load("tiny", ["images=13", "contexts=3", "unroll=7", "te_lanes=1"])


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("tiny"), id="tiny", marks=pytest.mark.slow),
        pytest.param(WIDE, id="wide", marks=pytest.mark.slow),
        pytest.param(ODD, id="odd"),
    ],
)
def test_affinities(config: Config) -> None:
    (result,) = check(config, ["affinity"])
    assert result, result.failures
    assert result.compared >= 3000
