# SPDX-License-Identifier: Apache-2.0
"""Bench of the affinities: all elements by single reads and all words, against ``nms.golden.affinity``."""

import cocotb
import numpy as np

import nms.golden.affinity
import nms.golden.de
import nms.golden.pea
import nms.golden.prng
from nms.contract.config import Config
from nms.rtl.embedding.affinity import Affinity
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Sink, Source, Stalls, cycles, reset_mid, start, until
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
PROFILE, DERIVED = CONFIG.profile, CONFIG.derived
SCALING = Pack({"row": DERIVED.index_width, "reciprocal": PROFILE.reciprocal.width, "shift": 4})
PAIR = Pack({"row": DERIVED.index_width, "column": DERIVED.index_width})
LANES = CONFIG.te_lanes


class Batch:
    """Weights and scalings of N rows, and the matrix that belongs to them."""

    def __init__(self, weights: np.ndarray, reciprocal: np.ndarray, shift: np.ndarray, matrix: np.ndarray):
        self.count = len(matrix)
        self.matrix = matrix
        self.weights = [int(weight) for weight in weights.ravel()]
        self.scalings = [
            SCALING.pack(row=row, reciprocal=y, shift=e)
            for row, (y, e) in enumerate(zip(reciprocal, shift, strict=True))
        ]

    @classmethod
    def random(cls, name: str, count: int) -> "Batch":
        """Any weights, 0 and 1 often; any y and e."""
        rng = generator(name)
        one, unit = 1 << PROFILE.weight.fraction, 1 << PROFILE.reciprocal.fraction
        weights = rng.integers(0, one + 1, (count, count - 1))
        weights >>= rng.integers(0, PROFILE.weight.fraction, weights.shape)
        weights[rng.random(weights.shape) < 0.1] = one
        weights[rng.random(weights.shape) < 0.1] = 0
        reciprocal, shift = rng.integers(unit // 2, unit + 1, count), rng.integers(0, 10, count)
        reciprocal[0], shift[0] = unit, 0
        p = np.zeros((count, count), np.int64)
        p[~np.eye(count, dtype=bool)] = nms.golden.affinity.conditional(
            CONFIG, weights, reciprocal[:, None], shift[:, None]
        ).ravel()
        return cls(weights, reciprocal, shift, (p + p.T + 1) >> 1)

    @classmethod
    def searched(cls, name: str, count: int) -> "Batch":
        """A real batch with rows that have no solution."""
        images = generator(name).integers(0, 256, (count, CONFIG.pixels)).astype(np.uint8)
        images[1:3] = images[0]
        distance = nms.golden.pea.distances(images)
        target = int(1.5 * 2**PROFILE.perplexity.fraction)
        result = nms.golden.de.search(CONFIG, target, distance, nms.golden.prng.seeds(1, count))
        weights = nms.golden.affinity.row_weights(CONFIG, distance, result)
        matrix = nms.golden.affinity.affinities(CONFIG, distance, result)
        return cls(weights, result.reciprocal, result.shift, matrix)


async def fill(dut, batch: Batch, stalls: Stalls = Stalls.NONE) -> None:
    """All rows in."""
    dut.count.value = batch.count
    Source(dut, "i_scalings", stalls).start(batch.scalings)
    Source(dut, "i_weights", stalls).start(batch.weights)
    await until(dut, "done", timeout=50 * batch.count**2 + 1000)


async def compare(dut, batch: Batch, name: str, stalls: Stalls = Stalls.NONE) -> None:
    """Every element by single reads in any order, then every word, one a cycle, beside a pending read."""
    rng = generator(f"{name} order")
    order = [divmod(int(place), batch.count) for place in rng.permutation(batch.count**2)]
    board = Scoreboard(f"{name} elements", minimum=batch.count**2)
    board.expect(int(batch.matrix[place]) for place in order)
    Source(dut, "i_read", stalls).start(PAIR.pack(row=i, column=j) for i, j in order)
    await Sink(dut, "o_read", stalls).take(len(order), timeout=50 * len(order), into=board.got)
    board.finish()

    Source(dut, "i_read").start([PAIR.pack(row=1, column=2)])
    await cycles(dut, 3)
    board = Scoreboard(f"{name} words", minimum=batch.count**2)
    blocks = -(-batch.count // LANES)
    asked = [(row, block) for row in range(batch.count) for block in range(blocks)]
    for step in range(len(asked) + 2):
        if step < len(asked):
            dut.row.value = asked[step][0]
            if hasattr(dut, "block"):
                dut.block.value = asked[step][1]
        await cycles(dut, 1)
        if step >= 1 and step <= len(asked):
            row, block = asked[step - 1]
            word = dut.word.value.to_unsigned()
            for lane in range(min(LANES, batch.count - block * LANES)):
                board.expect([(row, block, lane, int(batch.matrix[row, block * LANES + lane]))])
                width = PROFILE.affinity.width
                board.got((row, block, lane, word >> lane * width & (1 << width) - 1))
    board.finish()
    assert await Sink(dut, "o_read").take(1, timeout=10) == [int(batch.matrix[1, 2])]


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut, stalls):
    """A full batch, a smaller and the smallest after each other."""
    await start(dut)
    for count in (CONFIG.images, max(CONFIG.images - 3, 4), 4):
        name = f"affinity {stalls.value} {count}"
        batch = Batch.random(name, count)
        await fill(dut, batch, stalls)
        await compare(dut, batch, name, stalls)


@cocotb.test()
async def searched(dut):
    await start(dut)
    batch = Batch.searched("affinity searched", min(CONFIG.images, 16))
    await fill(dut, batch)
    await compare(dut, batch, "affinity searched")


@cocotb.test()
async def reset(dut):
    """Reset within a row, between rows, in the drain, after it and in reads; then a clean run."""
    await start(dut)
    batch = Batch.random("affinity reset", min(CONFIG.images, 7))
    for before in (2, 9, 23, 60, 74):
        dut.count.value = batch.count
        Source(dut, "i_scalings").start(batch.scalings)
        Source(dut, "i_weights").start(batch.weights)
        await cycles(dut, before)
        await reset_mid(dut)
        await cycles(dut, 20)
        assert not dut.done.value
    for before in (1, 2, 3, 4):
        await fill(dut, batch)
        Source(dut, "i_read").start(range(8))
        await cycles(dut, before)
        await reset_mid(dut)
        await cycles(dut, 20)
        assert not dut.o_read__valid.value
    await fill(dut, batch)
    await compare(dut, batch, "affinity after reset")


@cocotb.test()
async def pace(dut):
    """Without pauses a batch takes as many cycles as documented."""
    await start(dut)
    batch = Batch.random("affinity pace", CONFIG.images)
    dut.count.value = batch.count
    Source(dut, "i_scalings").start(batch.scalings)
    Source(dut, "i_weights").start(batch.weights)
    count, taken = batch.count, 0
    while not dut.done.value:
        await cycles(dut, 1)
        taken += 1
        assert taken < 10 * count * count
    assert taken == count * (3 * count - 1) // 2 + Affinity(CONFIG).latency + 1, taken
