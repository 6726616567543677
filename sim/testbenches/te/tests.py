# SPDX-License-Identifier: Apache-2.0
"""Tests of the embedding unit (TE): embeddings equal the golden model's under stalls, after resets."""

from typing import Any

import cocotb
import numpy as np

from nms.golden.te import embed
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Stalls, cycles, reset_mid, start
from nms.sim.testbenches.te.environment import (
    BLOCK,
    CONFIG,
    LONG,
    PROFILE,
    Affinities,
    Run,
    begin,
    compare,
    embed_digits,
    make_cases,
)


@cocotb.test()
@cocotb.parametrize(stalls=list(Stalls))
async def streams(dut: Any, stalls: Stalls) -> None:
    """Real and extreme embeddings of changing sizes and iterations, one after another, under all stalls."""
    await start(dut)
    memory = Affinities(dut)
    rng = generator(f"streams {stalls.value}")
    board = Scoreboard(f"te {stalls.value}", minimum=8 * 4)
    sizes = [CONFIG.images, 4, max(4, CONFIG.images - 1)]
    if stalls is Stalls.NONE:
        for seed, (count, iterations) in enumerate(
            [(sizes[0], 0), (sizes[2], 5), (sizes[0], 2), (sizes[1], 5)]
        ):
            await compare(dut, board, memory, Run(embed_digits(count, seed), iterations, iterations // 2))
    for number, name in enumerate(make_cases(4, rng)):
        case = make_cases(sizes[number % 3], rng)[name]
        iterations, exaggerated = ((5, 1), (1, 0), (4, 3), (0, 0), (2, 2), (3, 65535))[number % 6]
        await compare(dut, board, memory, Run(case, iterations, exaggerated), stalls)
    board.finish()


@cocotb.test()
async def resets(dut: Any) -> None:
    """A reset at any moment of an embedding, then a clean one."""
    await start(dut)
    memory = Affinities(dut)
    rng = generator("resets")
    count = CONFIG.images
    board = Scoreboard("te after reset", minimum=8 * count)
    for moment in np.linspace(1, BLOCK.cycles(count, 2) - 1, 8).astype(int):
        await begin(dut, memory, Run(make_cases(count, rng)["full affinity"], 2))
        await cycles(dut, int(moment))
        await reset_mid(dut)
        await compare(dut, board, memory, Run(make_cases(count, rng)["twins"], 1))
    board.finish()


@cocotb.test()
async def saturation(dut: Any) -> None:
    """Positions and velocities reach the ends of their formats."""
    await start(dut)
    memory = Affinities(dut)
    board = Scoreboard("te saturation", minimum=2 * CONFIG.images)
    cases = make_cases(CONFIG.images, generator("saturation"))
    corners, pair = cases["corners"], cases["close pair, others far apart"]
    assert (embed(CONFIG, *corners, 3, 0) == PROFILE.position.max).any(), "no position saturates"
    if CONFIG.images > 12:  # with fewer points Z is too large a part of the repulsion
        moves = embed(CONFIG, *pair, 1, 0) - pair[1]
        assert (np.abs(moves) >= PROFILE.velocity.max).any(), "no velocity saturates"
    await compare(dut, board, memory, Run(corners, 3))
    await compare(dut, board, memory, Run(pair, 2))
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """The cycles are those of the block's formula."""
    await start(dut)
    memory = Affinities(dut)
    rng = generator("timing")
    board = Scoreboard("te cycles", minimum=3)
    points = Scoreboard("te", minimum=4)
    for count, iterations in [(4, 1), (max(4, CONFIG.images - 1), 2), (CONFIG.images, 3), (4, 0)]:
        board.expect([BLOCK.cycles(count, iterations)])
        board.got(await compare(dut, points, memory, Run(make_cases(count, rng)["hub"], iterations)))
    points.finish()
    board.finish()


@cocotb.test(skip=not LONG)
async def whole(dut: Any) -> None:
    """The whole schedule on real images, at full batch."""
    await start(dut)
    board = Scoreboard("te whole", minimum=CONFIG.images)
    took = await compare(dut, board, Affinities(dut), Run(embed_digits(CONFIG.images, 1), LONG, LONG // 4))
    dut._log.info(f"te: {LONG} iterations of {CONFIG.images} points in {took} cycles")
    board.finish()
    assert took == BLOCK.cycles(CONFIG.images, LONG)
