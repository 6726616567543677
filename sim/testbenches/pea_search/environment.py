# SPDX-License-Identifier: Apache-2.0
"""Memories and processing elements (PEs) around the search phase, and comparison of what reached them."""

from typing import Any

import numpy as np
from cocotb.triggers import RisingEdge

from nms.contract.config import Config
from nms.rtl.array.pea_search import SearchPhase
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Sink, Source, Stalls
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
DERIVED, PROFILE = CONFIG.derived, CONFIG.profile
BLOCK = SearchPhase(CONFIG)
TRIAL, QUERY = Pack(BLOCK.i_trials.payload.shape()), Pack(BLOCK.i_queries.payload.shape())
SUMS, SCALE = Pack(BLOCK.o_sums.payload.shape()), Pack(BLOCK.scale_data.shape())

Candidate = tuple[int, int]
"""Mantissa and exponent."""


def find_range(distances: np.ndarray, row: int) -> tuple[int, int]:
    """Minimum and scale of a row: section 5 of the contract."""
    others = np.delete(distances[row], row)
    return int(others.min()), int(others.max() - others.min()).bit_length()


def normalise(distances: np.ndarray, row: int) -> list[int]:
    """dn of a row, j ascending without i: section 5 of the contract."""
    low, scale = find_range(distances, row)
    return [
        (int(value) - low) << (DERIVED.distance_width - scale) for value in np.delete(distances[row], row)
    ]


def sums(candidate: Candidate, dns: list[int]) -> int:
    """What stands for S and T: they tell candidates, distances and their order apart."""
    mixed = sum((place + 1) * dn for place, dn in enumerate(dns)) + candidate[0]
    mask = (1 << PROFILE.sums.width) - 1
    return SUMS.pack(s=mixed & mask, t=(len(dns) << 8) + candidate[1] + 64)


def weight(candidate: Candidate, dn: int, ties_only: bool) -> int:
    """What stands for a weight."""
    return int(dn == 0) if ties_only else (dn ^ candidate[0]) & (1 << PROFILE.weight.width) - 1


class Surroundings:
    """The memories of the distances and of the scales, and all elements with the latencies of real ones."""

    def __init__(self, dut: Any, distances: np.ndarray) -> None:
        self.dut = dut
        count = len(distances)
        self.triangle = [int(distances[low, high]) for high in range(count) for low in range(high)]
        ranges = (find_range(distances, row) for row in range(count))
        self.scales = [SCALE.pack(minimum=low, scale=scale) for low, scale in ranges]
        self.loaded: list[Candidate] = [(0, 0)] * CONFIG.pes
        self.used = list(self.loaded)
        self.dns: list[list[int]] = [[] for _ in range(CONFIG.pes)]
        self.later: dict[int, list[tuple[str, int]]] = {}

    def _after(self, cycle: int, name: str, value: int) -> None:
        self.later.setdefault(cycle, []).append((name, value))

    def _elements(self, cycle: int) -> None:
        dut, pe = self.dut, BLOCK.pe
        valid, first = dut.dn_valid.value.to_unsigned(), dut.dn_first.value
        dn, ties_only = dut.dn.value.to_unsigned(), bool(dut.ties_only.value)
        for k in range(CONFIG.pes):
            if valid >> k & 1:
                if first:
                    self.used[k], self.dns[k] = self.loaded[k], []
                self.dns[k].append(dn)
                if dut.dn_last.value:
                    there = cycle + pe.sums_latency - 1
                    self._after(there, f"sums__{k}", sums(self.used[k], self.dns[k]))
        if valid & 1:
            there = cycle + pe.weight_latency - 1
            self._after(there, "weight", weight(self.used[0], dn, ties_only))
            self._after(there, "weight_valid", 1)
            if dut.dn_last.value:
                self._after(cycle + pe.sums_latency - 1, "sums_done", 1)
        load = dut.load.value.to_unsigned()
        if load:
            candidate = dut.mantissa.value.to_unsigned(), dut.exponent.value.to_signed()
            self.loaded = [candidate if load >> k & 1 else old for k, old in enumerate(self.loaded)]

    async def run(self) -> None:
        """Answer for ever."""
        dut, cycle = self.dut, 0
        while True:
            await RisingEdge(dut.clk)
            self._elements(cycle)
            dut.weight_valid.value = dut.sums_done.value = 0
            for name, value in self.later.pop(cycle, []):
                getattr(dut, name).value = value
            if dut.read_enable.value:
                dut.read_data.value = self.triangle[dut.read_address.value.to_unsigned()]
            if dut.scale_enable.value:
                dut.scale_data.value = self.scales[dut.scale_address.value.to_unsigned()]
            cycle += 1


def draw_matrix(count: int) -> np.ndarray:
    """Symmetric distances of all sizes, some of them equal."""
    random = generator(f"distances {count}")
    values = random.integers(0, 1 << DERIVED.distance_width - 1, (count, count)) >> random.integers(
        0, DERIVED.distance_width - 1, (count, count)
    )
    return np.tril(values, -1) + np.tril(values, -1).T


def draw_candidates(count: int, runs: int, each: int) -> list[tuple[int, int, int]]:
    """Runs of candidates of one row: row, mantissa, exponent."""
    random = generator(f"candidates {count} {runs} {each}")
    return [
        (int(row), int(random.integers(0, 1 << PROFILE.mantissa.width)), int(random.integers(-64, 64)))
        for row in random.integers(0, count, runs)
        for _ in range(each)
    ]


async def search(dut: Any, board: Scoreboard, count: int, stalls: Stalls) -> None:
    """Trials of several runs, then queries, against what the elements must have seen."""
    distances = draw_matrix(count)
    dut.count.value = count
    trials = draw_candidates(count, 12, CONFIG.pes)
    board.expect(sums((m, q), normalise(distances, row)) for row, m, q in trials)
    Source(dut, "i_trials", stalls).start(TRIAL.pack(row=row, mantissa=m, exponent=q) for row, m, q in trials)
    await Sink(dut, "o_sums", stalls).take(len(trials), timeout=200 * len(trials), into=board.got)
    queries = [(*query, place % 3 == 0) for place, query in enumerate(draw_candidates(count, 5, 1))]
    for row, m, q, ties_only in queries:
        board.expect(weight((m, q), dn, ties_only) for dn in normalise(distances, row))
    Source(dut, "i_queries", stalls).start(
        QUERY.pack(row=row, mantissa=m, exponent=q, ties_only=ties) for row, m, q, ties in queries
    )
    total = len(queries) * (count - 1)
    await Sink(dut, "o_weights", stalls).take(total, timeout=300 * total, into=board.got)
