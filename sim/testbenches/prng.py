# SPDX-License-Identifier: Apache-2.0
"""Bench of the start values: every row's state and every point's Y0 against ``nms.golden.prng``."""

import cocotb

from nms.contract.config import Config
from nms.golden import prng
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Sink, Source, Stalls, cycles, reset_mid, start
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
POSITION = CONFIG.profile.position.width
ENTRY = Pack({"state": 64, "x": -POSITION, "y": -POSITION})
SEEDS = (0, 1, 0xFFFFFFFF, 0x9E3779B9)


async def run(dut, seed: int, count: int) -> None:
    """One run, and the time it takes."""
    dut.count.value, dut.seed.value, dut.start.value = count, seed, 1
    await cycles(dut, 1)
    dut.start.value = 0
    await cycles(dut, 64 + 2 * count)
    assert not dut.done.value, "done too early"
    await cycles(dut, 1)
    assert dut.done.value, "done too late"


def expected(seed: int, count: int) -> list[int]:
    """Packed entries of all images."""
    states, points = prng.seeds(seed, count), prng.points(CONFIG, seed, count)
    return [
        ENTRY.pack(state=int(state), x=int(x), y=int(y)) for state, (x, y) in zip(states, points, strict=True)
    ]


async def compare(dut, board: Scoreboard, entries: list[int], stalls: Stalls, order: list[int]) -> None:
    """Read the entries in the order given."""
    board.expect(entries[index] for index in order)
    Source(dut, "i_read", stalls).start(order)
    await Sink(dut, "o_read", stalls).take(len(order), timeout=50 * len(order) + 100, into=board.got)


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut, stalls):
    """Several runs after each other; all entries, then entries at random."""
    await start(dut)
    rng = generator(f"prng {stalls.value}")
    board = Scoreboard(f"prng {stalls.value}", minimum=150)
    for seed in (*SEEDS, int(rng.integers(1 << 32))):
        count = int(rng.integers(4, CONFIG.images + 1))
        await run(dut, seed, count)
        order = [*range(count), *(int(index) for index in rng.integers(count, size=32))]
        await compare(dut, board, expected(seed, count), stalls, order)
    board.finish()


@cocotb.test()
async def reset(dut):
    """Reset while the master's first draws are thrown away, between row and point, and during a reading."""
    await start(dut)
    board = Scoreboard("prng after reset", minimum=3 * CONFIG.images)
    for before in (10, 70, 71, 65 + 2 * CONFIG.images + 3):
        dut.count.value, dut.seed.value, dut.start.value = CONFIG.images, 5, 1
        await cycles(dut, 1)
        dut.start.value = 0
        Source(dut, "i_read").start(range(8))
        await cycles(dut, before)
        await reset_mid(dut)
        await cycles(dut, 200)
        assert not dut.done.value
        assert not dut.o_read__valid.value
        await run(dut, 6, CONFIG.images)
        await compare(dut, board, expected(6, CONFIG.images), Stalls.NONE, list(range(CONFIG.images)))
    board.finish()
