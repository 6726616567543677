# SPDX-License-Identifier: Apache-2.0
"""The components of the array of processing elements, each alone among neighbours that a testbench plays."""

from collections.abc import Callable

import pytest

from nms.contract.config import load
from nms.rtl.array.pea_distances import DistancePhase
from nms.rtl.array.pea_images import ImageFetcher, ImageLoader
from nms.rtl.array.pea_rows import RowScan
from nms.rtl.array.pea_search import SearchPhase
from nms.rtl.lib.hierarchy import Block

SMALL = ["images=13", "pixels=40"]


@pytest.mark.parametrize(
    ("kind", "unit", "tests", "least"),
    [
        (DistancePhase, "pea_distances", None, 238),
        (RowScan, "pea_rows", None, 150),
        (SearchPhase, "pea_search", None, 800),
        (ImageLoader, "pea_images", ["loads", "load_reset"], 150),
        (ImageFetcher, "pea_images", ["fetches", "fetch_reset"], 150),
    ],
    ids=["distances", "rows", "search", "load", "fetch"],
)
def test_component(
    check_block: Callable[..., int], kind: type[Block], unit: str, tests: list[str] | None, least: int
) -> None:
    config = load("tiny", SMALL)
    assert check_block(kind(config), unit, config, tests=tests) >= least


def test_pairs_for_the_picks(check_block: Callable[..., int]) -> None:
    config = load("tiny", [*SMALL, "picks=1"])
    assert check_block(RowScan(config), "pea_rows", config, tests=["pairs", "shown_pairs"]) >= 160
