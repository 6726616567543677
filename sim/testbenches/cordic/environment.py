# SPDX-License-Identifier: Apache-2.0
"""Stimulus and expected results of the three CORDIC units."""

from typing import Any

import numpy as np

from nms.contract.config import Config
from nms.contract.derived import cordic_indices
from nms.golden import cordic
from nms.rtl.lib.cordic import Decay, Rotate, Vector
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack
from nms.sim.testbenches.common.pipeline import Stimulus, draw_tags, tag_width
from nms.sim.verilator.context import context, parameters

CONFIG = Config.model_validate(parameters()["config"])
FRACTION = CONFIG.profile.cordic.fraction
LAST = parameters()["last"]
LATENCY = CONFIG.derived.cordic_latency(len(cordic_indices(LAST)))


def _build_block(tag: int) -> Rotate | Decay | Vector:
    """The block whose output differs from its input by as many bits as the ports of the one under test."""
    ports = context().ports
    difference = ports["o__payload"].width - ports["i__payload"].width
    for kind in (Rotate, Decay, Vector):
        block = kind(cordic_indices(LAST), FRACTION, CONFIG.unroll, tag)
        if block.o.payload.shape().size - block.i.payload.shape().size == difference:
            return block
    raise ValueError(f"no CORDIC unit's output is {difference} bits wider than its input")


TAG = tag_width(_build_block(tag=0).i.payload.shape())
BLOCK = _build_block(TAG)
ITEM, RESULT = Pack(BLOCK.i.payload.shape()), Pack(BLOCK.o.payload.shape())
NAMES = {Rotate: "rotation", Decay: "decay", Vector: "vectoring"}
NAME = f"{NAMES[type(BLOCK)]} to {LAST}"


def draw_values(count: int) -> np.ndarray:
    """Raw inputs: ends and middles of the domain, their neighbours, powers of two, ``count`` random ones."""
    one = 1 << FRACTION
    corners = [0, 1, 2, one - 1, one - 2, one // 2, one // 2 - 1, one // 2 + 1]
    corners += [1 << k for k in range(FRACTION)] + [one - (1 << k) for k in range(FRACTION)]
    random = generator(NAME)
    some = random.integers(0, one, count) >> random.integers(0, FRACTION, count) * (np.arange(count) % 4 == 0)
    return np.concatenate([np.array(corners), some]) + (one if isinstance(BLOCK, Vector) else 0)


def stimulus(count: int = 0) -> Stimulus:
    """The corners of the domain and ``count`` random values, with the golden model's results."""
    values = draw_values(count)
    results: dict[str, Any]
    if isinstance(BLOCK, Rotate):
        entry = "angle"
        results = dict(zip(("x", "y"), cordic.rotate(values, LAST, FRACTION), strict=True))
    elif isinstance(BLOCK, Decay):
        entry, results = "angle", {"power": cordic.decay(values, LAST, FRACTION)}
    else:
        entry, results = "mantissa", {"log": cordic.log2(values, LAST, FRACTION)}
    tags = draw_tags(len(values), TAG)
    return Stimulus(
        NAME,
        [ITEM.pack(**{entry: value}, tag=tag) for value, tag in zip(values, tags, strict=True)],
        [
            RESULT.pack(**{name: column[n] for name, column in results.items()}, tag=tag)
            for n, tag in enumerate(tags)
        ],
    )
