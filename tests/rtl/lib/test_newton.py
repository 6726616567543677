# SPDX-License-Identifier: Apache-2.0
"""Newton's reciprocal in hardware against the bit-true model, in both of its uses."""

import pytest

from nms.contract.config import load
from nms.rtl.export import emit
from nms.rtl.lib.newton import Newton
from nms.sim.verilator.runner import simulate


@pytest.mark.parametrize("preset", ["tiny", "paper"])
@pytest.mark.parametrize("kernel", [False, True])
def test_every_use(preset: str, kernel: bool) -> None:
    config = load(preset)
    profile = config.profile
    if kernel:
        b = profile.kernel_reciprocal.fraction
        block = Newton(b, b, profile.kernel_seed, profile.kernel_steps, tag=5)
    else:
        a, b = profile.cordic.fraction, profile.reciprocal.fraction
        block = Newton(a, b, profile.reciprocal_seed, profile.reciprocal_steps, tag=5)
    outcome = simulate(
        module=block.module,
        verilog=emit.verilog(block),
        bench="nms.sim.testbenches.newton",
        parameters={"config": config.model_dump(), "kernel": kernel, "latency": block.latency},
    )
    assert outcome, outcome.failures
    assert outcome.compared >= 1400
