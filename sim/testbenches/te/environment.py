# SPDX-License-Identifier: Apache-2.0
"""Cases, memory of the affinities, driver and comparison of the embedding unit (TE)."""

import random
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge
from cocotb.utils import get_sim_time
from sklearn.datasets import load_digits

from nms.contract.config import Config
from nms.contract.settings import Settings
from nms.golden.sampler import run
from nms.golden.te import embed
from nms.rtl.embedding.te import TE
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Pack, Sink, Source, Stalls, pulse, until
from nms.sim.verilator.context import context, parameters

CONFIG = Config(**parameters()["config"])
PROFILE = CONFIG.profile
BLOCK = TE(CONFIG)
POINT = Pack(BLOCK.i_points.payload.shape())
LONG = parameters().get("long", 0)

Case = tuple[np.ndarray, np.ndarray]
"""Affinities (N, N) and positions Y0 (N, 2), raw."""


def embed_digits(count: int, seed: int) -> Case:
    """Affinities and start positions of handwritten digits, as the sampler embeds them."""
    images = load_digits().images.reshape(-1, 64).astype(np.uint8)[seed : seed + count, : CONFIG.pixels]
    settings = Settings.make(
        CONFIG, count, images.shape[1], perplexity=min(15.0, count / 2), iterations=0, seed=seed
    )
    tables = run(CONFIG, settings, images)
    return tables.affinity, tables.embedding_init


def make_cases(count: int, rng: np.random.Generator) -> dict[str, Case]:
    """Affinities and positions that no image gives, by what is extreme about them."""
    one, unit = 1 << PROFILE.affinity.fraction, 1 << PROFILE.position.fraction
    low, high = PROFILE.position.min, PROFILE.position.max

    def symmetric(largest: int) -> np.ndarray:
        p = rng.integers(0, largest + 1, (count, count))
        return np.triu(p, 1) + np.triu(p, 1).T

    off_diagonal = 1 - np.eye(count, dtype=np.int64)
    anywhere = rng.integers(low, high + 1, (count, 2))
    near = rng.integers(-unit // 4, unit // 4, (count, 2))
    hub = symmetric(one // (4 * count))
    hub[0, 1:] = hub[1:, 0] = one // 2
    corner = np.clip(high - rng.integers(0, unit // 8, (count, 2)), low, high)
    corner[: count // 2] *= -1
    ring = np.roll(np.eye(count, dtype=np.int64), 1, axis=0) * (one // 2)
    angles = np.arange(count) * (2 * np.pi / count)
    lonely = np.round(0.95 * high * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.int64)
    lonely[:2] = [[0, 0], [unit, 0]]
    twins = near[rng.integers(0, (count + 1) // 2, count)]
    return {
        "hub": (hub, near),
        "full affinity": (one * off_diagonal, 2 * near),
        "full affinity, far apart": (one * off_diagonal, anywhere),
        "corners": (symmetric(one // count), corner),
        "no affinity": (0 * off_diagonal, rng.integers(-3, 4, (count, 2))),
        "rows that sum to 1": (ring + ring.T, near),
        "close pair, others far apart": (0 * off_diagonal, lonely),
        "coincident": (symmetric(one), np.repeat(anywhere[:1], count, axis=0)),
        "twins": (symmetric(2 * one // count), twins),
        "ends": (symmetric(one // 2), np.where(rng.integers(0, 2, (count, 2)) == 1, low, high)),
    }


class Affinities:
    """The memory of the affinities: a word one cycle after it was wanted, then anything.

    In columns >= N there may be anything as well.
    """

    def __init__(self, dut: Any) -> None:
        self.dut, self.edge = dut, RisingEdge(dut.clk)
        self.single = "block" not in context().ports
        self.words: list[list[int]] = []
        cocotb.start_soon(self._serve())

    def load(self, affinity: np.ndarray) -> None:
        """Take the affinities of the next run."""
        count, lanes, width = len(affinity), CONFIG.te_lanes, PROFILE.affinity.width
        blocks = -(-CONFIG.images // lanes)
        rows = generator("columns beyond the last").integers(0, 1 << width, (count, blocks * lanes))
        rows[:, :count] = affinity
        self.words = [
            [
                sum(int(p) << width * lane for lane, p in enumerate(word))
                for word in row.reshape(blocks, lanes)
            ]
            for row in rows
        ]

    async def _serve(self) -> None:
        dut, bits = self.dut, len(self.dut.word)
        unknown = random.Random("affinities that nobody asked for")
        while True:
            await self.edge
            if not dut.word_enable.value:
                dut.word.value = unknown.getrandbits(bits)
                continue
            row = dut.row.value.to_unsigned()
            block = 0 if self.single else dut.block.value.to_unsigned()
            if row < len(self.words):
                dut.word.value = self.words[row][block]


@dataclass(frozen=True)
class Run:
    """One embedding: affinities and start positions, iterations, and how many of them are exaggerated."""

    case: Case
    iterations: int
    exaggerated: int = 0

    @property
    def count(self) -> int:
        """N, the number of points."""
        return len(self.case[1])


async def begin(dut: Any, memory: Affinities, run: Run, stalls: Stalls = Stalls.NONE) -> None:
    """Load the affinities, set the counts, pulse start, send the points in the background."""
    affinity, points = run.case
    memory.load(affinity)
    dut.count.value, dut.iterations.value = run.count, run.iterations
    dut.exaggerated.value = run.exaggerated
    await pulse(dut, "start")
    Source(dut, "i_points", stalls).start(POINT.pack(x=x, y=y) for x, y in points)


async def compare(
    dut: Any, board: Scoreboard, memory: Affinities, run: Run, stalls: Stalls = Stalls.NONE
) -> int:
    """One embedding against the golden model, all points read in some order; returns its cycles."""
    expected = embed(CONFIG, *run.case, run.iterations, run.exaggerated)
    order = generator("order").permutation(run.count)
    board.expect((int(i), int(expected[i, 0]), int(expected[i, 1])) for i in order)
    await begin(dut, memory, run, stalls)
    began = get_sim_time("ns")
    await until(dut, "done", 2 * BLOCK.cycles(run.count, run.iterations) + 1000)
    took = round((get_sim_time("ns") - began) / PERIOD)
    Source(dut, "i_read", stalls).start(order)
    values = await Sink(dut, "o_read", stalls).take(run.count, timeout=100 * run.count)
    for i, value in zip(order, values, strict=True):
        point = POINT.unpack(value)
        board.got((int(i), point["x"], point["y"]))
    if CONFIG.picks:
        await compare_sums(dut, board, run.case[0])
    return took


async def compare_sums(dut: Any, board: Scoreboard, affinity: np.ndarray) -> None:
    """The row sums of the affinities, each read on its own."""
    board.expect(int(total) for total in affinity.sum(axis=1))
    for row in range(len(affinity)):
        dut.sum_row.value, dut.sum_enable.value = row, 1
        await RisingEdge(dut.clk)
        dut.sum_row.value, dut.sum_enable.value = 0, 0  # what was read stays
        await RisingEdge(dut.clk)
        await ReadOnly()
        board.got(dut.row_sum.value.to_unsigned())
        await RisingEdge(dut.clk)
