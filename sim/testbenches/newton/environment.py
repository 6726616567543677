# SPDX-License-Identifier: Apache-2.0
"""Stimulus and expected results of Newton's reciprocal."""

import numpy as np

from nms.contract.config import Config
from nms.golden.newton import reciprocal
from nms.rtl.lib.newton import Newton
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack
from nms.sim.testbenches.common.pipeline import Stimulus, draw_tags, tag_width
from nms.sim.verilator.context import parameters

PROFILE = Config.model_validate(parameters()["config"]).profile
if parameters()["kernel"]:
    RESULT_FORMAT, SEED, STEPS = PROFILE.kernel_reciprocal, PROFILE.kernel_seed, PROFILE.kernel_steps
    FRACTION = RESULT_FORMAT.fraction
else:
    RESULT_FORMAT, SEED, STEPS = PROFILE.reciprocal, PROFILE.reciprocal_seed, PROFILE.reciprocal_steps
    FRACTION = PROFILE.cordic.fraction

ARGUMENTS = (FRACTION, RESULT_FORMAT.fraction, SEED, STEPS)
TAG = tag_width(Newton(*ARGUMENTS).i.payload.shape())
BLOCK = Newton(*ARGUMENTS, tag=TAG)
ITEM, RESULT = Pack(BLOCK.i.payload.shape()), Pack(BLOCK.o.payload.shape())
NAME = f"reciprocal to {RESULT_FORMAT}"


def stimulus(count: int = 0) -> Stimulus:
    """Both ends of every interval of the seed table, and ``count`` random values."""
    one, rest = 1 << FRACTION, FRACTION - SEED
    starts = np.arange(1 << SEED, dtype=np.int64) << rest
    some = generator(NAME).integers(0, one, count)
    values = one + np.concatenate([starts, starts + (1 << rest) - 1, [1, one - 2], some])
    tags = draw_tags(len(values), TAG)
    results = reciprocal(values, *ARGUMENTS)
    return Stimulus(
        NAME,
        [ITEM.pack(m=value, tag=tag) for value, tag in zip(values, tags, strict=True)],
        [RESULT.pack(y=result, tag=tag) for result, tag in zip(results, tags, strict=True)],
    )
