# SPDX-License-Identifier: Apache-2.0
"""Batches of images, and comparison of the distances with the golden model."""

from collections.abc import Iterator
from typing import Any, cast

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from nms.contract.config import ReducedConfig, make
from nms.golden.pea import distances
from nms.rtl.lean.distances import Distances
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Pack, Source, Stalls, pulse, until
from nms.sim.verilator.context import parameters

CONFIG = cast(ReducedConfig, make(parameters()["config"]))
BLOCK = Distances(CONFIG)
BYTE = Pack(BLOCK.i_bytes.payload.shape())


def make_batches(rng: np.random.Generator, count: int, length: int) -> dict[str, np.ndarray]:
    """Batches of ``count`` images of ``length`` bytes: of all values, alike, extreme and equal ones."""
    shape = (count, length)
    base = rng.integers(0, 256, length)
    return {
        "random": rng.integers(0, 256, shape, dtype=np.uint8),
        "alike": np.clip(base + rng.integers(-3, 4, shape), 0, 255).astype(np.uint8),
        "extreme": np.repeat(rng.integers(0, 2, (count, 1)) * 255, length, axis=1).astype(np.uint8),
        "equal": np.repeat(base[None], count, axis=0).astype(np.uint8),
    }


def draw_sizes(rng: np.random.Generator) -> list[tuple[int, int]]:
    """(N, bytes of an image): the extremes of both, every remainder of the rows of four, some between."""
    most, longest = CONFIG.images, CONFIG.pixels
    found = [(4, 1), (most, min(longest, 17)), (4, longest), (min(most, 6), longest)]
    found += [(count, int(rng.integers(1, longest + 1))) for count in range(5, min(most, 9) + 1)]
    return [*found, (int(rng.integers(4, most + 1)), int(rng.integers(1, longest + 1)))]


def list_bytes(images: np.ndarray) -> Iterator[int]:
    """The batch as it comes."""
    for image in images:
        for place, value in enumerate(image):
            yield BYTE.pack(data=int(value), last=int(place + 1 == len(image)))


async def load(
    dut: Any, images: np.ndarray, stalls: Stalls = Stalls.NONE, standing: np.ndarray | None = None
) -> None:
    """Load a batch, and leave out the images that do not stand."""
    count, length = images.shape
    dut.expected.value, dut.length.value = count, length
    dut.count.value = count if standing is None else int(standing.sum())
    await pulse(dut, "load")
    if standing is None:
        await Source(dut, "i_bytes", stalls).send(list_bytes(images))
        return
    source = Source(dut, "i_bytes", stalls)
    for image, stands in zip(images, standing, strict=True):
        await source.send(list_bytes(image[None]))
        if not stands:
            await pulse(dut, "drop")


async def collect(dut: Any, pairs: list[tuple[int, int, int]]) -> None:
    """Append each pair (row, column, distance) as it leaves."""
    edge = RisingEdge(dut.clk)
    while True:
        await edge
        if dut.pair_valid.value:
            row, column = dut.pair_row.value.to_unsigned(), dut.pair_column.value.to_unsigned()
            pairs.append((row, column, dut.pair_distance.value.to_unsigned()))


def check_order(pairs: list[tuple[int, int, int]]) -> None:
    """The first pair of a row is that with column 0, the first of a column that with the row after it."""
    rows, columns = set(), set()
    for row, column, _ in pairs:
        assert (row in rows) == (column != 0), f"pair {row}, {column} does not begin row {row}"
        assert (column in columns) == (row != column + 1), f"{row}, {column} does not begin its column"
        rows.add(row)
        columns.add(column)


async def compare(
    dut: Any,
    board: Scoreboard,
    images: np.ndarray,
    stalls: Stalls = Stalls.NONE,
    standing: np.ndarray | None = None,
) -> None:
    """One batch, loaded and computed, against the golden model."""
    await load(dut, images, stalls, standing)
    if standing is not None:
        images = images[standing > 0]
    exact = distances(images)
    count, length = images.shape
    board.expect((i, j, int(exact[i, j])) for i in range(count) for j in range(i))
    await until(dut, "loaded", 4)
    assert not dut.load_ready.value, "a load is possible over a batch"
    pairs: list[tuple[int, int, int]] = []
    collector = cocotb.start_soon(collect(dut, pairs))
    await pulse(dut, "start")
    await until(dut, "done", BLOCK.cycles(count, length) + 10)
    collector.cancel()
    check_order(pairs)
    for pair in sorted(pairs):
        board.got(pair)
    await RisingEdge(dut.clk)
    assert dut.load_ready.value, "no load is possible"
    assert not dut.loaded.value, "the batch is still there"
