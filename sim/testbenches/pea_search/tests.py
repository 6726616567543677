# SPDX-License-Identifier: Apache-2.0
"""Tests of the search phase: candidates and normalised distances reach the elements in order."""

from typing import Any

import cocotb

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Sink, Source, Stalls, cycles, reset_mid, start
from nms.sim.testbenches.pea_search.environment import (
    CONFIG,
    TRIAL,
    Surroundings,
    draw_candidates,
    draw_matrix,
    normalise,
    search,
    sums,
)


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def searches(dut: Any, stalls: Stalls) -> None:
    """Batches of two sizes, under stalls of every kind."""
    await start(dut)
    board = Scoreboard("sums and weights", minimum=150)
    for count in (CONFIG.images, 4):
        task = cocotb.start_soon(Surroundings(dut, draw_matrix(count)).run())
        await search(dut, board, count, stalls)
        task.cancel()
    board.finish()


@cocotb.test()
async def blocked(dut: Any) -> None:
    """Sums that are not taken for long stop the trials and lose nothing."""
    await start(dut)
    count = CONFIG.images
    distances = draw_matrix(count)
    task = cocotb.start_soon(Surroundings(dut, distances).run())
    dut.count.value = count
    trials = draw_candidates(count, 40, CONFIG.pes)
    board = Scoreboard("sums", minimum=len(trials))
    board.expect(sums((m, q), normalise(distances, row)) for row, m, q in trials)
    source = Source(dut, "i_trials").start(
        TRIAL.pack(row=row, mantissa=m, exponent=q) for row, m, q in trials
    )
    await cycles(dut, 1500)
    assert not source.done(), "trials were taken without room for their sums"
    await Sink(dut, "o_sums").take(len(trials), timeout=100 * len(trials), into=board.got)
    task.cancel()
    board.finish()


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in the middle of a pass, and a clean run after it."""
    await start(dut)
    count = CONFIG.images
    task = cocotb.start_soon(Surroundings(dut, draw_matrix(count)).run())
    dut.count.value = count
    trials = draw_candidates(count, 4, CONFIG.pes)
    Source(dut, "i_trials").start(TRIAL.pack(row=row, mantissa=m, exponent=q) for row, m, q in trials)
    await cycles(dut, 40)
    task.cancel()
    await reset_mid(dut)
    board = Scoreboard("after a reset", minimum=100)
    task = cocotb.start_soon(Surroundings(dut, draw_matrix(count)).run())
    await search(dut, board, count, Stalls.NONE)
    task.cancel()
    board.finish()
