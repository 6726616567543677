# SPDX-License-Identifier: Apache-2.0
"""Testbench of the scan of the rows: the distance memory is played here."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from nms.contract.config import Config
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Pack, Sink, Source, Stalls, reset_mid, start
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
DERIVED = CONFIG.derived
ROW = Pack(
    {
        "row": DERIVED.index_width,
        "minimum": DERIVED.distance_width,
        "scale": DERIVED.scale_width,
        "ties": DERIVED.count_width,
    }
)
SCALE = Pack({"minimum": DERIVED.distance_width, "scale": DERIVED.scale_width})
PAIR = Pack({"row": DERIVED.index_width, "column": DERIVED.index_width})


def matrix(count: int, largest: int) -> np.ndarray:
    """Symmetric, zeros on the diagonal; small values give many ties."""
    values = generator(f"distances {count} {largest}").integers(0, largest, (count, count), endpoint=True)
    return np.tril(values, -1) + np.tril(values, -1).T


def scan_rows(distances: np.ndarray) -> list[dict[str, int]]:
    """Section 5 of the contract."""
    rows = []
    for i, row in enumerate(distances):
        others = np.delete(row, i)
        low, high = int(others.min()), int(others.max())
        ties = int((others == low).sum())
        rows.append({"row": i, "minimum": low, "scale": (high - low).bit_length(), "ties": ties})
    return rows


async def remember(dut: Any, distances: np.ndarray, table: dict[int, int]) -> None:
    """The distance memory, and what is written into the table of the scales."""
    triangle = [int(distances[low, high]) for high in range(len(distances)) for low in range(high)]
    while True:
        await RisingEdge(dut.clk)
        address = dut.read_address.value.to_unsigned()
        dut.read_data.value = triangle[address] if address < len(triangle) else 0
        if dut.write_enable.value:
            table[dut.write_address.value.to_unsigned()] = dut.write_data.value.to_unsigned()


async def pulse(dut: Any, count: int) -> None:
    """Begin a scan."""
    dut.count.value = count
    dut.scan.value = 1
    await RisingEdge(dut.clk)
    dut.scan.value = 0


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.CONSUMER])
async def rows(dut: Any, stalls: Stalls) -> None:
    """Scans of several sizes, each row with its minimum, scale and ties."""
    await start(dut)
    most = (1 << DERIVED.distance_width) - 1
    board, stored = Scoreboard("rows", minimum=40), Scoreboard("scales", minimum=40)
    for count, largest in ((4, 3), (CONFIG.images, most), (CONFIG.images - 1, 5), (CONFIG.images, 0)):
        distances, table = matrix(count, largest), dict[int, int]()
        expected = scan_rows(distances)
        task = cocotb.start_soon(remember(dut, distances, table))
        await pulse(dut, count)
        board.expect(expected)
        began = get_sim_time("ns")
        await Sink(dut, "o_rows", stalls).take(count, 200 * count, lambda item: board.got(ROW.unpack(item)))
        if stalls is Stalls.NONE:
            assert get_sim_time("ns") - began == count * (count + 7) * PERIOD, "a row takes N + 7 cycles"
        task.cancel()
        stored.expect(SCALE.pack(minimum=row["minimum"], scale=row["scale"]) for row in expected)
        for row in range(count):
            stored.got(table[row])
    board.finish()
    stored.finish()


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
async def pairs(dut: Any, stalls: Stalls) -> None:
    """Single distances, the diagonal among them."""
    await start(dut)
    distances = matrix(CONFIG.images, 1000)
    task = cocotb.start_soon(remember(dut, distances, {}))
    asked = generator("pairs").integers(0, CONFIG.images, (60, 2))
    board = Scoreboard("pairs", minimum=64)
    chosen = [(int(row), int(column)) for row, column in [*asked, (0, 0), (3, 3), (0, 1), (1, 0)]]
    board.expect(int(distances[pair]) for pair in chosen)
    Source(dut, "i_read", stalls).start(PAIR.pack(row=row, column=column) for row, column in chosen)
    await Sink(dut, "o_read", stalls).take(len(chosen), timeout=5000, into=board.got)
    task.cancel()
    board.finish()


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in a scan; then pairs are read and a scan begins with row 0."""
    await start(dut)
    distances = matrix(CONFIG.images, 77)
    task = cocotb.start_soon(remember(dut, distances, {}))
    await pulse(dut, CONFIG.images)
    await Sink(dut, "o_rows").take(2, timeout=200)
    await reset_mid(dut)
    board = Scoreboard("after a reset", minimum=CONFIG.images + 1)
    board.expect([int(distances[2, 1]), *scan_rows(distances)])
    await Source(dut, "i_read").send([PAIR.pack(row=2, column=1)])
    await Sink(dut, "o_read").take(1, timeout=50, into=board.got)
    await pulse(dut, CONFIG.images)
    into = lambda item: board.got(ROW.unpack(item))  # noqa: E731
    await Sink(dut, "o_rows").take(CONFIG.images, 100 * CONFIG.images, into)
    task.cancel()
    board.finish()
