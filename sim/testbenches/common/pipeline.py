# SPDX-License-Identifier: Apache-2.0
"""Tests of pipelines with one input stream ``i`` and one output stream ``o``."""

from dataclasses import dataclass
from typing import Any

from amaranth.lib.data import StructLayout
from cocotb.utils import get_sim_time

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Sink, Source, Stalls, reset_mid, start
from nms.sim.verilator.context import context

PATIENCE = 40
"""Cycles an item may take on average, stalls included."""


@dataclass(frozen=True)
class Stimulus:
    """Packed ``items`` and the packed results ``expected`` of them, in order."""

    name: str
    items: list[int]
    expected: list[int]


def tag_width(untagged: StructLayout) -> int:
    """Bits of the tag of the block under test, whose input without a tag is ``untagged``."""
    return context().ports["i__payload"].width - untagged.size


def draw_tags(count: int, width: int) -> list[int]:
    """Random tags of ``width`` bits."""
    return [int(tag) & (1 << width) - 1 for tag in generator("tags").integers(0, 1 << 62, count)]


async def compare(dut: Any, stimulus: Stimulus, stalls: Stalls) -> None:
    """All items come out as expected, in order, whoever pauses."""
    await start(dut)
    await _run(dut, f"{stimulus.name}, stalls: {stalls.value}", stimulus, stalls)


async def timing(dut: Any, stimulus: Stimulus, latency: int) -> None:
    """Without pauses the first item takes ``latency`` cycles and the others follow one a cycle."""
    await start(dut)
    count = len(stimulus.items)
    began = get_sim_time("ns")
    times: list[float] = []
    Source(dut, "i").start(stimulus.items)
    await Sink(dut, "o").take(count, timeout=1000, into=lambda _: times.append(get_sim_time("ns")))
    board = Scoreboard(f"{stimulus.name}, cycles", minimum=count)
    board.expect(range(latency, latency + count))
    for time in times:
        board.got(round((time - began) / PERIOD) - 1)
    board.finish()


async def reset(dut: Any, stimulus: Stimulus) -> None:
    """A reset with items under way leaves nothing of them; the next ones come out right."""
    await start(dut)
    Source(dut, "i").start(stimulus.items)
    await Sink(dut, "o").take(len(stimulus.items) // 4, timeout=1000)
    await reset_mid(dut)
    await _run(dut, f"{stimulus.name}, after a reset", stimulus)


async def _run(dut: Any, name: str, stimulus: Stimulus, stalls: Stalls = Stalls.NONE) -> None:
    count = len(stimulus.items)
    board = Scoreboard(name, minimum=count)
    board.expect(stimulus.expected)
    Source(dut, "i", stalls).start(stimulus.items)
    await Sink(dut, "o", stalls).take(count, timeout=1000 + PATIENCE * count, into=board.got)
    board.finish()
