# SPDX-License-Identifier: Apache-2.0
"""Testbench of the grid sampler: kept indices of maps of all kinds, stalls, resets, cycles."""

import cocotb
import numpy as np
from cocotb.utils import get_sim_time

from nms.contract.config import Config
from nms.golden.grid import sample
from nms.rtl.selection.grid import Grid
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Pack, Sink, Source, Stalls, cycles, reset_mid, start
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
POSITION = CONFIG.profile.position
POINT = Pack({"x": -POSITION.width, "y": -POSITION.width})
INDEX = (CONFIG.images - 1).bit_length()
KEPT = Pack({"index": INDEX, "last": 1})
TIMEOUT = 40 * CONFIG.images**2 + 4000


def maps(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
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


async def begin(dut, count: int, keep: int) -> None:
    """Set the counts and pulse start."""
    dut.count.value, dut.keep.value, dut.start.value = count, keep, 1
    await cycles(dut, 1)
    dut.start.value = 0


async def batch(dut, board: Scoreboard, points: np.ndarray, keep: int, stalls: Stalls = Stalls.NONE) -> None:
    """One batch against the golden model."""
    kept = [int(index) for index in sample(points, keep)]
    board.expect((index, int(place + 1 == keep)) for place, index in enumerate(kept))
    await begin(dut, len(points), keep)
    Source(dut, "i_points", stalls).start(POINT.pack(x=x, y=y) for x, y in points)
    took = await Sink(dut, "o_kept", stalls).take(keep, timeout=TIMEOUT)
    for value in took:
        kept_fields = KEPT.unpack(value)
        board.got((kept_fields["index"], kept_fields["last"]))


def sizes(rng: np.random.Generator) -> list[tuple[int, int]]:
    """(N, K): the extremes of both, and some between."""
    most = CONFIG.images
    between = [(int(n), int(rng.integers(1, n + 1))) for n in rng.integers(4, most + 1, 3)]
    return [(most, max(1, round(0.3 * most))), (4, 1), (4, 4), (most, most), (most, 1), *between]


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut, stalls):
    """Maps of all kinds and sizes, one after another, under every pattern of stalls."""
    await start(dut)
    rng = generator(f"streams {stalls.value}")
    pairs = sizes(rng)
    board = Scoreboard(f"grid {stalls.value}", minimum=sum(keep for _, keep in pairs))
    for number, (count, keep) in enumerate(pairs):
        chosen = list(maps(rng, count).values())
        for points in chosen if stalls is Stalls.NONE else chosen[number % 3 :: 3]:
            await batch(dut, board, points, keep, stalls)
    board.finish()


@cocotb.test()
async def resets(dut):
    """A reset at any moment of a batch, then a clean batch."""
    await start(dut)
    rng = generator("resets")
    count, keep = CONFIG.images, CONFIG.images // 2
    board = Scoreboard("grid after reset", minimum=10 * keep)
    extent = 1 << (POSITION.fraction + 4)
    for moment in np.linspace(1, Grid(CONFIG).cycles(count, extent) - count, 10).astype(int):
        await begin(dut, count, keep)
        points = maps(rng, count)["uniform"]
        Source(dut, "i_points").start(POINT.pack(x=x, y=y) for x, y in points)
        Sink(dut, "o_kept").start(keep, lambda value: None)
        await cycles(dut, int(moment))
        await reset_mid(dut)
        await batch(dut, board, maps(rng, count)["clusters"], keep)
    board.finish()


@cocotb.test()
async def timing(dut):
    """Each index is emitted in the cycle that the block's formula gives."""
    await start(dut)
    rng = generator("timing")
    block = Grid(CONFIG)
    board = Scoreboard("grid cycles", minimum=1)
    for count in sorted({4, max(4, CONFIG.images - 1), CONFIG.images}):
        points = maps(rng, count)["uniform"]
        extent = int(np.ptp(points, axis=0).max()) + 1
        keep = max(1, count // 3)
        last = int(sample(points, keep)[-1])
        rows = -(-count // CONFIG.grid_lanes)
        board.expect([block.cycles(count, extent) - (count - 1 - last) * rows])
        await begin(dut, count, keep)
        began = get_sim_time("ns")
        Source(dut, "i_points").start(POINT.pack(x=x, y=y) for x, y in points)
        await Sink(dut, "o_kept").take(keep, timeout=TIMEOUT)
        board.got(round((get_sim_time("ns") - began) / PERIOD))
        dut._log.info(f"grid: {count} points, all known in {block.cycles(count, extent)} cycles")
    board.finish()
