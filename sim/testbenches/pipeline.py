# SPDX-License-Identifier: Apache-2.0
"""What every pipeline with one input and one output stream is tried for: order, stalls, timing, reset."""

from collections.abc import Sequence
from typing import Any

from cocotb.utils import get_sim_time

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import PERIOD, Sink, Source, Stalls, reset_mid, start

PATIENCE = 40
"""Cycles an item may take on average, stalls included."""


async def compare(dut: Any, name: str, sent: Sequence[int], expected: Sequence[int], stalls: Stalls) -> None:
    """All of ``sent`` comes out as ``expected``, in order, whoever pauses."""
    await start(dut)
    board = Scoreboard(f"{name}, stalls: {stalls.value}", minimum=len(sent))
    board.expect(expected)
    Source(dut, "i", stalls).start(sent)
    await Sink(dut, "o", stalls).take(len(sent), timeout=1000 + PATIENCE * len(sent), into=board.got)
    board.finish()


async def timing(dut: Any, name: str, sent: Sequence[int], latency: int) -> None:
    """Without pauses the first item takes ``latency`` cycles and the others follow one a cycle."""
    await start(dut)
    began = get_sim_time("ns")
    times: list[float] = []
    Source(dut, "i").start(sent)
    await Sink(dut, "o").take(len(sent), timeout=1000, into=lambda _: times.append(get_sim_time("ns")))
    board = Scoreboard(f"{name}, cycles", minimum=len(sent))
    board.expect(range(latency, latency + len(sent)))
    for time in times:
        board.got(round((time - began) / PERIOD) - 1)
    board.finish()


async def reset(dut: Any, name: str, sent: Sequence[int], expected: Sequence[int]) -> None:
    """A reset with items under way leaves nothing of them; the next ones come out right."""
    await start(dut)
    Source(dut, "i").start(sent)
    await Sink(dut, "o").take(len(sent) // 4, timeout=1000)
    await reset_mid(dut)
    board = Scoreboard(f"{name}, after a reset", minimum=len(sent))
    board.expect(expected)
    Source(dut, "i").start(sent)
    await Sink(dut, "o").take(len(sent), timeout=1000 + PATIENCE * len(sent), into=board.got)
    board.finish()
