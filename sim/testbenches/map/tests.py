# SPDX-License-Identifier: Apache-2.0
"""Tests of the lean map: points, affinities and row sums equal the model's under stalls, after resets."""

from typing import Any

import cocotb
import numpy as np

from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Stalls, cycles, reset_mid, start
from nms.sim.testbenches.map.environment import (
    BLOCK,
    CONFIG,
    LONG,
    PROFILE,
    UNIT,
    Case,
    Run,
    begin,
    compare,
    compare_affinities,
    embed,
    make_cases,
    make_digits,
    send_shares,
)


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.PRODUCER])
async def streams(dut: Any, stalls: Stalls) -> None:
    """Real and extreme maps of changing sizes and iterations, one after another."""
    await start(dut)
    rng = generator(f"streams {stalls.value}")
    board = Scoreboard(f"map {stalls.value}", minimum=11 * 4)
    sizes = [max(4, CONFIG.images - less) for less in range(5)] + [4, min(5, CONFIG.images)]
    if stalls is Stalls.NONE:
        for number, count in enumerate(sizes):
            run = Run(make_digits(count, number, rng), (0, 7, 2)[number % 3], number % 3)
            await compare(dut, board, run)
    for number, name in enumerate(make_cases(4, rng)):
        case = make_cases(sizes[number % len(sizes)], rng)[name]
        iterations, exaggerated = ((5, 1), (1, 0), (4, 3), (0, 0), (2, 2), (3, 65535))[number % 6]
        await compare(dut, board, Run(case, iterations, exaggerated), stalls)
    board.finish()


@cocotb.test()
async def affinities(dut: Any) -> None:
    """P' and its row sums, also of two batches one after the other, and after an interrupted one."""
    await start(dut)
    rng = generator("affinities")
    board, points = Scoreboard("map affinities", minimum=4 * 16), Scoreboard("map points")
    for number, count in enumerate((CONFIG.images, 4, CONFIG.images)):
        case = make_digits(count, 3 * number, rng)
        await compare(dut, points, Run(case, 1))
        await compare_affinities(dut, board, case)
    sending = cocotb.start_soon(send_shares(dut, make_cases(CONFIG.images, rng)["full affinity"]))
    await cycles(dut, CONFIG.images * CONFIG.images // 2)
    sending.cancel()
    await reset_mid(dut)
    case = make_cases(CONFIG.images, rng)["twins"]
    await compare(dut, points, Run(case, 0))
    await compare_affinities(dut, board, case)
    points.finish()
    board.finish()


@cocotb.test()
async def resets(dut: Any) -> None:
    """A reset at any moment of a map, then a clean one."""
    await start(dut)
    rng = generator("resets")
    count = CONFIG.images
    board = Scoreboard("map after reset", minimum=8 * count)
    for moment in np.linspace(1, BLOCK.cycles(count, 2) - 40, 8).astype(int):
        run = Run(make_cases(count, rng)["full affinity"], 2)
        await send_shares(dut, run.case)
        await begin(dut, run)
        await cycles(dut, int(moment))
        await reset_mid(dut)
        await compare(dut, board, Run(make_cases(count, rng)["twins"], 1))
    board.finish()


@cocotb.test()
async def saturation(dut: Any) -> None:
    """Positions and velocities reach the ends of their formats, and velocities stay just within."""
    await start(dut)
    board = Scoreboard("map saturation", minimum=8)
    rng = generator("saturation")
    corners = make_cases(CONFIG.images, rng)["corners"]
    found = embed(CONFIG, corners.affinity, corners.points, 3, 0)
    assert (found == PROFILE.position.max).any(), "no position saturates"
    await compare(dut, board, Run(corners, 3))

    pair = make_cases(min(CONFIG.images, 13), rng)["close pair, others far apart"]
    speeds = {}
    for gap in range(UNIT // 8, UNIT, UNIT // 256):
        points = pair.points.copy()
        points[1] = [gap, 0]
        case = Case(pair.shares, points)
        before, after = (embed(CONFIG, case.affinity, points, iterations, 0) for iterations in (1, 2))
        speeds[gap] = int(np.abs(after - before).max()), case
    fastest = max(speeds.values(), key=lambda found: found[0])
    most = PROFILE.velocity.max
    if CONFIG.images > 12:  # with fewer points N/Z is too small, with more the others are too near
        assert fastest[0] >= most, "no velocity saturates"
    just = max((found for found in speeds.values() if found[0] < most), key=lambda found: found[0])
    for _, case in (fastest, just):
        await compare(dut, board, Run(case, 3))
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """No map takes more cycles than the block's formula says."""
    await start(dut)
    rng = generator("timing")
    points = Scoreboard("map", minimum=12)
    for count, iterations in [
        (4, 1),
        (min(5, CONFIG.images), 3),
        (max(4, CONFIG.images - 1), 2),
        (CONFIG.images, 3),
    ]:
        took = await compare(dut, points, Run(make_cases(count, rng)["hub"], iterations))
        most = BLOCK.cycles(count, iterations)
        dut._log.info(f"map: {iterations} iterations of {count} points in {took} cycles, at most {most}")
        assert took <= most
    points.finish()


@cocotb.test(skip=not LONG)
async def whole(dut: Any) -> None:
    """The whole schedule on real images, at full batch."""
    await start(dut)
    board = Scoreboard("map whole", minimum=CONFIG.images)
    case = make_digits(CONFIG.images, 1, generator("whole"))
    took = await compare(dut, board, Run(case, LONG, min(LONG // 4, 12)))
    dut._log.info(f"map: {LONG} iterations of {CONFIG.images} points in {took} cycles")
    board.finish()
    assert took <= BLOCK.cycles(CONFIG.images, LONG)
