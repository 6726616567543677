# SPDX-License-Identifier: Apache-2.0
"""The array of processing elements against the bit-true model, in several proportions."""

from collections.abc import Callable

import pytest

from nms.contract.config import Config, load
from nms.rtl.array.pea import PEA

WIDE = ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("tiny"), id="tiny"),
        pytest.param(load("tiny", ["images=40", "lanes=3"]), id="images=40", marks=pytest.mark.slow),
        pytest.param(load("paper", WIDE), id="wide", marks=pytest.mark.slow),
        pytest.param(load("tiny", ["pes=1", "unroll=8"]), id="pes=1", marks=pytest.mark.slow),
    ],
)
def test_all_phases(check_block: Callable[..., int], config: Config) -> None:
    assert check_block(PEA(config), "pea", config) >= 5000


@pytest.mark.slow
@pytest.mark.parametrize(
    "config", [load("tiny", ["pes=32"]), load("edge")], ids=["more PEs than images", "edge"]
)
def test_many_elements(check_block: Callable[..., int], config: Config) -> None:
    assert check_block(PEA(config), "pea", config, fast=True) >= 5000


@pytest.mark.slow
def test_paper_in_50000_cycles(check_block: Callable[..., int]) -> None:
    """The testbench holds distances to their passes and 20 cycles: 64 x 768 + 52 for whole images."""
    config, parameters = load("paper"), {"timed_pixels": 3072, "shapes": 1}
    assert check_block(PEA(config), "pea", config, parameters=parameters, fast=True) >= 5000
