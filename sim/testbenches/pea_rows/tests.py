# SPDX-License-Identifier: Apache-2.0
"""Tests of the scan of the rows: minimum, scale and ties of each row, and single distances."""

from typing import Any

import cocotb
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from nms.rtl.array.pea_rows import PAIR_LATENCY
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Sink, Source, Stalls, reset_mid, start
from nms.sim.testbenches.pea_rows.environment import (
    CONFIG,
    PAIR,
    ROW,
    SCALE,
    begin,
    draw_matrix,
    play_memory,
    scan_rows,
)


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.CONSUMER])
async def rows(dut: Any, stalls: Stalls) -> None:
    """Scans of several sizes, each row with its minimum, scale and ties."""
    await start(dut)
    most = (1 << CONFIG.derived.distance_width) - 1
    board, stored = Scoreboard("rows", minimum=40), Scoreboard("scales", minimum=40)
    for count, largest in ((4, 3), (CONFIG.images, most), (CONFIG.images - 1, 5), (CONFIG.images, 0)):
        distances, table = draw_matrix(count, largest), dict[int, int]()
        expected = scan_rows(distances)
        task = cocotb.start_soon(play_memory(dut, distances, table))
        await begin(dut, count)
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
    distances = draw_matrix(CONFIG.images, 1000)
    task = cocotb.start_soon(play_memory(dut, distances, {}))
    random = generator("pairs").integers(0, CONFIG.images, (60, 2))
    board = Scoreboard("pairs", minimum=64)
    asked = [(int(row), int(column)) for row, column in [*random, (0, 0), (3, 3), (0, 1), (1, 0)]]
    board.expect(int(distances[pair]) for pair in asked)
    Source(dut, "i_read", stalls).start(PAIR.pack(row=row, column=column) for row, column in asked)
    await Sink(dut, "o_read", stalls).take(len(asked), timeout=5000, into=board.got)
    task.cancel()
    board.finish()


@cocotb.test(skip=not CONFIG.picks)
async def shown_pairs(dut: Any) -> None:
    """A pair a cycle that is wanted, both ways round, each with its distance in time; pauses give nothing."""
    await start(dut)
    distances = draw_matrix(CONFIG.images, 1000)
    task = cocotb.start_soon(play_memory(dut, distances, {}))
    limits = [CONFIG.images, CONFIG.images, 4]
    random = generator("shown pairs").integers(0, limits, (300, 3))
    shown = [(int(row), int(column), bool(wanted)) for row, column, wanted in random if row != column]
    board = Scoreboard("shown pairs", minimum=100)
    board.expect(int(distances[row, column]) for row, column, wanted in shown if wanted)
    for number in range(len(shown) + PAIR_LATENCY):
        row, column, wanted = shown[number] if number < len(shown) else (0, 0, False)
        dut.i_read__payload.value, dut.pair_enable.value = PAIR.pack(row=row, column=column), wanted
        await RisingEdge(dut.clk)
        if number >= PAIR_LATENCY and shown[number - PAIR_LATENCY][2]:
            board.got(dut.read_data.value.to_unsigned())
    task.cancel()
    board.finish()


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in a scan; then pairs are read and a scan begins with row 0."""
    await start(dut)
    distances = draw_matrix(CONFIG.images, 77)
    task = cocotb.start_soon(play_memory(dut, distances, {}))
    await begin(dut, CONFIG.images)
    await Sink(dut, "o_rows").take(2, timeout=200)
    await reset_mid(dut)
    board = Scoreboard("after a reset", minimum=CONFIG.images + 1)
    board.expect([int(distances[2, 1]), *scan_rows(distances)])
    await Source(dut, "i_read").send([PAIR.pack(row=2, column=1)])
    await Sink(dut, "o_read").take(1, timeout=50, into=board.got)
    await begin(dut, CONFIG.images)

    def into(item: int) -> None:
        board.got(ROW.unpack(item))

    await Sink(dut, "o_rows").take(CONFIG.images, 100 * CONFIG.images, into)
    task.cancel()
    board.finish()
