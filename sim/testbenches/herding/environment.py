# SPDX-License-Identifier: Apache-2.0
"""Distances of batches, the memory that keeps them, and comparison of the kept images."""

from collections.abc import Iterator
from typing import Any, cast

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from nms.contract.config import ReducedConfig, make
from nms.golden.herding import choose
from nms.golden.pea import distances
from nms.rtl.selection.herding import Herding
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Pack, Sink, Stalls, pulse
from nms.sim.verilator.context import parameters

CONFIG = cast(ReducedConfig, make(parameters()["config"]))
BLOCK = Herding(CONFIG)
KEPT = Pack(BLOCK.o_kept.payload.shape())
MOST = CONFIG.pixels * 255**2
"""The largest distance."""


def make_distances(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Matrices of ``count`` images: of images, of clusters, with many ties, and extreme ones of any form."""

    def mirror(values: np.ndarray) -> np.ndarray:
        below = np.tril(values, -1)
        return below + below.T

    shape = (count, count)
    images = rng.integers(0, 256, (count, CONFIG.pixels), dtype=np.uint8)
    near = rng.integers(0, 4, (count, CONFIG.pixels), dtype=np.uint8)
    return {
        "images": distances(images),
        "clusters": distances(images[rng.integers(0, 3, count)] // 2 + near),
        "twins": distances(images[rng.integers(0, (count + 1) // 2, count)]),
        "few": mirror(rng.integers(0, 3, shape)),
        "equal": mirror(np.full(shape, int(rng.integers(0, MOST + 1)))),
        "largest": mirror(np.full(shape, MOST)),
        "extreme": mirror(rng.integers(0, 2, shape) * MOST),
        "one far": mirror(np.full(shape, MOST) * (np.arange(count) == count - 1)[:, None]),
    }


def order_rows(count: int) -> Iterator[tuple[int, int]]:
    """All pairs, row by row."""
    return ((row, column) for row in range(count) for column in range(row))


def order_blocks(count: int) -> Iterator[tuple[int, int]]:
    """All pairs, four columns at a time."""
    for low in range(0, count, 4):
        for row in range(low + 1, count):
            yield from ((row, column) for column in range(low, min(low + 4, row)))


class PairReads:
    """The memory of distances: gives ``values`` a cycle after each read; ``count`` are the reads."""

    def __init__(self, dut: Any) -> None:
        self.dut, self.values, self.count = dut, np.zeros((1, 1), int), 0
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut, edge = self.dut, RisingEdge(self.dut.clk)
        while True:
            await edge
            if dut.read_enable.value:
                row, column = dut.read_row.value.to_unsigned(), dut.read_column.value.to_unsigned()
                self.count += row != column
                dut.read_data.value = int(self.values[row, column])


async def send_pairs(
    dut: Any, rng: np.random.Generator, values: np.ndarray, order: Iterator[tuple[int, int]], gaps: bool
) -> None:
    """Send the pairs one a cycle or, with ``gaps``, with pauses between some."""
    edge = RisingEdge(dut.clk)
    for row, column in order:
        dut.pair_row.value, dut.pair_column.value = row, column
        dut.pair_distance.value, dut.pair_valid.value = int(values[row, column]), 1
        await edge
        pause = int(rng.integers(1, 4)) if gaps and rng.random() < 0.4 else 0
        if pause:
            dut.pair_valid.value = 0
            await ClockCycles(dut.clk, pause)
    dut.pair_valid.value = 0


async def begin(
    dut: Any, rng: np.random.Generator, memory: PairReads, values: np.ndarray, keep: int, gaps: bool = False
) -> None:
    """Send the pairs of a batch in one of the orders and pulse start a cycle later."""
    dut.count.value, dut.keep.value = len(values), keep
    memory.values = values
    order = order_rows if rng.integers(0, 2) else order_blocks
    await send_pairs(dut, rng, values, order(len(values)), gaps)
    await RisingEdge(dut.clk)
    await pulse(dut, "start")


async def compare(
    dut: Any,
    rng: np.random.Generator,
    memory: PairReads,
    board: Scoreboard,
    values: np.ndarray,
    keep: int,
    stalls: Stalls = Stalls.NONE,
) -> None:
    """One batch against the golden model."""
    kept = choose(values, keep)
    board.expect((int(index), int(place + 1 == keep)) for place, index in enumerate(kept))
    await begin(dut, rng, memory, values, keep, stalls in (Stalls.PRODUCER, Stalls.BOTH, Stalls.RANDOM))
    timeout = 8 * BLOCK.cycles(len(values), keep)
    for value in await Sink(dut, "o_kept", stalls).take(keep, timeout=timeout):
        fields = KEPT.unpack(value)
        board.got((fields["index"], fields["last"]))


def draw_sizes(rng: np.random.Generator) -> list[tuple[int, int]]:
    """(N, K): the extremes of both, and some between."""
    most = CONFIG.images
    between = [(int(n), int(rng.integers(1, n + 1))) for n in rng.integers(4, most + 1, 3)]
    return [(most, max(1, round(0.3 * most))), (4, 1), (4, 4), (most, most), (most, 1), *between]
