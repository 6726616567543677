# SPDX-License-Identifier: Apache-2.0
"""Stimulus, driver and comparison of the processing element (PE); the stimulus needs no simulator."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from cocotb.triggers import RisingEdge

from nms.contract.config import Config
from nms.contract.derived import LOG_BETA_LOW
from nms.golden import pe, pea
from nms.rtl.array.pe import PE
from nms.sim.models.images import pack_images
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.verilator.context import parameters

Cycle = dict[str, int]
"""Inputs of one cycle; those not named are 0."""
IDLE: Cycle = {}


@dataclass
class Vectors:
    """Inputs cycle by cycle, and what should come of them, in order."""

    cycles: list[Cycle] = field(default_factory=list)
    distances: list[tuple[int, int]] = field(default_factory=list)  # cycle of the last word, distance
    weights: list[int] = field(default_factory=list)
    sums: list[tuple[int, int]] = field(default_factory=list)


def _gaps(random: np.random.Generator | None) -> Iterator[int]:
    """Idle cycles before each input: none without a generator of random numbers."""
    while True:
        yield 0 if random is None or random.random() < 0.6 else int(random.integers(1, 8))


def distance_vectors(config: Config, random: np.random.Generator, passes: int, gaps: bool) -> Vectors:
    """Passes over pairs of images: random, equal, and as far apart as they can be; short and full ones."""
    vectors, gap = Vectors(), _gaps(random if gaps else None)
    for index in range(passes):
        pixels = config.pixels if index % 4 == 2 else int(random.integers(1, min(config.pixels, 40) + 1))
        pair = random.integers(0, 256, (2, pixels))
        if index % 4 == 1:
            pair[1] = pair[0]
        if index % 4 == 2:
            pair[:] = [[0], [255]]
        words = -(-pixels // config.lanes)
        packed = pack_images(pair.astype(np.uint8), config.lanes)
        for word, (own, other) in enumerate(zip(packed[:words], packed[words:], strict=True)):
            vectors.cycles += [IDLE] * next(gap)
            vectors.cycles.append(
                {
                    "own": own,
                    "other": other,
                    "pixels_valid": 1,
                    "pixels_first": word == 0,
                    "pixels_last": word == words - 1,
                }
            )
        vectors.distances.append((len(vectors.cycles) - 1, int(pea.distances(pair.astype(np.uint8))[0, 1])))
    return vectors


def corners(config: Config) -> list[tuple[int, int, list[int]]]:
    """Candidates (M, q) and distances at the ends of every range and around the cutoff."""
    derived, profile = config.derived, config.profile
    one, top = 1 << profile.mantissa.fraction, (1 << derived.distance_width) - 1
    low, high = LOG_BETA_LOW, derived.log_beta_high - 1
    cases = []
    for mantissa in (one, one + 1, 2 * one - 1):
        for q in (low, -1, 0, 1, high // 2, high):
            cases.append((mantissa, q, [0, 1, 2, 3, top, top - 1, top // 2, top // 2 + 1]))
        for octave in range(3, 9):
            for edge in (profile.cutoff, 1 << profile.exponent.integer):
                near = edge * one * (top + 1) // (mantissa << octave)
                around = [near + step for step in range(-3, 4) if 0 <= near + step <= top]
                cases.append((mantissa, octave, [0, *around, 1]))
    return cases


def search_vectors(config: Config, random: np.random.Generator, passes: int, gaps: bool) -> Vectors:
    """Passes over rows: all corners, then random candidates and rows, some only for their ties.

    The next candidate is put in while the present pass runs.
    """
    derived, profile = config.derived, config.profile
    one, width = 1 << profile.mantissa.fraction, derived.distance_width
    cases = [(mantissa, q, dn, 0) for mantissa, q, dn in corners(config)]
    for index in range(passes):
        length = config.images - 1 if index % 4 == 0 else int(random.integers(3, config.images))
        some = random.integers(0, 1 << width, length) >> random.integers(0, width, length)
        some[random.random(length) < 0.1] = 0
        q = int(random.integers(LOG_BETA_LOW, derived.log_beta_high))
        q = q if index % 2 else int(random.integers(1, 11))
        cases.append((int(random.integers(one, 2 * one)), q, [int(d) for d in some], int(index % 8 == 7)))
    vectors, gap = Vectors(), _gaps(random if gaps else None)
    mask = (1 << len(PE(config).exponent)) - 1
    vectors.cycles.append({"load": 1, "mantissa": cases[0][0], "exponent": cases[0][1] & mask})
    for index, (mantissa, q, dn, ties_only) in enumerate(cases):
        for place, d in enumerate(dn):
            vectors.cycles += [IDLE] * next(gap)
            last = place == len(dn) - 1
            cycle = {"dn": d, "dn_valid": 1, "dn_first": place == 0, "dn_last": last, "ties_only": ties_only}
            if place == 1 and index + 1 < len(cases):
                following = cases[index + 1]
                cycle |= {"load": 1, "mantissa": following[0], "exponent": following[1] & mask}
            vectors.cycles.append(cycle)
        row = np.array(dn)
        if ties_only:
            vectors.weights += [int(d == 0) << profile.weight.fraction for d in dn]
            vectors.sums.append((-1, -1))
        else:
            vectors.weights += [int(w) for w in pe.weights(config, mantissa, q, row)[0]]
            s, t = pe.sums(config, mantissa, q, row)
            vectors.sums.append((int(s), int(t)))
    return vectors


class Driver:
    """Applies vectors cycle by cycle and notes what comes out, with the number of the cycle."""

    OUTPUTS = ("distance", "weight", "weight_valid", "s", "t", "sums_done")

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.edge = RisingEdge(dut.clk)
        self.now: Cycle = {}

    async def play(self, cycles: list[Cycle], drain: int) -> list[dict[str, int]]:
        """The outputs in each cycle, through ``drain`` idle ones at the end."""
        seen = []
        for cycle in cycles + [IDLE] * drain:
            for name in self.now.keys() | cycle.keys():
                if self.now.get(name, 0) != cycle.get(name, 0):
                    getattr(self.dut, name).value = int(cycle.get(name, 0))
            self.now = cycle
            await self.edge
            seen.append({name: int(getattr(self.dut, name).value) for name in self.OUTPUTS})
        return seen


def read_config() -> Config:
    """The configuration of the block under test."""
    return Config.model_validate(parameters()["config"])


async def compare_distances(dut: Any, name: str, vectors: Vectors) -> None:
    """Each distance is there after the latency and stays until the next pass ends."""
    latency = PE(read_config()).distance_latency
    board = Scoreboard(name, minimum=len(vectors.distances))
    expected: list[int | None] = [None] * (len(vectors.cycles) + latency)
    for at, distance in vectors.distances:
        expected[at + latency :] = [distance] * (len(expected) - at - latency)
    for value, seen in zip(expected, await Driver(dut).play(vectors.cycles, latency), strict=True):
        if value is not None:
            board.expect([value])
            board.got(seen["distance"])
    board.finish()


async def compare_search(dut: Any, name: str, vectors: Vectors) -> None:
    """Each weight and each pair of sums, after their latencies; sums stay until those of the next pass."""
    block = PE(read_config())
    latency, late = block.weight_latency, block.sums_latency
    board = Scoreboard(f"{name}, weights", minimum=len(vectors.weights))
    sums = Scoreboard(f"{name}, sums", minimum=len(vectors.sums) // 2)
    valid = [number for number, cycle in enumerate(vectors.cycles) if cycle.get("dn_valid")]
    ends = [number for number, cycle in enumerate(vectors.cycles) if cycle.get("dn_last")]
    board.expect((number + latency, w) for number, w in zip(valid, vectors.weights, strict=True))
    expected = {number + late: pair for number, pair in zip(ends, vectors.sums, strict=True)}
    current = (-1, -1)
    for number, seen in enumerate(await Driver(dut).play(vectors.cycles, late + 2)):
        if seen["weight_valid"]:
            board.got((number, seen["weight"]))
        assert seen["sums_done"] == (number in expected), f"sums_done in cycle {number}"
        current = expected.get(number, current)
        if current != (-1, -1):
            sums.expect([current])
            sums.got((seen["s"], seen["t"]))
    board.finish()
    sums.finish()
