# SPDX-License-Identifier: Apache-2.0
"""The keys of the picks against their golden model, in several configurations."""

import pytest

from nms.contract.config import load
from nms.sim.check import check


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("lean", ["images=24"]), id="24", marks=pytest.mark.slow),
        pytest.param(load("tiny", ["picks=1"]), id="published"),
        pytest.param(load("lean"), id="lean", marks=pytest.mark.slow),
        pytest.param(load("lean256", ["pixels=3072", "side=32"]), id="lean256", marks=pytest.mark.slow),
    ],
)
def test_picks(config):
    result = check(config, ["picks"])[0]
    assert result, result.failures
