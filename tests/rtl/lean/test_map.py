# SPDX-License-Identifier: Apache-2.0
"""The lean map against the bit-true model, in several configurations."""

import pytest

from nms.contract.config import LeanConfig, load, make
from nms.rtl.export.emit import verilog
from nms.rtl.lean.lane import KERNEL, largest_force
from nms.rtl.lean.map import LeanMap
from nms.sim.check import check, simulate_block


def change(**values: int) -> LeanConfig:
    """The configuration ``lean`` with these values."""
    config = make(load("lean").model_dump() | {"name": "custom"} | values)
    assert isinstance(config, LeanConfig)
    return config


def half_up(value: int, places: int) -> int:
    """As in the contract, section 1."""
    return (value + (1 << places >> 1)) >> places


def test_the_largest_force_is_that_of_a_pair() -> None:
    """Over all differences along an axis, with the largest attraction and with the largest repulsion."""
    found = 0
    for gap in [*range(1 << 14), *range(1 << 14, 1 << 18, 61)]:
        a = (1 << 12) + (gap >> 6) ** 2
        n = a.bit_length() - 13
        t = KERNEL[(a >> n + 5) & 127]
        for c in (2 << 16, -half_up(t * 1023 << 2, n)):
            g = abs(half_up(c * t, 8 + n))
            e = max(g.bit_length() - 8, 0)
            found = max(found, half_up(half_up(g, e) * gap << e, 12))
    assert found == largest_force(change().profile)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(change(images=7), id="four lanes"),
        pytest.param(change(images=13), id="a larger group", marks=pytest.mark.slow),
        pytest.param(change(images=9, map_lanes=1), id="one lane", marks=pytest.mark.slow),
        pytest.param(change(images=16, map_lanes=2), id="two lanes", marks=pytest.mark.slow),
        pytest.param(change(images=4), id="one block", marks=pytest.mark.slow),
        pytest.param(load("lean"), id="lean", marks=pytest.mark.slow),
    ],
)
def test_map(config: LeanConfig) -> None:
    result = check(config, ["map"])[0]
    assert result, result.failures


@pytest.mark.slow
@pytest.mark.parametrize(("images", "iterations", "most"), [(64, 48, 29_000), (256, 6, 60_000)])
def test_the_schedule_of_a_whole_batch(images: int, iterations: int, most: int) -> None:
    config = change(images=images)
    block = LeanMap(config)
    assert block.cycles(images, iterations) <= most
    options = {"parameters": {"long": iterations}, "tests": ["whole"]}
    outcome = simulate_block(block, "map", config, verilog(block), **options)
    assert outcome, outcome.failures
    assert outcome.compared >= images
