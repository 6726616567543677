# SPDX-License-Identifier: Apache-2.0
"""The components of the array of processing elements, each alone among neighbours that a testbench plays."""

import pytest

from nms.contract.config import load
from nms.rtl.array.pea_distances import DistancePhase
from nms.rtl.array.pea_images import ImageFetcher, ImageLoader
from nms.rtl.array.pea_rows import RowScan
from nms.rtl.array.pea_search import SearchPhase
from nms.rtl.export import emit
from nms.rtl.lib.hierarchy import Block
from nms.sim.verilator.runner import simulate

SMALL = ["images=13", "pixels=40"]


@pytest.mark.parametrize(
    ("kind", "bench", "tests", "least"),
    [
        (DistancePhase, "pea_distances", None, 250),
        (RowScan, "pea_rows", None, 150),
        (SearchPhase, "pea_search", None, 800),
        (ImageLoader, "pea_images", ["loads", "load_reset"], 150),
        (ImageFetcher, "pea_images", ["fetches", "fetch_reset"], 150),
    ],
    ids=["distances", "rows", "search", "load", "fetch"],
)
def test_component(kind: type, bench: str, tests: list[str] | None, least: int) -> None:
    config = load("tiny", SMALL)
    block: Block = kind(config)
    outcome = simulate(
        module=block.module,
        verilog=emit.verilog(block),
        bench=f"nms.sim.testbenches.{bench}",
        parameters={"config": config.model_dump(), **block.testbench_parameters()},
        tests=tests,
    )
    assert outcome, outcome.failures
    assert outcome.compared >= least
