# SPDX-License-Identifier: Apache-2.0
"""Maps of points, driver and comparison of the grid sampler."""

from typing import Any, cast

import numpy as np
from cocotb.triggers import RisingEdge, with_timeout

from nms.contract.config import Config, LeanConfig, make
from nms.golden.grid import assign_cells, sample
from nms.rtl.selection.grid import Grid
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import PERIOD, Pack, Sink, Source, Stalls, pulse
from nms.sim.verilator.context import parameters

CONFIG = cast("Config | LeanConfig", make(parameters()["config"]))
POSITION = CONFIG.profile.position
BLOCK = Grid(CONFIG)
POINT, KEPT = Pack(BLOCK.i_points.payload.shape()), Pack(BLOCK.o_kept.payload.shape())
TIMEOUT = 40 * CONFIG.images**2 + 4000


def make_maps(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Maps of ``count`` points, raw positions: like an embedding, crowded, degenerate and extreme ones."""
    unit = 1 << POSITION.fraction
    blobs = rng.integers(-4 * unit, 4 * unit, (3, 2))[rng.integers(0, 3, count)]
    line = rng.integers(POSITION.min, POSITION.max + 1, count)
    corners = np.array([POSITION.min, POSITION.max])
    found = {
        "uniform": rng.integers(-5 * unit, 5 * unit, (count, 2)),
        "clusters": blobs + rng.integers(-unit // 8, unit // 8, (count, 2)),
        "equal": np.repeat(rng.integers(POSITION.min, POSITION.max + 1, (1, 2)), count, axis=0),
        "twins": rng.integers(-unit, unit, (count, 2))[rng.integers(0, (count + 1) // 2, count)],
        "few steps": rng.integers(-2, 3, (count, 2)),
        "row": np.stack([line, np.full(count, POSITION.max)], axis=1),
        "diagonal": np.stack([line, line], axis=1),
        "extremes": corners[rng.integers(0, 2, (count, 2))],
        "outlier": np.concatenate([rng.integers(-9, 9, (count - 1, 2)), [[POSITION.max, POSITION.min]]]),
    }
    found["extremes"][0], found["extremes"][-1] = POSITION.min, POSITION.max
    return {name: points.astype(np.int64) for name, points in found.items()}


async def begin(dut: Any, points: np.ndarray, keep: int, stalls: Stalls = Stalls.NONE) -> None:
    """Set the counts, pulse start, send the points in the background."""
    dut.count.value, dut.keep.value = len(points), keep
    await pulse(dut, "start")
    Source(dut, "i_points", stalls).start(POINT.pack(x=x, y=y) for x, y in points)


async def compare(
    dut: Any, board: Scoreboard, points: np.ndarray, keep: int, stalls: Stalls = Stalls.NONE
) -> None:
    """One batch against the golden model."""
    kept = [int(index) for index in sample(points, keep)]
    board.expect((index, int(place + 1 == keep)) for place, index in enumerate(kept))
    await begin(dut, points, keep, stalls)
    took = await Sink(dut, "o_kept", stalls).take(keep, timeout=TIMEOUT)
    for value in took:
        kept_fields = KEPT.unpack(value)
        board.got((kept_fields["index"], kept_fields["last"]))


async def compare_keyed(
    dut: Any, board: Scoreboard, points: np.ndarray, keys: np.ndarray, keep: int, stalls: Stalls = Stalls.NONE
) -> None:
    """One batch whose cells are ranked by ``keys``, given in falling order: its cells and kept indices."""
    cell, _ = assign_cells(points, keep)
    board.expect((index, int(number)) for index, number in enumerate(cell))
    dut.keyed.value = 1
    await begin(dut, points, keep, stalls)
    await with_timeout(_take_cells(dut, board), TIMEOUT * PERIOD, "ns")
    for index in np.argsort(-keys, kind="stable").tolist():
        dut.key_index.value, dut.key_cell.value = index, int(cell[index])
        dut.key.value, dut.key_valid.value = int(keys[index]), 1
        await RisingEdge(dut.clk)
    dut.key_valid.value = 0
    await pulse(dut, "rank")
    kept = [int(index) for index in sample(points, keep, keys)]
    board.expect((index, int(place + 1 == keep)) for place, index in enumerate(kept))
    for value in await Sink(dut, "o_kept", stalls).take(keep, timeout=TIMEOUT):
        kept_fields = KEPT.unpack(value)
        board.got((kept_fields["index"], kept_fields["last"]))
    dut.keyed.value = 0


async def _take_cells(dut: Any, board: Scoreboard) -> None:
    """Every cell until ``placed``."""
    edge = RisingEdge(dut.clk)
    while True:
        await edge
        if dut.cell_valid.value:
            board.got((dut.cell_index.value.to_unsigned(), dut.cell_id.value.to_unsigned()))
            if dut.placed.value:
                return


def draw_sizes(rng: np.random.Generator) -> list[tuple[int, int]]:
    """(N, K): the extremes of both, and some between."""
    most = CONFIG.images
    between = [(int(n), int(rng.integers(1, n + 1))) for n in rng.integers(4, most + 1, 3)]
    return [(most, max(1, round(0.3 * most))), (4, 1), (4, 4), (most, most), (most, 1), *between]
