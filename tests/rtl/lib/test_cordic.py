# SPDX-License-Identifier: Apache-2.0
"""The CORDIC hardware against the bit-true model, in each of its uses."""

import pytest

from nms.contract.config import load
from nms.contract.derived import cordic_indices
from nms.rtl.export import emit
from nms.rtl.lib.cordic import Decay, Rotate, Vector
from nms.rtl.lib.hierarchy import Block
from nms.sim.verilator.runner import simulate


@pytest.mark.parametrize("preset", ["tiny", "paper"])
@pytest.mark.parametrize("use", ["weight", "log2", pytest.param("exp2", marks=pytest.mark.slow)])
def test_every_use(preset: str, use: str) -> None:
    config = load(preset)
    profile = config.profile
    last = profile.weight_last if use == "weight" else profile.post_last
    made = {"weight": Decay, "log2": Vector, "exp2": Rotate}[use]
    block: Block = made(cordic_indices(last), profile.cordic.fraction, config.unroll, tag=5)
    outcome = simulate(
        module=block.module,
        verilog=emit.verilog(block),
        bench="nms.sim.testbenches.cordic",
        parameters={"config": config.model_dump(), "last": last},
    )
    assert outcome, outcome.failures
    assert outcome.compared >= 1400
