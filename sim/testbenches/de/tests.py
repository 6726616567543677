# SPDX-License-Identifier: Apache-2.0
"""Tests of the search: every trial and every result equals the golden model's, in time and after resets."""

from collections import deque
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from nms.contract.config import GENERATION_CAP, POPULATION
from nms.contract.settings import Search
from nms.contract.tables import Status
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Sink, Source, Stalls, cycles, reset_mid, start
from nms.sim.testbenches.de.environment import (
    BLOCK,
    CONFIG,
    METHODS,
    RESULT,
    ArrayModel,
    SearchCase,
    apply_settings,
    cliffs,
    constant,
    draw_images,
    make_hard_images,
    quantise,
    run,
)
from nms.sim.verilator.context import parameters, sweep


@cocotb.test()
@cocotb.parametrize(method=METHODS, stalls=sweep(Stalls, [Stalls.NONE, Stalls.RANDOM]))
async def streams(dut: Any, method: Search, stalls: Stalls) -> None:
    """Rows with and without a solution: more ties than the target, exactly as many, none."""
    await start(dut)
    count = CONFIG.images if stalls is Stalls.NONE else min(CONFIG.images, 12)
    groups = (4, 3) if count > 8 else ()
    images = draw_images(f"de {stalls.value}", count, *groups)
    search = SearchCase.run_model(method, images, quantise(2.0), seed=1 + len(stalls.value))
    if groups:
        assert {Status.SOLVED, Status.INFEASIBLE, Status.SATURATED} <= set(search.status.tolist())
    await run(dut, search, f"de {method} {stalls.value}", stalls)


@cocotb.test()
@cocotb.parametrize(method=METHODS, target=sweep([1.01, 3.001, 9.5], [3.001]))
async def ends(dut: Any, method: Search, target: float) -> None:
    """Hard rows: solutions far up and far down in the range."""
    await start(dut)
    search = SearchCase.run_model(method, make_hard_images(), quantise(target), seed=5)
    await run(dut, search, f"de ends {method} {target}")


@cocotb.test()
@cocotb.parametrize(method=METHODS, sums=sweep(["above", "below", "cliffs"], ["cliffs"]))
async def cap(dut: Any, method: Search, sums: str) -> None:
    """Sums that no beta brings to the target: all rows with a search run into the generation cap.

    With sums that never change, differential evolution (DE/best/1) collapses and restarts; a bracket shrinks
    towards one end of the range. With cliffs, windows miss again and again, down to brackets of one unit.
    """
    await start(dut)
    given = {"above": constant(3, 1), "below": constant(1, 0), "cliffs": cliffs(1.5, seed=4)}[sums]
    images = draw_images("de cap", 6, 3) if CONFIG.images >= 6 else draw_images("de cap", CONFIG.images)
    search = SearchCase.run_model(method, images, quantise(1.5), seed=3, given=given)
    assert Status.UNCONVERGED in search.status
    assert Status.SOLVED not in search.status
    assert max(map(len, search.trials.values())) == GENERATION_CAP * POPULATION
    await run(dut, search, f"de cap {method} {sums}")


@cocotb.test()
async def settings(dut: Any) -> None:
    """One method after another, without a reset between them."""
    await start(dut)
    for method in [*METHODS, *reversed(METHODS)]:
        search = SearchCase.run_model(method, draw_images("de settings", 5), quantise(1.75), seed=6)
        await run(dut, search, f"de settings {method}")


@cocotb.test()
@cocotb.parametrize(method=METHODS)
async def reset(dut: Any, method: Search) -> None:
    """Reset early, in the middle of the issue, of the flight and of the drain; then a clean run."""
    await start(dut)
    search = SearchCase.run_model(method, draw_images("de reset", 5), quantise(1.75), seed=9)
    for before in (3, 20, 60, 130, 145, 160, 500):
        array = ArrayModel(search, "de before reset")
        apply_settings(dut, search)
        Source(dut, "i_tasks").start(search.tasks)
        Sink(dut, "o_trials").start(10_000, array.take)
        answers = cocotb.start_soon(array.answer(Source(dut, "i_sums")))
        await cycles(dut, before)
        answers.cancel()
        await reset_mid(dut)
        await cycles(dut, 300)
        assert not dut.o_trials__valid.value, "a trial after the reset"
        assert not dut.o_results__valid.value, "a result after the reset"
    await run(dut, search, f"de after reset {method}")


