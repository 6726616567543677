# SPDX-License-Identifier: Apache-2.0
"""Testbench of the fitness unit: S and T of real and chosen candidates, against ``nms.golden.fitness``."""

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from nms.contract.config import Config
from nms.golden.fitness import fitness
from nms.rtl.search.fitness import Fitness
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Sink, Source, Stalls, reset_mid, start
from nms.sim.verilator.context import context, parameters

CONFIG = Config(**parameters()["config"])
PROFILE = CONFIG.profile
TAG = context().ports["i__payload"].width - 2 * PROFILE.sums.width
ITEM = Pack({"s": PROFILE.sums.width, "t": PROFILE.sums.width, "tag": TAG})
SCORE = Pack(
    {"perplexity": PROFILE.perplexity.width, "reciprocal": PROFILE.reciprocal.width, "shift": 4, "tag": TAG}
)


def candidates(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """S and T: ties only (T = 0), S at and just beside powers of two, the largest, and random ones.

    S of w_j = 2^-z_j has T/S + log2 S <= log2 of the number of terms, here at most 1023.
    """
    rng = generator(name)
    one = 1 << PROFILE.sums.fraction
    s = np.exp2(rng.uniform(0, np.log2(1023), count)) * one
    t = s * (np.log2(1023) - np.log2(s / one)) * rng.uniform(0, 1, count)
    s, t = s.astype(np.int64), t.astype(np.int64)
    powers = one << np.arange(10)
    chosen = np.concatenate([powers, powers[1:] - 1, powers + 1, [1023 * one]])
    s[: len(chosen)] = chosen
    t[: len(chosen)] = 0
    return s, t


def stimulus(name: str, count: int) -> tuple[list[int], list[int]]:
    """Packed inputs and the packed outputs that belong to them; tags count."""
    s, t = candidates(name, count)
    scores = zip(*fitness(CONFIG, s, t), strict=True)
    tags = [i % (1 << TAG) for i in range(count)]
    items = [ITEM.pack(s=a, t=b, tag=tag) for a, b, tag in zip(s, t, tags, strict=True)]
    expected = [
        SCORE.pack(perplexity=p, reciprocal=y, shift=e, tag=tag)
        for (p, y, e), tag in zip(scores, tags, strict=True)
    ]
    return items, expected


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.PRODUCER, Stalls.RANDOM])
async def streams(dut, stalls):
    await start(dut)
    items, expected = stimulus(f"fitness {stalls.value}", 500)
    board = Scoreboard(f"fitness {stalls.value}", minimum=500)
    board.expect(expected)
    Source(dut, "i", stalls).start(items)
    await Sink(dut, "o", stalls).take(len(items), timeout=20_000, into=board.got)
    board.finish()


@cocotb.test()
async def reset(dut):
    await start(dut)
    items, expected = stimulus("fitness reset", 100)
    Source(dut, "i").start(items)
    await Sink(dut, "o").take(10, timeout=1000)
    await reset_mid(dut)
    board = Scoreboard("fitness after reset", minimum=len(items))
    board.expect(expected)
    Source(dut, "i").start(items)
    await Sink(dut, "o").take(len(items), timeout=1000, into=board.got)
    board.finish()


@cocotb.test()
async def pace(dut):
    """The latency is the one documented and candidates follow at an interval of one cycle."""
    await start(dut)
    items, _ = stimulus("fitness pace", 64)
    edge, taken = RisingEdge(dut.clk), []
    Source(dut, "i").start(items)
    entered = None
    for cycle in range(1000):
        await edge
        if entered is None and dut.i__valid.value:
            entered = cycle
        if dut.o__valid.value:
            taken.append(cycle)
            if len(taken) == len(items):
                break
    assert entered is not None
    assert taken == list(range(entered + Fitness(CONFIG).latency, taken[-1] + 1)), (entered, taken)
    assert len(taken) == len(items)
