# SPDX-License-Identifier: Apache-2.0
"""Bench of :class:`nms.rtl.embedding.te.TE`: embeddings against the golden model, stalls, resets, cycles.

Parameters: ``config``; ``long``: iterations of one more embedding of real images, none by default.
"""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time
from sklearn.datasets import load_digits

from nms.contract.config import Config
from nms.contract.settings import Settings
from nms.golden.sampler import run
from nms.golden.te import embed
from nms.rtl.embedding.te import TE
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Pack, Sink, Source, Stalls, cycles, reset_mid, start, until
from nms.sim.verilator.context import context, parameters

CONFIG = Config(**parameters()["config"])
PROFILE = CONFIG.profile
BLOCK = TE(CONFIG)
POINT = Pack({"x": -PROFILE.position.width, "y": -PROFILE.position.width})
LONG = parameters().get("long", 0)

Case = tuple[np.ndarray, np.ndarray]
"""Affinities (N, N) and positions Y0 (N, 2), raw."""


def real(count: int, seed: int) -> Case:
    """Handwritten digits, as the sampler embeds them."""
    images = load_digits().images.reshape(-1, 64).astype(np.uint8)[seed : seed + count, : CONFIG.pixels]
    settings = Settings.make(
        CONFIG, count, images.shape[1], perplexity=min(15.0, count / 2), iterations=0, seed=seed
    )
    tables = run(CONFIG, settings, images)
    return tables.affinity, tables.embedding_init


def made(count: int, rng: np.random.Generator) -> dict[str, Case]:
    """Affinities and positions that no image gives: each name says what is extreme about them."""
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
    """The memory of the affinities: a word one cycle after its address, anything in columns >= N."""

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
        dut = self.dut
        while True:
            await self.edge
            row = dut.row.value.to_unsigned()
            block = 0 if self.single else dut.block.value.to_unsigned()
            if row < len(self.words):
                dut.word.value = self.words[row][block]


async def begin(
    dut: Any,
    memory: Affinities,
    case: Case,
    iterations: int,
    exaggerated: int = 0,
    stalls: Stalls = Stalls.NONE,
) -> None:
    """Load the affinities, set the counts, pulse start, send the points in the background."""
    affinity, points = case
    memory.load(affinity)
    dut.count.value, dut.iterations.value, dut.exaggerated.value = len(points), iterations, exaggerated
    dut.start.value = 1
    await cycles(dut, 1)
    dut.start.value = 0
    Source(dut, "i_points", stalls).start(POINT.pack(x=x, y=y) for x, y in points)


async def embedded(
    dut: Any,
    board: Scoreboard,
    memory: Affinities,
    case: Case,
    iterations: int,
    exaggerated: int = 0,
    stalls: Stalls = Stalls.NONE,
) -> int:
    """One embedding against the golden model, all points read in some order; returns its cycles."""
    affinity, points = case
    expected = embed(CONFIG, affinity, points, iterations, exaggerated)
    order = generator("order").permutation(len(points))
    board.expect((int(i), int(expected[i, 0]), int(expected[i, 1])) for i in order)
    await begin(dut, memory, case, iterations, exaggerated, stalls)
    began = get_sim_time("ns")
    await until(dut, "done", 2 * BLOCK.cycles(len(points), iterations) + 1000)
    took = round((get_sim_time("ns") - began) / PERIOD)
    Source(dut, "i_read", stalls).start(order)
    values = await Sink(dut, "o_read", stalls).take(len(points), timeout=100 * len(points))
    for i, value in zip(order, values, strict=True):
        point = POINT.unpack(value)
        board.got((int(i), point["x"], point["y"]))
    return took


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut: Any, stalls: Stalls) -> None:
    """Real and extreme embeddings of changing sizes and iterations, one after another, under all stalls."""
    await start(dut)
    memory = Affinities(dut)
    rng = generator(f"streams {stalls.value}")
    board = Scoreboard(f"te {stalls.value}", minimum=8 * 4)
    sizes = [CONFIG.images, 4, max(4, CONFIG.images - 1)]
    if stalls is Stalls.NONE:
        for seed, (count, iterations) in enumerate(
            [(sizes[0], 0), (sizes[2], 5), (sizes[0], 2), (sizes[1], 5)]
        ):
            await embedded(dut, board, memory, real(count, seed), iterations, iterations // 2)
    for number, name in enumerate(made(4, rng)):
        case = made(sizes[number % 3], rng)[name]
        iterations, exaggerated = ((5, 1), (1, 0), (4, 3), (0, 0), (2, 2), (3, 65535))[number % 6]
        await embedded(dut, board, memory, case, iterations, exaggerated, stalls)
    board.finish()


@cocotb.test()
async def resets(dut: Any) -> None:
    """A reset at any moment of an embedding, then a clean one."""
    await start(dut)
    memory = Affinities(dut)
    rng = generator("resets")
    count = CONFIG.images
    board = Scoreboard("te after reset", minimum=8 * count)
    for moment in np.linspace(1, BLOCK.cycles(count, 2) - 1, 8).astype(int):
        await begin(dut, memory, made(count, rng)["full affinity"], 2)
        await cycles(dut, int(moment))
        await reset_mid(dut)
        await embedded(dut, board, memory, made(count, rng)["twins"], 1)
    board.finish()


@cocotb.test()
async def saturation(dut: Any) -> None:
    """Positions and velocities reach the ends of their formats."""
    await start(dut)
    memory = Affinities(dut)
    board = Scoreboard("te saturation", minimum=2 * CONFIG.images)
    cases = made(CONFIG.images, generator("saturation"))
    corners, pair = cases["corners"], cases["close pair, others far apart"]
    assert (embed(CONFIG, *corners, 3, 0) == PROFILE.position.max).any(), "no position saturates"
    if CONFIG.images > 12:  # with fewer points Z is too large a part of the repulsion
        moves = embed(CONFIG, *pair, 1, 0) - pair[1]
        assert (np.abs(moves) >= PROFILE.velocity.max).any(), "no velocity saturates"
    await embedded(dut, board, memory, corners, 3)
    await embedded(dut, board, memory, pair, 2)
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """The cycles are those of the block's formula."""
    await start(dut)
    memory = Affinities(dut)
    rng = generator("timing")
    board = Scoreboard("te cycles", minimum=3)
    points = Scoreboard("te", minimum=4)
    for count, iterations in [(4, 1), (max(4, CONFIG.images - 1), 2), (CONFIG.images, 3)]:
        board.expect([BLOCK.cycles(count, iterations)])
        board.got(await embedded(dut, points, memory, made(count, rng)["hub"], iterations))
    points.finish()
    board.finish()


@cocotb.test(skip=not LONG)
async def whole(dut: Any) -> None:
    """The whole schedule on real images, at full batch."""
    await start(dut)
    board = Scoreboard("te whole", minimum=CONFIG.images)
    took = await embedded(dut, board, Affinities(dut), real(CONFIG.images, 1), LONG, LONG // 4)
    dut._log.info(f"te: {LONG} iterations of {CONFIG.images} points in {took} cycles")
    board.finish()
    assert took == BLOCK.cycles(CONFIG.images, LONG)
