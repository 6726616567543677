# SPDX-License-Identifier: Apache-2.0
"""Distances of a batch, written in any order, and reads of all pairs."""

from typing import Any, cast

import numpy as np
from cocotb.triggers import RisingEdge

from nms.contract.config import ReducedConfig, make
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.verilator.context import parameters

CONFIG = cast(ReducedConfig, make(parameters()["config"]))


def draw_distances(rng: np.random.Generator) -> np.ndarray:
    """A symmetric matrix of the largest batch, with a diagonal of 0."""
    below = np.tril(rng.integers(0, 1 << CONFIG.derived.distance_width, (CONFIG.images, CONFIG.images)), -1)
    return below + below.T


async def write(dut: Any, rng: np.random.Generator, values: np.ndarray) -> None:
    """Write the triangle below the diagonal in a random order."""
    edge = RisingEdge(dut.clk)
    rows, columns = np.tril_indices(len(values), -1)
    dut.write_enable.value = 1
    for at in rng.permutation(len(rows)):
        dut.write_row.value, dut.write_column.value = int(rows[at]), int(columns[at])
        dut.write_data.value = int(values[rows[at], columns[at]])
        await edge
    dut.write_enable.value = 0


async def read(dut: Any, rng: np.random.Generator, board: Scoreboard, values: np.ndarray) -> None:
    """Read all elements of the matrix in a random order, with pauses in which the last one is held."""
    edge, held = RisingEdge(dut.clk), None
    for at in rng.permutation(values.size):
        row, column = divmod(int(at), len(values))
        for enable in (0,) * int(rng.integers(0, 2)) + (1,):
            dut.read_enable.value, dut.read_row.value, dut.read_column.value = enable, row, column
            await edge
            if held is not None:
                board.expect([held])
                board.got(dut.read_data.value.to_unsigned())
            if enable:
                held = int(values[row, column])
    dut.read_enable.value = 0
