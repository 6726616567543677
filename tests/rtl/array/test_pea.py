# SPDX-License-Identifier: Apache-2.0
"""The array of processing elements against the bit-true model, in several proportions."""

import pytest

from nms.contract.config import Config, load
from nms.rtl.array.pea import PEA
from nms.rtl.export import emit
from nms.sim.verilator.runner import simulate

WIDE = ["images=16", "pixels=64", "pes=4", "lanes=2", "te_lanes=4", "grid_lanes=2"]


def run(config: Config, fast: bool = False, **more: object) -> int:
    """Values compared; all equal."""
    block = PEA(config)
    outcome = simulate(
        module=block.module,
        verilog=emit.verilog(block),
        bench="nms.sim.testbenches.pea",
        parameters={"config": config.model_dump(), "interval": block.interval, **more},
        fast=fast,
    )
    assert outcome, outcome.failures
    return outcome.compared


@pytest.mark.parametrize(
    "config",
    [
        load("tiny"),
        load("paper", WIDE),
        load("tiny", ["images=40", "lanes=3"]),
        load("tiny", ["pes=1", "unroll=8"]),
    ],
    ids=["tiny", "wide", "images=40", "pes=1"],
)
def test_all_phases(config: Config) -> None:
    assert run(config) >= 5000


@pytest.mark.slow
@pytest.mark.parametrize(
    "config", [load("tiny", ["pes=32"]), load("edge")], ids=["more PEs than images", "edge"]
)
def test_many_elements(config: Config) -> None:
    assert run(config, fast=True) >= 5000


@pytest.mark.slow
def test_paper_in_50000_cycles() -> None:
    """The bench holds distances to their passes and 20 cycles: 64 x 768 + 52 for whole images."""
    assert run(load("paper"), fast=True, timed_pixels=3072, shapes=1) >= 5000
