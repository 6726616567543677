# SPDX-License-Identifier: Apache-2.0
"""Stimulus and expected results of the fitness unit: sums S and T of candidates, and their scores."""

import numpy as np

from nms.contract.config import Config
from nms.golden.fitness import fitness
from nms.rtl.search.fitness import Fitness
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack
from nms.sim.testbenches.common.pipeline import Stimulus, tag_width
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
TAG = tag_width(Fitness(CONFIG, tag=0).i.payload.shape())
BLOCK = Fitness(CONFIG, tag=TAG)
ITEM, SCORE = Pack(BLOCK.i.payload.shape()), Pack(BLOCK.o.payload.shape())


def candidates(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """S and T: ties only (T = 0), S at and just beside powers of two, the largest, and random ones.

    S of w_j = 2^-z_j has T/S + log2 S <= log2 of the number of terms, here at most 1023.
    """
    rng = generator(name)
    one = 1 << CONFIG.profile.sums.fraction
    s = np.exp2(rng.uniform(0, np.log2(1023), count)) * one
    t = s * (np.log2(1023) - np.log2(s / one)) * rng.uniform(0, 1, count)
    s, t = s.astype(np.int64), t.astype(np.int64)
    powers = one << np.arange(10)
    extremes = np.concatenate([powers, powers[1:] - 1, powers + 1, [1023 * one]])
    s[: len(extremes)] = extremes
    t[: len(extremes)] = 0
    return s, t


def stimulus(name: str, count: int) -> Stimulus:
    """``count`` candidates, extremes first, with the golden model's scores; each tag is its item's number."""
    s, t = candidates(name, count)
    scores = zip(*fitness(CONFIG, s, t), strict=True)
    tags = [i % (1 << TAG) for i in range(count)]
    return Stimulus(
        name,
        [ITEM.pack(s=a, t=b, tag=tag) for a, b, tag in zip(s, t, tags, strict=True)],
        [
            SCORE.pack(perplexity=p, reciprocal=y, shift=e, tag=tag)
            for (p, y, e), tag in zip(scores, tags, strict=True)
        ],
    )
