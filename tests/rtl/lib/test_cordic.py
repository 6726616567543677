# SPDX-License-Identifier: Apache-2.0
"""The CORDIC hardware against the bit-true model, in each of its uses."""

from collections.abc import Callable

import pytest

from nms.contract.config import load
from nms.contract.derived import cordic_indices
from nms.rtl.lib.cordic import Decay, Rotate, Vector
from nms.rtl.lib.hierarchy import Block


@pytest.mark.parametrize("preset", ["tiny", pytest.param("paper", marks=pytest.mark.slow)])
@pytest.mark.parametrize("use", ["weight", "log2", pytest.param("exp2", marks=pytest.mark.slow)])
def test_every_use(check_block: Callable[..., int], preset: str, use: str) -> None:
    config = load(preset)
    profile = config.profile
    last = profile.weight_last if use == "weight" else profile.post_last
    kind = {"weight": Decay, "log2": Vector, "exp2": Rotate}[use]
    block: Block = kind(cordic_indices(last), profile.cordic.fraction, config.unroll, tag=5)
    assert check_block(block, "cordic", config) >= 1400
