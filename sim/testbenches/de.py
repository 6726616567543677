# SPDX-License-Identifier: Apache-2.0
"""Bench of the search: the bench plays the PE array; every trial and every result against ``nms.golden.de``.

Trials of a row must come in the golden model's order, results of the rows in any order.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

import cocotb
import numpy as np
from cocotb.triggers import Event, RisingEdge

import nms.golden.de
import nms.golden.fitness
import nms.golden.pe
import nms.golden.pea
import nms.golden.prng
from nms.contract.config import GENERATION_CAP, POPULATION, Config
from nms.contract.settings import Search
from nms.contract.tables import Status
from nms.rtl.search.de import DE
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Sink, Source, Stalls, cycles, reset_mid, start
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
PROFILE, DERIVED = CONFIG.profile, CONFIG.derived
TASK = Pack({"row": DERIVED.index_width, "ties": DERIVED.count_width, "state": 64})
TRIAL = Pack({"row": DERIVED.index_width, "mantissa": PROFILE.mantissa.width, "exponent": -7})
SUMS = Pack({"s": PROFILE.sums.width, "t": PROFILE.sums.width})
RESULT = Pack(
    {
        "row": DERIVED.index_width,
        "status": 2,
        "mantissa": PROFILE.mantissa.width,
        "exponent": -7,
        "perplexity": PROFILE.perplexity.width,
        "generations": 8,
        "reciprocal": PROFILE.reciprocal.width,
        "shift": 4,
    }
)


def raw(perplexity: float) -> int:
    """A target."""
    return int(perplexity * 2**PROFILE.perplexity.fraction)


def pictures(name: str, count: int, *same: int) -> np.ndarray:
    """``count`` images of uneven contrast, among them groups of ``same`` identical ones."""
    rng = generator(name)
    spread = rng.integers(1, 256, (count, 1))
    images = (rng.integers(0, 256, (count, CONFIG.pixels)) * spread // 255).astype(np.uint8)
    first = 0
    for size in same:
        images[first : first + size] = images[first]
        first += size
    return images


def hard() -> np.ndarray:
    """Rows at the ends of the range: twins, neighbours one unit apart, others as far away as can be."""
    images = generator("de hard").integers(0, 256, (12, CONFIG.pixels)).astype(np.uint8)
    images[:4] = 0
    images[2, 0] = images[3, -1] = 1  # 0 and 1 are twins; 2 and 3 are one unit from them
    images[4] = 255
    images[5] = 255
    images[5, 0] = 254
    images[6:8] = images[8]
    images[6, 0] ^= 1
    return images


Sums = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""S and T of points u, one row of points for each row that is searched."""


def constant(s: float, t: float) -> Sums:
    """The same everywhere."""
    one = PROFILE.sums.fraction
    return lambda u: (np.full(u.shape, int(s * 2**one)), np.full(u.shape, int(t * 2**one)))


