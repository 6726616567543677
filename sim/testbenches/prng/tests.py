# SPDX-License-Identifier: Apache-2.0
"""Tests of the start values."""

from typing import Any

import cocotb

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Source, Stalls, cycles, reset_mid, start
from nms.sim.testbenches.prng.environment import CONFIG, SEEDS, begin, compare, expected_entries, run


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut: Any, stalls: Stalls) -> None:
    """Several runs after each other; all entries, then entries at random."""
    await start(dut)
    rng = generator(f"prng {stalls.value}")
    board = Scoreboard(f"prng {stalls.value}", minimum=150)
    for seed in (*SEEDS, int(rng.integers(1 << 32))):
        count = int(rng.integers(4, CONFIG.images + 1))
        await run(dut, seed, count)
        order = [*range(count), *(int(index) for index in rng.integers(count, size=32))]
        await compare(dut, board, expected_entries(seed, count), stalls, order)
    board.finish()


@cocotb.test()
async def reset(dut: Any) -> None:
    """Reset while the master's first draws are thrown away, between row and point, and during a reading."""
    await start(dut)
    board = Scoreboard("prng after reset", minimum=3 * CONFIG.images)
    for before in (10, 70, 71, 65 + 2 * CONFIG.images + 3):
        await begin(dut, 5, CONFIG.images)
        Source(dut, "i_read").start(range(8))
        await cycles(dut, before)
        await reset_mid(dut)
        await cycles(dut, 200)
        assert not dut.done.value
        assert not dut.o_read__valid.value
        await run(dut, 6, CONFIG.images)
        await compare(dut, board, expected_entries(6, CONFIG.images), Stalls.NONE, list(range(CONFIG.images)))
    board.finish()
