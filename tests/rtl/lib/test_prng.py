# SPDX-License-Identifier: Apache-2.0
"""The start values of rows and points against the bit-true model."""

import pytest

from nms.contract.config import Config, load
from nms.sim.check import check

WIDE = load("paper", ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"])
ODD = load("tiny", ["images=13", "contexts=3", "unroll=7", "te_lanes=2"])


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("tiny"), id="tiny"),
        pytest.param(WIDE, id="wide", marks=pytest.mark.slow),
        pytest.param(ODD, id="odd", marks=pytest.mark.slow),
    ],
)
def test_seeds(config: Config) -> None:
    (result,) = check(config, ["prng"])
    assert result, result.failures
    assert result.compared >= 1000
