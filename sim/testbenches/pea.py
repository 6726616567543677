# SPDX-License-Identifier: Apache-2.0
"""Testbench of the PE array: images in; distances, rows, sums of trials and weights of queries out."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge, with_timeout
from cocotb.utils import get_sim_time

from nms.contract.config import POPULATION, Config
from nms.contract.derived import LOG_BETA_LOW
from nms.golden import pe, pea
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Pack, Sink, Source, Stalls, cycles, reset_mid, start, until
from nms.sim.verilator.context import parameters

KINDS = ("random", "equal", "extreme", "outlier", "twins")

Trial = tuple[int, int, int]
"""Row, M, q."""


def images(config: Config, kind: str, count: int, pixels: int) -> np.ndarray:
    """A batch of one kind; ``extreme`` is all 0 against all 255."""
    random = generator(f"images {kind} {count} {pixels}")
    batch = random.integers(0, 256, (count, pixels), dtype=np.uint8)
    if kind == "equal":
        batch[:] = batch[0]
    elif kind == "extreme":
        batch[:] = np.where(np.arange(count) % 3 == 0, 255, 0)[:, None]
    elif kind == "outlier":
        batch[:-1] = batch[0] // 2
        batch[-1] = 255
    elif kind == "twins":
        batch[1::2] = batch[: count - count % 2 : 2][: len(batch[1::2])]
    return batch


def random_trials(config: Config, count: int, runs: int) -> list[Trial]:
    """Runs of 32 candidates, each for one row: mostly of the size that real rows need, also the extremes."""
    random = generator(f"trials {count} {runs}")
    one, high = 1 << config.profile.mantissa.fraction, config.derived.log_beta_high
    trials = []
    for run in range(runs):
        row = [0, count - 1, 1][run] if run < 3 else int(random.integers(0, count))
        for k in range(POPULATION):
            q = int(random.integers(LOG_BETA_LOW, high) if k % 4 == 0 else random.integers(0, 10))
            trials.append((row, int(random.integers(one, 2 * one)), q))
    return trials


class Rig:
    """The array under test with one batch, and what is expected of it."""

    def __init__(self, dut: Any, name: str, batch: np.ndarray, stalls: Stalls = Stalls.NONE) -> None:
        self.dut, self.name, self.batch, self.stalls = dut, name, batch, stalls
        self.config = Config.model_validate(parameters()["config"])
        derived, profile = self.config.derived, self.config.profile
        index = derived.index_width
        candidate = {"mantissa": profile.mantissa.width, "exponent": -7}
        self.row = Pack(
            {
                "row": index,
                "minimum": derived.distance_width,
                "scale": derived.scale_width,
                "ties": derived.count_width,
            }
        )
        self.trial = Pack({"row": index, **candidate})
        self.sums_ = Pack({"s": profile.sums.width, "t": profile.sums.width})
        self.query = Pack({"row": index, **candidate, "ties_only": 1})
        self.pair = Pack({"row": index, "column": index})
        self.fetched = Pack({"data": 8 * self.config.lanes, "index": index, "last": 1})
        self.count, pixels = batch.shape
        self.words = -(-pixels // self.config.lanes)
        self.matrix = pea.distances(batch)
        self.normalised = pea.normalise(self.config, self.matrix)

    def pixels(self) -> list[int]:
        """The batch as words, each image padded with 0."""
        padded = np.zeros((self.count, self.words * self.config.lanes), dtype=np.uint8)
        padded[:, : self.batch.shape[1]] = self.batch
        words = padded.reshape(-1, self.config.lanes)
        return [int.from_bytes(word.tobytes(), "little") for word in words]

    def source(self, name: str) -> Source:
        return Source(self.dut, name, self.stalls)

    def sink(self, name: str) -> Sink:
        return Sink(self.dut, name, self.stalls)

    def patience(self, items: int) -> int:
        """Cycles that so many items may take, stalls included."""
        return 2000 + 40 * items

    async def pulse(self, name: str) -> None:
        signal = getattr(self.dut, name)
        signal.value = 1
        await RisingEdge(self.dut.clk)
        signal.value = 0

    async def begin_load(self) -> None:
        """Load the batch in the background, into a half that is free."""
        assert self.dut.load_ready.value, "no half is free"
        self.dut.load_count.value, self.dut.load_words.value = self.count, self.words
        await self.pulse("load")
        self.dut.load_count.value = self.dut.load_words.value = 0
        self.source("i_pixels").start(self.pixels())

    async def load(self) -> None:
        """Load the batch; it is to be computed on next."""
        await self.begin_load()
        await self.loaded()

    async def loaded(self) -> None:
        """Wait until the batch is there."""
        if not self.dut.loaded.value:
            await until(self.dut, "loaded", self.patience(self.count * self.words))

    async def free(self, held: bool = False) -> None:
        """Give the half back; with ``held`` its images can be fetched until :meth:`release`."""
        await self.pulse("free")
        self.dut.held.value = held
        await cycles(self.dut, 1)

    async def release(self) -> None:
        """No more images are fetched."""
        self.dut.held.value = 0
        await cycles(self.dut, 1)

    async def leave(self) -> None:
        """Give the half back and fetch all its images."""
        await self.free(held=True)
        await self.images()
        await self.release()

    async def distance(self) -> int:
        """Form the distances; returns the cycles it took."""
        self.dut.count.value, self.dut.words.value = self.count, self.words
        began = get_sim_time("ns")
        await self.pulse("distance")
        tiles = -(-self.count // (2 * self.config.pes))
        passes = self.count * tiles * max(self.words, parameters()["interval"])
        await until(self.dut, "done", passes + 100)
        return round((get_sim_time("ns") - began) / PERIOD)

    async def matrix_read(self) -> None:
        """All of the matrix, read out."""
        pairs = [(i, j) for i in range(self.count) for j in range(self.count)]
        board = Scoreboard(f"{self.name}, distances", minimum=len(pairs))
        board.expect(int(self.matrix[pair]) for pair in pairs)
        self.source("i_read").start(self.pair.pack(row=i, column=j) for i, j in pairs)
        await self.sink("o_read").take(len(pairs), timeout=self.patience(len(pairs)), into=board.got)
        board.finish()

    async def images(self) -> list[float]:
        """All images fetched, in some order; returns the times at which the words came, in cycles."""
        order = generator(f"order {self.name}").permutation(self.count)
        pixels, words = self.pixels(), self.words
        board = Scoreboard(f"{self.name}, images", minimum=len(pixels))
        board.expect(
            {"data": pixels[i * words + word], "index": int(i), "last": int(word + 1 == words)}
            for i in order
            for word in range(words)
        )
        times: list[float] = []

        def came(value: int) -> None:
            times.append(get_sim_time("ns") / PERIOD)
            board.got(self.fetched.unpack(value))

        self.source("i_fetch").start(order)
        await self.sink("o_pixels").take(len(pixels), timeout=self.patience(len(pixels)), into=came)
        board.finish()
        return times

    async def rows(self) -> None:
        """Scan: minimum, scale and ties of all rows."""
        board = Scoreboard(f"{self.name}, rows", minimum=self.count)
        minimum, scale, ties = pea.summarise_rows(self.config, self.matrix)
        board.expect(
            {"row": i, "minimum": int(minimum[i]), "scale": int(scale[i]), "ties": int(ties[i])}
            for i in range(self.count)
        )
        await self.pulse("scan")
        await self.sink("o_rows").take(
            self.count,
            timeout=self.patience(self.count * self.count),
            into=lambda value: board.got(self.row.unpack(value)),
        )
        board.finish()

    def sums(self, trials: list[Trial]) -> list[dict[str, int]]:
        """What the trials give."""
        rows, mantissas, exponents = (np.array(column) for column in zip(*trials, strict=True))
        s, t = pe.sums(self.config, mantissas[:, None], exponents[:, None], self.normalised[rows])
        return [{"s": int(a), "t": int(b)} for a, b in zip(s, t, strict=True)]

    async def search(self, trials: list[Trial]) -> list[float]:
        """S and T of all trials; returns the times at which they came, in cycles."""
        board = Scoreboard(f"{self.name}, sums", minimum=len(trials))
        board.expect(self.sums(trials))
        times: list[float] = []

        def came(value: int) -> None:
            times.append(get_sim_time("ns") / PERIOD)
            board.got(self.sums_.unpack(value))

        self.source("i_trials").start(
            self.trial.pack(row=row, mantissa=mantissa, exponent=q) for row, mantissa, q in trials
        )
        passes = len(trials) // self.config.pes
        await self.sink("o_sums").take(
            len(trials), timeout=self.patience(len(trials) + passes * self.count), into=came
        )
        board.finish()
        return times

    async def weights(self, queries: Iterable[tuple[int, int, int, bool]]) -> list[float]:
        """All weights of rows; returns the times at which they came, in cycles."""
        queries = list(queries)
        board = Scoreboard(f"{self.name}, weights", minimum=len(queries) * (self.count - 1))
        one = 1 << self.config.profile.weight.fraction
        for row, mantissa, q, ties_only in queries:
            dn = self.normalised[row]
            expected = (dn == 0) * one if ties_only else pe.weights(self.config, mantissa, q, dn)[0]
            board.expect(int(weight) for weight in expected)
        times: list[float] = []

        def came(value: int) -> None:
            times.append(get_sim_time("ns") / PERIOD)
            board.got(value)

        self.source("i_queries").start(
            self.query.pack(row=row, mantissa=mantissa, exponent=q, ties_only=int(ties_only))
            for row, mantissa, q, ties_only in queries
        )
        items = len(queries) * (self.count - 1)
        await self.sink("o_weights").take(items, timeout=self.patience(2 * items), into=came)
        board.finish()
        return times

    def queries(self) -> list[tuple[int, int, int, bool]]:
        """One of each row in order; every third only for its ties, with the candidate of an unsolved row."""
        random = generator(f"queries {self.name}")
        one = 1 << self.config.profile.mantissa.fraction
        return [
            (i, 0, 0, True)
            if i % 3 == 2
            else (i, int(random.integers(one, 2 * one)), int(random.integers(0, 10)), False)
            for i in range(self.count)
        ]

    async def compute(self, runs: int) -> None:
        """All phases after loading, one after the other."""
        await self.distance()
        await self.matrix_read()
        await self.rows()
        await self.search(random_trials(self.config, self.count, runs))
        await self.weights(self.queries())
        await self.leave()

    async def everything(self, runs: int) -> None:
        """All phases, one after the other."""
        await self.load()
        await self.compute(runs)


def _config() -> Config:
    return Config.model_validate(parameters()["config"])


def shapes(config: Config) -> list[tuple[str, int, int]]:
    """(kind, N, pixels): smallest and largest, odd, no powers of two, words not filled."""
    most, pixels = config.images, config.pixels
    odd = max(4, most // 2 - 1) | 1
    chosen = [
        ("random", most, min(pixels, 100)),
        ("extreme", 4, pixels),
        ("twins", odd, max(1, pixels // 2 - 1)),
        ("equal", min(6, most), 1),
        ("outlier", most - 1, min(pixels, 7)),
    ]
    return chosen if parameters().get("shapes") is None else chosen[: parameters()["shapes"]]


@cocotb.test()
async def batches(dut: Any) -> None:
    """Batches of all kinds and sizes one after the other, without a reset between them."""
    await start(dut)
    config = _config()
    for kind, count, pixels in shapes(config):
        rig = Rig(dut, f"{kind}, N={count}, {pixels} pixels", images(config, kind, count, pixels))
        await rig.everything(runs=4)


@cocotb.test()
@cocotb.parametrize(stalls=[stalls for stalls in Stalls if stalls is not Stalls.NONE])
async def stalled(dut: Any, stalls: Stalls) -> None:
    await start(dut)
    config = _config()
    count = min(11, config.images)
    rig = Rig(dut, f"stalls: {stalls.value}", images(config, "random", count, min(config.pixels, 21)), stalls)
    await rig.everything(runs=6)


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
async def double_buffered(dut: Any, stalls: Stalls) -> None:
    """While a batch is computed on, the next one is loaded: begun in a phase of its own each time."""
    await start(dut)
    config = _config()
    rigs = []
    for number, (kind, count, pixels) in enumerate(shapes(config)):
        batch = images(config, kind, count, min(pixels, 16 * config.lanes))
        rigs.append(Rig(dut, f"batch {number}, stalls: {stalls.value}", batch, stalls))
    await rigs[0].load()
    for number, rig in enumerate(rigs):
        following = rigs[number + 1] if number + 1 < len(rigs) else None
        await rig.loaded()
        phases: list[Callable[[], Awaitable[object]]] = [
            rig.distance,
            rig.matrix_read,
            rig.rows,
            partial(rig.search, random_trials(config, rig.count, 4)),
            partial(rig.weights, rig.queries()),
            rig.leave,
        ]
        for turn, phase in enumerate(phases):
            if following is not None and turn == number % len(phases):
                await following.begin_load()
            await phase()


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
async def leaving(dut: Any, stalls: Stalls) -> None:
    """The images of a batch are fetched while the next one is computed; the one after that waits for them."""
    await start(dut)
    config = _config()
    rigs = [
        Rig(dut, f"leaving {n}, stalls: {stalls.value}", images(config, "random", 5 + n, 1 + 9 * n), stalls)
        for n in range(min(3, config.images - 4))
    ]
    await rigs[0].load()
    for number, rig in enumerate(rigs):
        following = rigs[number + 1] if number + 1 < len(rigs) else None
        await rig.distance()
        await rig.free(held=True)
        assert dut.load_ready.value, "the other half is empty and must be free"
        if following is None:
            await rig.images()
            break
        await following.load()
        assert not dut.load_ready.value, "a batch may be loaded over images that are still to be fetched"
        fetching = cocotb.start_soon(rig.images())
        await following.distance()
        await fetching
        await following.matrix_read()
        await rig.release()
        assert dut.load_ready.value
    await rigs[-1].release()


@cocotb.test()
async def halves(dut: Any) -> None:
    """Two batches fit, a third load is ignored; halves are given back in the order of loading."""
    await start(dut)
    config = _config()
    rigs = [Rig(dut, f"half {n}", images(config, "random", 4 + n, 1 + n)) for n in range(3)]
    assert not dut.loaded.value
    await rigs[0].load()
    await rigs[1].begin_load()
    await cycles(dut, 1)
    assert not dut.load_ready.value, "a load goes on"
    await cycles(dut, 1 + rigs[1].count * rigs[1].words)
    assert not dut.load_ready.value, "both halves are full"
    dut.load_count.value, dut.load_words.value = rigs[2].count, rigs[2].words
    await rigs[2].pulse("load")
    await cycles(dut, 1)
    assert not dut.i_pixels__ready.value
    for rig, following in pairwise([*rigs, rigs[0]]):
        await rig.loaded()
        await rig.compute(2)
        if following is rigs[1]:
            await rigs[2].begin_load()
    assert not dut.loaded.value


@cocotb.test()
async def blocked(dut: Any) -> None:
    """Nobody takes sums or weights for very long: all inputs fill up, nothing is lost."""
    await start(dut)
    config = _config()
    rig = Rig(dut, "blocked", images(config, "random", config.images, min(config.pixels, 9)))
    await rig.load()
    await rig.distance()
    await rig.rows()
    trials = random_trials(config, rig.count, 12)
    board = Scoreboard("blocked, sums", minimum=len(trials))
    board.expect(rig.sums(trials))
    rig.source("i_trials").start(
        rig.trial.pack(row=row, mantissa=mantissa, exponent=q) for row, mantissa, q in trials
    )
    await cycles(dut, 3000)
    await rig.sink("o_sums").take(
        len(trials), timeout=20000, into=lambda value: board.got(rig.sums_.unpack(value))
    )
    board.finish()
    queries = rig.queries()
    rig.source("i_queries").start(
        rig.query.pack(row=row, mantissa=m, exponent=q, ties_only=int(only)) for row, m, q, only in queries
    )
    await cycles(dut, 3000)
    board = Scoreboard("blocked, weights", minimum=100)
    for row, mantissa, q, ties_only in queries:
        dn = rig.normalised[row]
        one = 1 << config.profile.weight.fraction
        board.expect(
            int(w) for w in ((dn == 0) * one if ties_only else pe.weights(config, mantissa, q, dn)[0])
        )
    await rig.sink("o_weights").take(len(queries) * (rig.count - 1), timeout=20000, into=board.got)
    board.finish()


@cocotb.test()
@cocotb.parametrize(stalls=[Stalls.NONE, Stalls.RANDOM])
async def overlapped(dut: Any, stalls: Stalls) -> None:
    """Rows are searched, two in turn, as soon as they are known, while the scan goes on or waits."""
    await start(dut)
    config = _config()
    count = config.images - 1
    batch = images(config, "random", count, min(config.pixels, 5))
    rig = Rig(dut, f"overlapped, stalls: {stalls.value}", batch, stalls)
    await rig.load()
    await rig.distance()
    minimum, scale, ties = pea.summarise_rows(config, rig.matrix)
    known = Scoreboard(f"{rig.name}, rows", minimum=count)
    board = Scoreboard(f"{rig.name}, sums", minimum=2 * count * POPULATION)
    await rig.pulse("scan")
    rows, sums, trials = rig.sink("o_rows"), rig.sink("o_sums"), rig.source("i_trials")
    runs = 2 * count
    taking = sums.start(runs * POPULATION, lambda value: board.got(rig.sums_.unpack(value)))
    for i in range(count):
        known.expect([(i, int(minimum[i]), int(scale[i]), int(ties[i]))])
        for value in await rows.take(1, timeout=rig.patience(count)):
            known.got(tuple(rig.row.unpack(value).values()))
        for row in (i, i - i % 2):
            run = [(row, mantissa, q) for _, mantissa, q in random_trials(config, count, 1)]
            board.expect(rig.sums(run))
            await trials.send(
                rig.trial.pack(row=row, mantissa=mantissa, exponent=q) for _, mantissa, q in run
            )
    await with_timeout(taking, rig.patience(runs * POPULATION) * PERIOD, "ns")
    known.finish()
    board.finish()


@cocotb.test()
async def timing(dut: Any) -> None:
    """Distances, passes and weights follow each other as fast as the docstring says."""
    await start(dut)
    config = _config()
    pixels = min(config.pixels, parameters().get("timed_pixels", 64))
    rig = Rig(dut, "timing", images(config, "random", config.images, pixels))
    await rig.load()
    taken = await rig.distance()
    tiles = -(-rig.count // (2 * config.pes))
    bound = rig.count * tiles * max(rig.words, parameters()["interval"])
    dut._log.info("distances: %d cycles for %d pixels, %d passes back to back", taken, pixels, bound)
    assert bound <= taken <= bound + config.pes + 20
    await rig.rows()
    times = await rig.search(random_trials(config, rig.count, 8))
    interval = max(rig.count - 1, config.pes + 7)
    starts = times[:: config.pes]
    gaps = {round(b - a) for a, b in pairwise(starts[2:])}
    dut._log.info("passes: every %s cycles", sorted(gaps))
    assert gaps == {interval}
    times = await rig.weights(rig.queries())
    taken = round(times[-1] - times[0]) + 1
    dut._log.info("weights: %d in %d cycles", len(times), taken)
    assert taken <= len(times) + 8 * rig.count
    following = Rig(dut, "loaded meanwhile", images(config, "twins", config.images, pixels))
    await following.begin_load()
    again = await rig.distance()
    assert bound <= again <= bound + config.pes + 20
    await rig.free(held=True)
    assert dut.loaded.value, "a batch of as many cycles was not loaded meanwhile"
    times = await rig.images()
    taken = round(times[-1] - times[0]) + 1
    dut._log.info("images: %d words in %d cycles", len(times), taken)
    assert taken <= len(times) + rig.count
    await rig.release()
    await following.compute(1)


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in the middle of each phase, and a clean run after each."""
    await start(dut)
    config = _config()
    count = min(9, config.images)
    batch = images(config, "random", count, min(config.pixels, 12))
    rig = Rig(dut, "reset", batch)
    trials = random_trials(config, count, 4)
    for phase in ("load", "second load", "distance", "scan", "search", "weights", "fetch"):
        rig = Rig(dut, f"after a reset in {phase}", batch)
        if phase == "load":
            await rig.begin_load()
        else:
            await rig.load()
            await Rig(dut, "lost", 255 - batch).begin_load()
            if phase == "distance":
                dut.count.value, dut.words.value = rig.count, rig.words
                await rig.pulse("distance")
            elif phase != "second load":
                await rig.distance()
                if phase == "scan":
                    await rig.pulse("scan")
                    await rig.sink("o_rows").take(2, timeout=1000)
                else:
                    await rig.rows()
        if phase == "search":
            rig.source("i_trials").start(
                rig.trial.pack(row=row, mantissa=mantissa, exponent=q) for row, mantissa, q in trials
            )
            await rig.sink("o_sums").take(config.pes + 1, timeout=2000)
        if phase == "weights":
            rig.source("i_queries").start(
                rig.query.pack(row=row, mantissa=m, exponent=q, ties_only=int(only))
                for row, m, q, only in rig.queries()
            )
            await rig.sink("o_weights").take(5, timeout=2000)
        if phase == "fetch":
            await rig.free(held=True)
            rig.source("i_fetch").start(range(count))
            await rig.sink("o_pixels").take(3, timeout=100)
        await cycles(dut, 7)
        dut.held.value = 0
        await reset_mid(dut)
        await rig.everything(runs=2)
