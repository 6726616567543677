# SPDX-License-Identifier: Apache-2.0
"""Driver, expected entries and comparison of the start values: every row's state and every point's Y0."""

from typing import Any

from nms.contract.config import Config
from nms.golden import prng
from nms.rtl.lib.prng import Seeds
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Pack, Sink, Source, Stalls, cycles, pulse
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
ENTRY = Pack(Seeds(CONFIG).o_read.payload.shape())
SEEDS = (0, 1, 0xFFFFFFFF, 0x9E3779B9)


async def begin(dut: Any, seed: int, count: int) -> None:
    """Set seed and count and pulse start."""
    dut.count.value, dut.seed.value = count, seed
    await pulse(dut, "start")


async def run(dut: Any, seed: int, count: int) -> None:
    """One run, which must take 65 + 2N cycles."""
    await begin(dut, seed, count)
    await cycles(dut, 64 + 2 * count)
    assert not dut.done.value, "done too early"
    await cycles(dut, 1)
    assert dut.done.value, "done too late"


def expected_entries(seed: int, count: int) -> list[int]:
    """Packed entries of all images."""
    states, points = prng.seeds(seed, count), prng.points(CONFIG, seed, count)
    return [
        ENTRY.pack(state=int(state), x=int(x), y=int(y)) for state, (x, y) in zip(states, points, strict=True)
    ]


async def compare(dut: Any, board: Scoreboard, entries: list[int], stalls: Stalls, order: list[int]) -> None:
    """Read ``entries`` in the order given; each must be as expected."""
    board.expect(entries[index] for index in order)
    Source(dut, "i_read", stalls).start(order)
    await Sink(dut, "o_read", stalls).take(len(order), timeout=50 * len(order) + 100, into=board.got)
