# SPDX-License-Identifier: Apache-2.0
"""Herding's hardware against its golden model, in several configurations."""

from collections.abc import Callable
from typing import cast

import pytest

from nms.contract.config import ReducedConfig, load
from nms.rtl.selection.herding import Herding


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(load("herding", ["images=16"]), id="small"),
        pytest.param(load("lean", ["images=13", "pixels=1"]), id="odd"),
        pytest.param(load("herding", ["images=4"]), id="least", marks=pytest.mark.slow),
        pytest.param(load("herding"), id="herding", marks=pytest.mark.slow),
        pytest.param(load("lean256", ["pixels=3072"]), id="many", marks=pytest.mark.slow),
    ],
)
def test_herding(check_block: Callable[..., int], config: ReducedConfig) -> None:
    assert check_block(Herding(config), "herding", config) >= 100


def test_time_of_picks() -> None:
    """19 of 64 images in a small part of the time of their distances."""
    assert Herding(cast(ReducedConfig, load("herding"))).cycles(64, 19) <= 1_400
