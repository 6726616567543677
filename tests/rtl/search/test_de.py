# SPDX-License-Identifier: Apache-2.0
"""The search against the bit-true model: every trial and every result."""

from collections.abc import Callable

import pytest

from nms.contract.config import Config, load
from nms.contract.settings import Search
from nms.rtl.search.de import DE
from nms.sim.check import check

WIDE = load("paper", ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"])
ODD = load("tiny", ["images=13", "contexts=1", "unroll=64", "te_lanes=2"])


@pytest.mark.parametrize(
    ("config", "quick"),
    [
        pytest.param(load("tiny"), True, id="tiny-quick"),
        pytest.param(load("tiny"), False, id="tiny", marks=pytest.mark.slow),
        pytest.param(WIDE, False, id="wide", marks=pytest.mark.slow),
        pytest.param(ODD, False, id="odd", marks=pytest.mark.slow),
    ],
)
def test_search(config: Config, quick: bool) -> None:
    (result,) = check(config, ["de"], quick=quick)
    assert result, result.failures
    assert result.compared >= (30_000 if quick else 100_000)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "edge"])
def test_a_full_batch_keeps_the_array_busy(check_block: Callable[..., int], preset: str) -> None:
    """With an array that takes 63 cycles a generation, 64 rows take at most these cycles."""
    config = load(preset)
    cycles = {Search.DE_RAND1: 240_000, Search.WINDOW: 22_000}
    parameters = {"cycles": {str(method): most for method, most in cycles.items()}}
    compared = check_block(DE(config), "de", config, parameters=parameters, fast=True, tests=["throughput"])
    assert compared >= 4 * 64 * 4 * 32
