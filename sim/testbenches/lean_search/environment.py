# SPDX-License-Identifier: Apache-2.0
"""Batches of distances, the memory that they are read from, and comparison of rows and shares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from nms.contract import config as configuration
from nms.contract.config import LeanConfig
from nms.golden.lean.affinity import conditional
from nms.golden.lean.search import search
from nms.rtl.lean.search import LeanSearch
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Sink, Stalls, cycles, pulse
from nms.sim.verilator.context import parameters

CONFIG = cast(LeanConfig, configuration.make(parameters()["config"]))
BLOCK = LeanSearch(CONFIG)
ROW = Pack(BLOCK.o_rows.payload.shape())
FIELDS = ("minimum", "scale", "ties", "status", "mantissa", "exponent", "entropy", "evaluations")

Share = tuple[int, int, int]
"""i, j and p_j|i."""


def squares(points: np.ndarray) -> np.ndarray:
    """Squared distances of points (N, D)."""
    points = points.astype(np.int64)
    return ((points[:, None] - points[None]) ** 2).sum(-1)


def noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """Distances of random images: all about equal, as many as the configuration has bits for."""
    return squares(rng.integers(0, 256, (count, CONFIG.pixels)))


def clusters(rng: np.random.Generator, count: int) -> np.ndarray:
    """Distances of images around a few others, with copies."""
    centres = rng.integers(0, 256, (4, CONFIG.pixels))
    images = centres[rng.integers(0, 4, count)] + rng.normal(0, 12, (count, CONFIG.pixels))
    images[1] = images[0]
    return squares(np.clip(images, 0, 255).astype(np.uint8))


def any_size(rng: np.random.Generator, count: int) -> np.ndarray:
    """Numbers of any size, each row within its own range."""
    width = CONFIG.derived.distance_width
    value = rng.integers(0, 1 << width, (count, count)) >> rng.integers(0, width + 1, (count, 1))
    return np.triu(value, 1) + np.triu(value, 1).T


def few_values(rng: np.random.Generator, count: int) -> np.ndarray:
    """Distances of 0 to 2, so that many are at the minimum: as many as the target, more, and fewer."""
    value = np.triu(rng.choice([0, 1, 2], (count, count), p=[0.2, 0.4, 0.4]), 1)
    return value + value.T


def equal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Equal distances of all pairs: L = 0."""
    return np.where(np.eye(count, dtype=bool), 0, rng.integers(0, 1 << CONFIG.derived.distance_width))


def outlier(rng: np.random.Generator, count: int) -> np.ndarray:
    """Neighbours at distances of a few units, and one image as far as can be."""
    distance = np.triu(rng.integers(0, 9, (count, count)), 1)
    distance[:-1, -1] = CONFIG.pixels * 255**2 - rng.integers(0, 3, count - 1)
    return distance + distance.T


KINDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    function.__name__: function for function in (noise, clusters, any_size, few_values, equal, outlier)
}
"""Batches of distances."""


@dataclass(frozen=True)
class Batch:
    """Distances (N, N) and the settings of their search."""

    distance: np.ndarray
    target: int
    evaluations: int = 6

    @classmethod
    def draw(cls, kind: str, name: str, count: int) -> "Batch":
        """Distances of a kind, and a target and a number of evaluations that are legal for them."""
        rng = generator(name)
        target = rng.integers(1, 256 * (count - 1).bit_length())
        return cls(KINDS[kind](rng, count), int(target), int(rng.integers(1, 16)))


def expect(batch: Batch) -> tuple[list[dict[str, int]], list[Share]]:
    """The rows and the shares of the golden model."""
    rows = search(CONFIG, batch.distance, batch.target, batch.evaluations)
    count = len(batch.distance)
    items = [{"row": i} | {field: int(getattr(rows, field)[i]) for field in FIELDS} for i in range(count)]
    values = conditional(CONFIG, rows.weights, rows.sums)
    shares = [
        (i, j, int(values[i, place]))
        for i in range(count)
        for place, j in enumerate(j for j in range(count) if j != i)
    ]
    return items, shares


class PairMemory:
    """The memory of the distances; it counts its reads and hands each share to ``into``."""

    def __init__(self, dut: Any, distance: np.ndarray, into: Callable[[Share], object]) -> None:
        self.dut, self.into = dut, into
        self.rows = [[int(value) for value in row] for row in distance]
        self.reads = 0

    async def run(self) -> None:
        """Answer every read one cycle later."""
        dut, edge = self.dut, RisingEdge(self.dut.clk)
        while True:
            await edge
            if dut.read_enable.value:
                row, column = dut.read_row.value.to_unsigned(), dut.read_column.value.to_unsigned()
                assert row != column, "the distance of an image to itself is read"
                dut.read_data.value = self.rows[row][column]
                self.reads += 1
            if dut.share_valid.value:
                names = (dut.share_row, dut.share_column, dut.share)
                i, j, share = (name.value.to_unsigned() for name in names)
                self.into((i, j, share))


async def wait(dut: Any, name: str, timeout: int) -> int:
    """Cycles until the output ``name`` is high, from the pulse before on."""
    for taken in range(1, timeout):
        await cycles(dut, 1)
        if getattr(dut, name).value:
            return taken
    raise AssertionError(f"{name}: not high within {timeout} cycles")


async def run(dut: Any, batch: Batch, name: str, stalls: Stalls = Stalls.NONE) -> tuple[int, int]:
    """Search a batch, then take its affinities, and compare all; returns the cycles of both."""
    items, shares = expect(batch)
    count = len(batch.distance)
    rows_board, share_board = Scoreboard(f"{name} rows", count), Scoreboard(f"{name} shares", len(shares))
    rows_board.expect(items)
    share_board.expect(shares)
    memory = PairMemory(dut, batch.distance, share_board.got)
    task = cocotb.start_soon(memory.run())
    dut.count.value, dut.target.value, dut.evaluations.value = count, batch.target, batch.evaluations
    sink = Sink(dut, "o_rows", stalls).start(count, lambda row: rows_board.got(ROW.unpack(row)))
    await pulse(dut, "search")
    searching = await wait(dut, "searched", timeout=count * 17 * (count + 60))
    await sink
    assert memory.reads == len(shares), "each distance is read once for the search of a row"
    await pulse(dut, "affinity")
    sharing = await wait(dut, "done", timeout=count * (count + 60))
    task.cancel()
    rows_board.finish()
    share_board.finish()
    return searching, sharing
