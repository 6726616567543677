# SPDX-License-Identifier: Apache-2.0
"""Searches with what the golden model expects of them, a model of the processing element array (PEA).

Trials of a row must come in the golden model's order, results of the rows in any order.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import cocotb
import numpy as np
from cocotb.triggers import Event

import nms.golden.de
import nms.golden.fitness
import nms.golden.pe
import nms.golden.pea
import nms.golden.prng
from nms.contract.config import POPULATION, Config
from nms.contract.settings import Search
from nms.rtl.search.de import DE
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Sink, Source, Stalls, cycles
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
PROFILE, DERIVED = CONFIG.profile, CONFIG.derived
BLOCK = DE(CONFIG)
TASK, TRIAL = Pack(BLOCK.i_tasks.payload.shape()), Pack(BLOCK.o_trials.payload.shape())
SUMS, RESULT = Pack(BLOCK.i_sums.payload.shape()), Pack(BLOCK.o_results.payload.shape())
METHODS = list(Search)


def quantise(perplexity: float) -> int:
    """A target perplexity as the hardware takes it."""
    return int(perplexity * 2**PROFILE.perplexity.fraction)


def draw_images(name: str, count: int, *same: int) -> np.ndarray:
    """``count`` images of uneven contrast, among them groups of ``same`` identical ones."""
    rng = generator(name)
    spread = rng.integers(1, 256, (count, 1))
    images = (rng.integers(0, 256, (count, CONFIG.pixels)) * spread // 255).astype(np.uint8)
    first = 0
    for size in same:
        images[first : first + size] = images[first]
        first += size
    return images


def make_hard_images() -> np.ndarray:
    """SearchCase at the ends of the range: twins, neighbours one unit apart, others as far away as can be."""
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
class SearchCase:
    """What goes into a search, and what must come out of it."""

    method: Search
    target: int
    tasks: list[int]
    trials: dict[int, list[int]]  # of a row, packed, in order
    sums: dict[int, list[int]]  # of each of these trials
    results: list[int]
    status: np.ndarray

    @classmethod
    def run_model(
        cls, method: Search, images: np.ndarray, target: int, seed: int, given: Sums | None = None
    ) -> "SearchCase":
        """The search of a batch; with ``given``, these are the sums of all trials."""
        distance = nms.golden.pea.distances(images)
        count = len(images)
        states = nms.golden.prng.seeds(seed, count)
        _, _, ties = nms.golden.pea.summarise_rows(CONFIG, distance)
        evaluations, evaluate = [], nms.golden.de.evaluate

        def record(config, u, dn):
            found = evaluate(config, u, dn)
            s = t = np.zeros(u.shape, np.int64)
            if given:
                s, t = given(u)
                found = type(found)(*found[:2], *nms.golden.fitness.fitness(config, s, t))
            evaluations.append((*found[:2], s, t))
            return found

        with mock.patch.object(nms.golden.de, "evaluate", record):
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


class ArrayModel:
    """A model of the PEA: compares each trial with the expected one of its row, and answers with its sums."""

    def __init__(self, search: SearchCase, name: str):
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


def apply_settings(dut: Any, search: SearchCase) -> None:
    """Drive the settings of a search."""
    dut.search.value = search.method
    dut.target.value = search.target


async def run(dut: Any, search: SearchCase, name: str, stalls: Stalls = Stalls.NONE) -> None:
    """All rows of a search, to the end."""
    apply_settings(dut, search)
    array = ArrayModel(search, name)
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
