# SPDX-License-Identifier: Apache-2.0
"""Distances between reduced images and their memory against the bit-true model, in several configurations."""

from collections.abc import Callable
from typing import cast

import pytest

from nms.contract.config import ReducedConfig, load
from nms.rtl.lean.distances import Distances
from nms.rtl.lean.pairs import PairMemory

SMALL = load("herding", ["images=16", "pixels=48"])
WHOLE = load("herding", ["images=16", "pixels=48", "memory_parts=1"])
ODD = load("lean", ["images=13", "pixels=7", "memory_parts=8"])
LEAST = load("herding", ["images=4", "pixels=1"])
MANY = load("lean256", ["pixels=33"])
LONG = load("herding", ["images=9", "pixels=3072"])


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(WHOLE, id="memories in one part"),
        pytest.param(ODD, id="odd", marks=pytest.mark.slow),
        pytest.param(LEAST, id="least", marks=pytest.mark.slow),
        pytest.param(MANY, id="many", marks=pytest.mark.slow),
        pytest.param(LONG, id="long", marks=pytest.mark.slow),
        pytest.param(load("lean"), id="lean", marks=pytest.mark.slow),
    ],
)
def test_distances(check_block: Callable[..., int], config: ReducedConfig) -> None:
    assert check_block(Distances(config), "distances", config) >= 100


def test_time_of_a_batch() -> None:
    """64 images of 8 x 8 x 3 bytes: 16 squared differences in almost every cycle."""
    assert Distances(cast(ReducedConfig, load("lean"))).cycles(64, 192) <= 25_500


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(SMALL, id="small"),
        pytest.param(WHOLE, id="memory in one part"),
        pytest.param(MANY, id="many", marks=pytest.mark.slow),
    ],
)
def test_pair_memory(check_block: Callable[..., int], config: ReducedConfig) -> None:
    assert check_block(PairMemory(config), "pair_memory", config) >= 2 * config.images**2