def cliffs(target: float, seed: int) -> Sums:
    """Two perplexities, above the target up to some u and below it beyond: no point solves a row."""
    low, high = -8 << PROFILE.log_beta.fraction, DERIVED.log_beta_high << PROFILE.log_beta.fraction

    def sums(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        edge = rng.integers(low, high, (len(u), 1))
        above, below = rng.uniform(1.01, 4, (len(u), 1)) * target, rng.uniform(1, 0.99 * target, (len(u), 1))
        s = np.where(u < edge, above, below) * 2.0**PROFILE.sums.fraction
        return s.astype(np.int64), np.zeros(u.shape, np.int64)

    return sums


@dataclass
class Rows:
    """What goes into a search, and what must come out of it."""

    method: Search
    target: int
    tasks: list[int]
    trials: dict[int, list[int]]  # of a row, packed, in order
    sums: dict[int, list[int]]  # of each of these trials
    results: list[int]
    status: np.ndarray

    @classmethod
    def of(
        cls, method: Search, images: np.ndarray, target: int, seed: int, given: Sums | None = None
    ) -> "Rows":
        """The search of a batch; with ``given``, these are the sums of all trials."""
        distance = nms.golden.pea.distances(images)
        count = len(images)
        states = nms.golden.prng.seeds(seed, count)
        _, _, ties = nms.golden.pea.summarise_rows(CONFIG, distance)
        evaluations, evaluate = [], nms.golden.de.evaluate

        def recorded(config, u, dn):
            found = evaluate(config, u, dn)
            s = t = np.zeros(u.shape, np.int64)
            if given:
                s, t = given(u)
                found = type(found)(*found[:2], *nms.golden.fitness.fitness(config, s, t))
            evaluations.append((*found[:2], s, t))
            return found

        with mock.patch.object(nms.golden.de, "evaluate", recorded):
            result = nms.golden.de.search(CONFIG, target, distance, states, search=method)
        found: dict[int, list] = {row: [] for row in range(count)}
        for generation, evaluation in enumerate(evaluations):
            active = np.flatnonzero(result.generations > generation)
            assert evaluation[0].shape == (len(active), POPULATION)
            for row, *of_row in zip(active.tolist(), *evaluation, strict=True):
                found[row].append(of_row)
        trials, sums = {}, {}
        dn = nms.golden.pea.normalise(CONFIG, distance)
        for row, generations in found.items():
            m, q, s, t = np.array(generations, np.int64).reshape(-1, 4, POPULATION).swapaxes(0, 1)
            m, q, s, t = m.ravel(), q.ravel(), s.ravel(), t.ravel()
            trials[row] = [
                TRIAL.pack(row=row, mantissa=a, exponent=b)
                for a, b in zip(m.tolist(), q.tolist(), strict=True)
            ]
            if not given and len(m):
                s, t = nms.golden.pe.sums(CONFIG, m[:, None], q[:, None], dn[row])
            sums[row] = [SUMS.pack(s=int(a), t=int(b)) for a, b in zip(s, t, strict=True)]
        names = ("status", "mantissa", "exponent", "perplexity", "generations", "reciprocal", "shift")
        results = [
            RESULT.pack(row=row, **{name: int(getattr(result, name)[row]) for name in names})
            for row in range(count)
        ]
        tasks = [TASK.pack(row=i, ties=ties[i], state=int(states[i])) for i in range(count)]
        return cls(method, target, tasks, trials, sums, results, result.status)


class Array:
    """The PE array: compares each trial with the expected one of its row and answers with its sums."""

    def __init__(self, search: Rows, name: str):
        self.search = search
        self.at = dict.fromkeys(search.trials, 0)
        self.row = 0
        self.total = 0
        self.board = Scoreboard(f"{name} trials", minimum=sum(map(len, search.trials.values())))
        self.answers: deque[int] = deque()
        self.ready = Event()

    def take(self, trial: int) -> None:
        """One trial came."""
        row = TRIAL.unpack(trial)["row"]
        if self.total % POPULATION == 0:
            self.row = row
        assert row == self.row, f"trial {self.total}: row {row} within the run of row {self.row}"
        self.total += 1
        expected = self.search.trials[row][self.at[row] : self.at[row] + 1]
        assert expected, f"row {row}: more trials than expected"
        self.board.expect(expected)
        self.board.got(trial)
        assert not self.board.mismatches, f"row {row}, trial {self.at[row]}: {self.board.mismatches}"
        self.answers.append(self.search.sums[row][self.at[row]])
        self.at[row] += 1
        self.ready.set()

    async def answer(self, source: Source) -> None:
        """Send the sums as soon as they are there."""
        while True:
            if not self.answers:
                self.ready.clear()
                await self.ready.wait()
            await source.send([self.answers.popleft()])


def settle(dut, search: Rows) -> None:
    """The settings of a search."""
    dut.search.value = search.method
    dut.target.value = search.target


async def run(dut, search: Rows, name: str, stalls: Stalls = Stalls.NONE) -> None:
    """All rows of a search, to the end."""
    settle(dut, search)
    array = Array(search, name)
    board = Scoreboard(f"{name} results", minimum=len(search.tasks))
    Source(dut, "i_tasks", stalls).start(search.tasks)
    trials = Sink(dut, "o_trials", stalls).start(array.board.minimum, array.take)
    answers = cocotb.start_soon(array.answer(Source(dut, "i_sums", stalls)))
    steps = 100 * array.board.minimum + 100_000
    results = await Sink(dut, "o_results", stalls).take(len(search.tasks), timeout=steps)
    await trials
    answers.cancel()
    board.expect(search.results)
    for result in sorted(results, key=lambda result: RESULT.unpack(result)["row"]):
        board.got(result)
    board.finish()
    array.board.finish()
    await cycles(dut, 100)
    assert not dut.o_trials__valid.value, "a trial that nobody expects"
    assert not dut.o_results__valid.value, "a result that nobody expects"


METHODS = list(Search)


@cocotb.test()
@cocotb.parametrize(method=METHODS, stalls=list(Stalls))
async def streams(dut, method, stalls):
    """Rows with and without a solution: more ties than the target, exactly as many, none."""
    await start(dut)
    count = CONFIG.images if stalls is Stalls.NONE else min(CONFIG.images, 12)
    groups = (4, 3) if count > 8 else ()
    images = pictures(f"de {stalls.value}", count, *groups)
    search = Rows.of(method, images, raw(2.0), seed=1 + len(stalls.value))
    if groups:
        assert {Status.SOLVED, Status.INFEASIBLE, Status.SATURATED} <= set(search.status.tolist())
    await run(dut, search, f"de {method} {stalls.value}", stalls)


@cocotb.test()
@cocotb.parametrize(method=METHODS, target=[1.01, 3.001, 9.5])
async def ends(dut, method, target):
    """Hard rows: solutions far up and far down in the range."""
    await start(dut)
    await run(dut, Rows.of(method, hard(), raw(target), seed=5), f"de ends {method} {target}")


@cocotb.test()
@cocotb.parametrize(method=METHODS, sums=["above", "below", "cliffs"])
async def cap(dut, method, sums):
    """Sums that no beta brings to the target: all rows with a search run into the generation cap.

    With sums that never change, DE/best/1 collapses and restarts; a bracket shrinks towards one end of
    the range. With cliffs, windows miss again and again, down to brackets of one unit.
    """
    await start(dut)
    given = {"above": constant(3, 1), "below": constant(1, 0), "cliffs": cliffs(1.5, seed=4)}[sums]
    images = pictures("de cap", 6, 3) if CONFIG.images >= 6 else pictures("de cap", CONFIG.images)
    search = Rows.of(method, images, raw(1.5), seed=3, given=given)
    assert Status.UNCONVERGED in search.status
    assert Status.SOLVED not in search.status
    assert max(map(len, search.trials.values())) == GENERATION_CAP * POPULATION
    await run(dut, search, f"de cap {method} {sums}")


@cocotb.test()
async def settings(dut):
    """One method after another, without a reset between them."""
    await start(dut)
    for method in [*METHODS, *reversed(METHODS)]:
        search = Rows.of(method, pictures("de settings", 5), raw(1.75), seed=6)
        await run(dut, search, f"de settings {method}")


@cocotb.test()
@cocotb.parametrize(method=METHODS)
async def reset(dut, method):
    """Reset early, in the middle of the issue, of the flight and of the drain; then a clean run."""
    await start(dut)
    search = Rows.of(method, pictures("de reset", 5), raw(1.75), seed=9)
    for before in (3, 20, 60, 130, 145, 160, 500):
        array = Array(search, "de before reset")
        settle(dut, search)
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
async def pace(dut, method):
    """Latencies are as documented, a generation is issued without a gap, the next 33 cycles later."""
    await start(dut)
    search = Rows.of(method, pictures("de pace", 4), raw(1.75), seed=2)
    unit = DE(CONFIG)
    first, second = search.tasks[:2]
    answers = search.sums[0] + search.sums[1]
    settle(dut, search)
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
    begin = task_at + unit.start_latency
    runs = [begin, begin + POPULATION + 1] if CONFIG.contexts > 1 else [begin]
    runs.append(last_sums + unit.turn_latency(method))
    assert out == [at + k for at in runs for k in range(POPULATION)], (task_at, last_sums, runs, out)


@cocotb.test()
@cocotb.parametrize(method=METHODS)
async def throughput(dut, method):
    """A full batch with an array that takes 63 cycles a generation: how long the whole search takes.

    The array loads the next 32 trials while it works, gives its first sums 40 cycles after a
    generation's end and drains 32 in 32 cycles.
    """
    await start(dut)
    work, flight = CONFIG.images - 1, 40
    work *= POPULATION // CONFIG.pes
    target = raw(15.0 if CONFIG.images > 16 else 5.0)
    search = Rows.of(method, pictures("de throughput", CONFIG.images), target, seed=1)
    array = Array(search, f"de throughput {method}")
    expected = {RESULT.unpack(result)["row"]: result for result in search.results}
    settle(dut, search)
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