@cocotb.test()
@cocotb.parametrize(method=METHODS)
async def pace(dut: Any, method: Search) -> None:
    """Latencies are as documented, a generation is issued without a gap, the next 33 cycles later."""
    await start(dut)
    search = SearchCase.run_model(method, draw_images("de pace", 4), quantise(1.75), seed=2)
    first, second = search.tasks[:2]
    answers = search.sums[0] + search.sums[1]
    apply_settings(dut, search)
    dut.o_trials__ready.value = 1
    edge = RisingEdge(dut.clk)
    pending = deque([first] if CONFIG.contexts == 1 else [first, second])
    out: list[int] = []
    task_at = last_sums = 0
    told = 0
    for cycle in range(3000):
        dut.i_tasks__valid.value = int(bool(pending))
        dut.i_tasks__payload.value = pending[0] if pending else 0
        send = len(out) > told and told < POPULATION
        dut.i_sums__valid.value = int(send)
        dut.i_sums__payload.value = answers[told] if send else 0
        await edge
        if pending and dut.i_tasks__ready.value and pending.popleft() == first:
            task_at = cycle
        if send and dut.i_sums__ready.value:
            told += 1
            last_sums = cycle
        if dut.o_trials__valid.value:
            out.append(cycle)
        if len(out) == POPULATION * (len(pending) + min(CONFIG.contexts, 2) + 1):
            break
    begin = task_at + BLOCK.start_latency
    runs = [begin, begin + POPULATION + 1] if CONFIG.contexts > 1 else [begin]
    runs.append(last_sums + BLOCK.turn_latency(method))
    assert out == [at + k for at in runs for k in range(POPULATION)], (task_at, last_sums, runs, out)


@cocotb.test()
@cocotb.parametrize(method=METHODS)
async def throughput(dut: Any, method: Search) -> None:
    """A full batch with an array that takes 63 cycles a generation: how long the whole search takes.

    The array loads the next 32 trials while it works, gives its first sums 40 cycles after a
    generation's end and drains 32 in 32 cycles.
    """
    await start(dut)
    work, flight = CONFIG.images - 1, 40
    work *= POPULATION // CONFIG.pes
    target = quantise(15.0 if CONFIG.images > 16 else 5.0)
    search = SearchCase.run_model(method, draw_images("de throughput", CONFIG.images), target, seed=1)
    array = ArrayModel(search, f"de throughput {method}")
    expected = {RESULT.unpack(result)["row"]: result for result in search.results}
    apply_settings(dut, search)
    Source(dut, "i_tasks").start(search.tasks)
    dut.o_results__ready.value = 1
    dut.o_trials__ready.value = 1
    edge = RisingEdge(dut.clk)
    board = Scoreboard(f"de throughput {method} results", minimum=len(expected))
    valid, payload = dut.o_trials__valid, dut.o_trials__payload
    loaded, free_at = 0, 0
    runs: deque[int] = deque()  # the cycles in which runs have been worked off
    sending = 0  # sums of the run that is drained, yet to come
    ready = True
    cycle = 0
    while board.compared < len(expected):
        await edge
        cycle += 1
        if ready and valid.value:
            array.take(payload.value.to_unsigned())
            loaded += 1
            if loaded == POPULATION:
                free_at = max(free_at, cycle) + work
                runs.append(free_at + flight)
                loaded = 0
        busy = not (loaded or cycle >= free_at - work)
        if ready == busy:
            ready = not busy
            dut.o_trials__ready.value = int(ready)
        if sending and dut.i_sums__ready.value:
            sending -= 1
            if sending:
                dut.i_sums__payload.value = array.answers.popleft()
            else:
                dut.i_sums__valid.value = 0
        if not sending and runs and cycle >= runs[0]:
            runs.popleft()
            sending = POPULATION
            dut.i_sums__valid.value = 1
            dut.i_sums__payload.value = array.answers.popleft()
        if dut.o_results__valid.value:
            result = dut.o_results__payload.value.to_unsigned()
            board.expect([expected[RESULT.unpack(result)["row"]]])
            board.got(result)
        assert cycle < 100 * array.board.minimum
    board.finish()
    array.board.finish()
    generations = array.total // POPULATION
    dut._log.info(
        f"{method} search of {CONFIG.images} rows: {cycle} cycles, {generations} generations, "
        f"array busy {generations * work / cycle:.1%}"
    )
    if CONFIG.contexts >= 5:
        assert cycle < 1.04 * generations * work + 3000, (cycle, generations)
    assert cycle <= parameters().get("cycles", {}).get(str(method), cycle), cycle
