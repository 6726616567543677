# SPDX-License-Identifier: Apache-2.0
"""Cells, distances and row sums of batches, and the comparison of the keys with the golden model."""

from typing import Any, cast

import numpy as np
from cocotb.triggers import RisingEdge, with_timeout

from nms.contract.config import Config, LeanConfig, make
from nms.contract.settings import Pick
from nms.golden.picks import hub_key, medoid_key, neighbour_key
from nms.rtl.selection.picks import Picks
from nms.sim.models.port import ReadPort
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import PERIOD, pulse
from nms.sim.verilator.context import parameters

CONFIG = cast("Config | LeanConfig", make(parameters()["config"]))
LATENCY = Picks(CONFIG).latency
MOST = CONFIG.pixels * 255**2
"""The largest distance."""


def make_batches(
    rng: np.random.Generator, count: int
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Cell, distance and affinity of ``count`` images: random ones, with ties, and extreme ones."""

    def mirror(values: np.ndarray) -> np.ndarray:
        below = np.tril(values, -1)
        return below + below.T

    shape, cells = (count, count), CONFIG.derived.grid_side**2
    random = mirror(rng.integers(0, MOST + 1, shape))
    shares = mirror(rng.integers(0, (1 << 16) // count, shape))
    return {
        "random": (rng.integers(0, cells, count), random, shares),
        "few cells": (rng.integers(0, 3, count), random, shares),
        "one cell": (np.full(count, cells - 1), random, mirror(np.full(shape, 1 << 15))),
        "ties": (
            rng.integers(0, 2, count),
            mirror(rng.integers(0, 3, shape)),
            mirror(rng.integers(0, 2, shape)),
        ),
        "largest": (np.zeros(count, np.int64), mirror(np.full(shape, MOST)), shares),
        "all 0": (rng.integers(0, 4, count), np.zeros(shape, np.int64), np.zeros(shape, np.int64)),
    }


class Memories:
    """What the block reads: distances and row sums."""

    def __init__(self, dut: Any) -> None:
        place = ("read_row", "read_column")
        self.pairs = ReadPort(dut, "read_enable", place, "read_data", LATENCY).start()
        self.sums = ReadPort(dut, "sum_enable", ("sum_row",), "row_sum").start()


async def compare(
    dut: Any,
    memories: Memories,
    board: Scoreboard,
    pick: Pick,
    batch: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """One batch: its keys in order, those of the hub as bits inverted."""
    cell, distance, affinity = batch
    memories.pairs.values, memories.sums.values = distance, affinity.sum(axis=1)
    ones = (1 << len(dut.row_sum)) - 1
    keys = {
        Pick.MEDOID: medoid_key(cell, distance),
        Pick.HUB: ones + hub_key(affinity),
        Pick.NEIGHBOUR: neighbour_key(distance),
    }[pick]
    board.expect((index, int(cell[index]), int(key)) for index, key in enumerate(keys))
    dut.pick.value, dut.count.value = int(pick), len(cell)
    for index in np.argsort(distance[0], kind="stable").tolist():  # cells may come in any order
        dut.cell_index.value, dut.cell_id.value, dut.cell_valid.value = index, int(cell[index]), 1
        await RisingEdge(dut.clk)
    dut.cell_valid.value = 0
    await pulse(dut, "start")
    await with_timeout(_take(dut, board), (len(cell) + 4 + LATENCY) ** 2 * PERIOD, "ns")


async def _take(dut: Any, board: Scoreboard) -> None:
    """Every key until ``done``."""
    edge = RisingEdge(dut.clk)
    while True:
        await edge
        if dut.key_valid.value:
            signals = (dut.key_index, dut.key_cell, dut.key)
            board.got(tuple(signal.value.to_unsigned() for signal in signals))
            if dut.done.value:
                return
