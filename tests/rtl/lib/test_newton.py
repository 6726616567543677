# SPDX-License-Identifier: Apache-2.0
"""Newton's reciprocal in hardware against the bit-true model, in both of its uses."""

from collections.abc import Callable

import pytest

from nms.contract.config import load
from nms.rtl.lib.newton import Newton


@pytest.mark.parametrize("preset", ["tiny", pytest.param("paper", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kernel", [False, True])
def test_every_use(check_block: Callable[..., int], preset: str, kernel: bool) -> None:
    config = load(preset)
    profile = config.profile
    if kernel:
        b = profile.kernel_reciprocal.fraction
        block = Newton(b, b, profile.kernel_seed, profile.kernel_steps, tag=5)
    else:
        a, b = profile.cordic.fraction, profile.reciprocal.fraction
        block = Newton(a, b, profile.reciprocal_seed, profile.reciprocal_steps, tag=5)
    assert check_block(block, "newton", config) >= 1400
