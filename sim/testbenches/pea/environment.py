# SPDX-License-Identifier: Apache-2.0
"""Images, trials, and driver with comparison of the processing element array (PEA)."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from cocotb.utils import get_sim_time

from nms.contract.config import POPULATION, Config
from nms.contract.derived import LOG_BETA_LOW
from nms.golden import pe, pea
from nms.rtl.array.pea import PEA
from nms.sim.models.images import pack_images
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Pack, Sink, Source, Stalls, cycles, pulse, until
from nms.sim.verilator.context import parameters

Trial = tuple[int, int, int]
"""Row, M, q."""

Query = tuple[int, int, int, bool]
"""Row, M, q, and whether only ties have a weight."""


def make_images(config: Config, kind: str, count: int, pixels: int) -> np.ndarray:
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


def draw_trials(config: Config, count: int, runs: int) -> list[Trial]:
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
        self.config = read_config()
        self.block = block = PEA(self.config)
        self.row = Pack(block.o_rows.payload.shape())
        self.trial = Pack(block.i_trials.payload.shape())
        self.sum = Pack(block.o_sums.payload.shape())
        self.query = Pack(block.i_queries.payload.shape())
        self.pair = Pack(block.i_read.payload.shape())
        self.fetches = not self.config.side
        self.fetched = Pack(block.payloads.fetched)
        self.count, pixels = batch.shape
        self.words = -(-pixels // self.config.lanes)
        self.matrix = pea.distances(batch)
        self.normalised = pea.normalise(self.config, self.matrix)

    def pixels(self) -> list[int]:
        """The batch as words, each image padded with 0."""
        return pack_images(self.batch, self.config.lanes)

    def source(self, name: str) -> Source:
        return Source(self.dut, name, self.stalls)

    def sink(self, name: str) -> Sink:
        return Sink(self.dut, name, self.stalls)

    def patience(self, items: int) -> int:
        """Cycles that so many items may take, stalls included."""
        return 2000 + 40 * items

    async def begin_load(self) -> None:
        """Load the batch in the background, into a half that is free."""
        assert self.dut.load_ready.value, "no half is free"
        self.dut.load_count.value, self.dut.load_words.value = self.count, self.words
        await pulse(self.dut, "load")
        self.dut.load_count.value = self.dut.load_words.value = 0
        self.source("i_pixels").start(self.pixels())

    async def load(self) -> None:
        """Load the batch; it is to be computed on next."""
        await self.begin_load()
        await self.wait_loaded()

    async def wait_loaded(self) -> None:
        """Wait until the batch is there."""
        if not self.dut.loaded.value:
            await until(self.dut, "loaded", self.patience(self.count * self.words))

    async def free(self, held: bool = False) -> None:
        """Give the half back; with ``held`` its images can be fetched until :meth:`release`."""
        await pulse(self.dut, "free")
        if self.fetches:
            self.dut.held.value = held
        await cycles(self.dut, 1)

    async def release(self) -> None:
        """No more images are fetched."""
        self.dut.held.value = 0
        await cycles(self.dut, 1)

    async def leave(self) -> None:
        """Give the half back and, where that can be, fetch all its images."""
        await self.free(held=True)
        if self.fetches:
            await self.fetch_images()
            await self.release()

    async def distance(self) -> int:
        """Form the distances; returns the cycles it took."""
        self.dut.count.value, self.dut.words.value = self.count, self.words
        began = get_sim_time("ns")
        await pulse(self.dut, "distance")
        tiles = -(-self.count // (2 * self.config.pes))
        passes = self.count * tiles * max(self.words, self.block.interval)
        await until(self.dut, "done", passes + 100)
        return round((get_sim_time("ns") - began) / PERIOD)

    async def read_matrix(self) -> None:
        """All of the matrix, read out."""
        pairs = [(i, j) for i in range(self.count) for j in range(self.count)]
        board = Scoreboard(f"{self.name}, distances", minimum=len(pairs))
        board.expect(int(self.matrix[pair]) for pair in pairs)
        self.source("i_read").start(self.pair.pack(row=i, column=j) for i, j in pairs)
        await self.sink("o_read").take(len(pairs), timeout=self.patience(len(pairs)), into=board.got)
        board.finish()

    async def fetch_images(self) -> list[float]:
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

    async def scan(self) -> None:
        """Scan: minimum, scale and ties of all rows."""
        board = Scoreboard(f"{self.name}, rows", minimum=self.count)
        minimum, scale, ties = pea.summarise_rows(self.config, self.matrix)
        board.expect(
            {"row": i, "minimum": int(minimum[i]), "scale": int(scale[i]), "ties": int(ties[i])}
            for i in range(self.count)
        )
        await pulse(self.dut, "scan")
        await self.sink("o_rows").take(
            self.count,
            timeout=self.patience(self.count * self.count),
            into=lambda value: board.got(self.row.unpack(value)),
        )
        board.finish()

    def pack_trials(self, trials: Iterable[Trial]) -> list[int]:
        """Items of ``i_trials``."""
        return [self.trial.pack(row=row, mantissa=mantissa, exponent=q) for row, mantissa, q in trials]

    def pack_queries(self, queries: Iterable[Query]) -> list[int]:
        """Items of ``i_queries``."""
        return [
            self.query.pack(row=row, mantissa=mantissa, exponent=q, ties_only=int(ties_only))
            for row, mantissa, q, ties_only in queries
        ]

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
            board.got(self.sum.unpack(value))

        self.source("i_trials").start(self.pack_trials(trials))
        passes = len(trials) // self.config.pes
        await self.sink("o_sums").take(
            len(trials), timeout=self.patience(len(trials) + passes * self.count), into=came
        )
        board.finish()
        return times

    def expected_weights(self, queries: list[Query]) -> Iterator[int]:
        """The weights that queries give: of a row solved by M and q, or only of its ties."""
        one = 1 << self.config.profile.weight.fraction
        for row, mantissa, q, ties_only in queries:
            dn = self.normalised[row]
            weights = (dn == 0) * one if ties_only else pe.weights(self.config, mantissa, q, dn)[0]
            yield from map(int, weights)

    async def weights(self, queries: list[Query]) -> list[float]:
        """All weights of rows; returns the times at which they came, in cycles."""
        board = Scoreboard(f"{self.name}, weights", minimum=len(queries) * (self.count - 1))
        board.expect(self.expected_weights(queries))
        times: list[float] = []

        def came(value: int) -> None:
            times.append(get_sim_time("ns") / PERIOD)
            board.got(value)

        self.source("i_queries").start(self.pack_queries(queries))
        items = len(queries) * (self.count - 1)
        await self.sink("o_weights").take(items, timeout=self.patience(2 * items), into=came)
        board.finish()
        return times

    def queries(self) -> list[Query]:
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
        await self.read_matrix()
        await self.scan()
        await self.search(draw_trials(self.config, self.count, runs))
        await self.weights(self.queries())
        await self.leave()

    async def run_all(self, runs: int) -> None:
        """All phases, one after the other."""
        await self.load()
        await self.compute(runs)


def read_config() -> Config:
    """The configuration of the block under test."""
    return Config.model_validate(parameters()["config"])


def shapes(config: Config) -> list[tuple[str, int, int]]:
    """(kind, N, pixels): smallest and largest, odd, no powers of two, words not filled."""
    most, pixels = config.images, config.pixels
    odd = max(4, most // 2 - 1) | 1
    found = [
        ("random", most, min(pixels, 100)),
        ("extreme", 4, pixels),
        ("twins", odd, max(1, pixels // 2 - 1)),
        ("equal", min(6, most), 1),
        ("outlier", most - 1, min(pixels, 7)),
    ]
    return found[: parameters().get("shapes")]
