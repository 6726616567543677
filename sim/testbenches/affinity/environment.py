# SPDX-License-Identifier: Apache-2.0
"""Batches, driver and comparison of the affinities."""

from typing import Any

import numpy as np

import nms.golden.affinity
import nms.golden.de
import nms.golden.pea
import nms.golden.prng
from nms.contract.config import Config
from nms.rtl.embedding.affinity import Affinity
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Sink, Source, Stalls, cycles, until
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
PROFILE = CONFIG.profile
BLOCK = Affinity(CONFIG)
SCALING, PAIR = Pack(BLOCK.i_scalings.payload.shape()), Pack(BLOCK.i_read.payload.shape())
LANES = CONFIG.te_lanes
WIDTH = len(BLOCK.o_read.payload)


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
    def draw(cls, name: str, count: int) -> "Batch":
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
    def search(cls, name: str, count: int) -> "Batch":
        """A batch as the search leaves it, with rows that have no solution."""
        images = generator(name).integers(0, 256, (count, CONFIG.pixels)).astype(np.uint8)
        images[1:3] = images[0]
        distance = nms.golden.pea.distances(images)
        target = int(1.5 * 2**PROFILE.perplexity.fraction)
        result = nms.golden.de.search(CONFIG, target, distance, nms.golden.prng.seeds(1, count))
        weights = nms.golden.affinity.row_weights(CONFIG, distance, result)
        matrix = nms.golden.affinity.affinities(CONFIG, distance, result)
        return cls(weights, result.reciprocal, result.shift, matrix)


def begin(dut: Any, batch: Batch, stalls: Stalls = Stalls.NONE) -> None:
    """Set the count and send all rows in the background."""
    dut.count.value = batch.count
    Source(dut, "i_scalings", stalls).start(batch.scalings)
    Source(dut, "i_weights", stalls).start(batch.weights)


async def fill(dut: Any, batch: Batch, stalls: Stalls = Stalls.NONE) -> None:
    """Send all rows and wait until they are in."""
    begin(dut, batch, stalls)
    await until(dut, "done", timeout=50 * batch.count**2 + 1000)


async def compare(dut: Any, batch: Batch, name: str, stalls: Stalls = Stalls.NONE) -> None:
    """Every element by single reads in any order, then every word, one a cycle, beside a pending read.

    A word stays while none is wanted, whatever the address then is.
    """
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
    wanted: list[tuple[int, int, int]] = []
    for row in range(batch.count):
        for block in range(blocks):
            wanted.append((1, row, block))
            if rng.integers(0, 4) == 0:
                wanted.append((0, int(rng.integers(0, batch.count)), int(rng.integers(0, blocks))))
    for step in range(len(wanted) + 1):
        if step < len(wanted):
            dut.enable.value, dut.row.value = wanted[step][:2]
            if hasattr(dut, "block"):
                dut.block.value = wanted[step][2]
        await cycles(dut, 1)
        if step >= 1:
            if wanted[step - 1][0]:
                row, block = wanted[step - 1][1:]
            word = dut.word.value.to_unsigned()
            for lane in range(min(LANES, batch.count - block * LANES)):
                board.expect([(row, block, lane, int(batch.matrix[row, block * LANES + lane]))])
                board.got((row, block, lane, word >> lane * WIDTH & (1 << WIDTH) - 1))
    dut.enable.value = 0
    board.finish()
    assert await Sink(dut, "o_read").take(1, timeout=10) == [int(batch.matrix[1, 2])]
