# SPDX-License-Identifier: Apache-2.0
"""The lean map against the bit-true model, in several configurations."""

import pytest

from nms.contract.config import LeanConfig, load, make
from nms.sim.check import check


def change(**values: int) -> LeanConfig:
    """The configuration ``lean`` with these values."""
    config = make(load("lean").model_dump() | {"name": "custom"} | values)
    assert isinstance(config, LeanConfig)
    return config


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(change(images=13), id="four lanes"),
        pytest.param(change(images=16, map_lanes=2), id="two lanes"),
        pytest.param(change(images=9, map_lanes=1), id="one lane"),
        pytest.param(change(images=4), id="one block"),
        pytest.param(load("lean"), id="lean", marks=pytest.mark.slow),
    ],
)
def test_map(config: LeanConfig) -> None:
    result = check(config, ["map"])[0]
    assert result, result.failures
