# SPDX-License-Identifier: Apache-2.0
"""Cases, driver and comparison of the lean map."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time
from sklearn.datasets import load_digits

from nms.contract.config import LeanConfig, make
from nms.golden.lean.map import embed
from nms.rtl.lean.map import LeanMap
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, Pack, Source, Stalls, cycles, pulse, until
from nms.sim.verilator.context import parameters

CONFIG = cast(LeanConfig, make(parameters()["config"]))
PROFILE = CONFIG.profile
BLOCK = LeanMap(CONFIG)
POINT = Pack(BLOCK.point)
LONG = parameters().get("long", 0)
ONE = 1 << PROFILE.affinity.fraction
UNIT = 1 << PROFILE.position.fraction


@dataclass(frozen=True)
class Case:
    """Shares p_j|i (N, N), the diagonal 0, and positions Y0 (N, 2), raw."""

    shares: np.ndarray
    points: np.ndarray

    @property
    def count(self) -> int:
        """N."""
        return len(self.points)

    @property
    def affinity(self) -> np.ndarray:
        """P', symmetric."""
        return self.shares + self.shares.T + 1 >> 1


def draw_start(count: int, rng: np.random.Generator) -> np.ndarray:
    """Positions as a map begins with them, uniform on [-1/4, 1/4)."""
    return rng.integers(-UNIT // 4, UNIT // 4, (count, 2))


def make_digits(count: int, first: int, rng: np.random.Generator) -> Case:
    """Shares of handwritten digits whose rows have about five neighbours."""
    images = load_digits().data[first : first + count]
    distances = ((images[:, None] - images[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    near = np.sort(distances, axis=1)
    scale = near[:, min(5, count - 1) - 1] - near[:, 0] + 1
    weights = np.exp2(-(distances - near[:, :1]) / scale[:, None])
    shares = np.round(weights / weights.sum(axis=1, keepdims=True) * ONE).astype(np.int64)
    return Case(shares, draw_start(count, rng))


def make_cases(count: int, rng: np.random.Generator) -> dict[str, Case]:
    """Shares and positions that no image gives, by what is extreme about them."""
    low, high = PROFILE.position.min, PROFILE.position.max
    others = 1 - np.eye(count, dtype=np.int64)

    def shares(largest: int) -> np.ndarray:
        return rng.integers(0, largest + 1, (count, count)) * others

    anywhere = rng.integers(low, high + 1, (count, 2))
    near = draw_start(count, rng)
    hub = shares(ONE // (4 * count))
    hub[0, 1:] = hub[1:, 0] = ONE // 2
    corner = np.clip(high - rng.integers(0, UNIT // 8, (count, 2)), low, high)
    corner[: count // 2] *= -1
    ring = np.roll(np.eye(count, dtype=np.int64), 1, axis=0) * (ONE // 2)
    angles = np.arange(count) * (2 * np.pi / count)
    lonely = np.round(0.95 * high * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.int64)
    lonely[:2] = [[0, 0], [UNIT, 0]]
    return {
        "hub": Case(hub, near),
        "full affinity": Case(ONE * others, 2 * near),
        "full affinity, far apart": Case(ONE * others, anywhere),
        "corners": Case(shares(ONE // count), corner),
        "no affinity": Case(0 * others, rng.integers(-3, 4, (count, 2))),
        "rows that sum to 1": Case(ring + ring.T, near),
        "close pair, others far apart": Case(0 * others, lonely),
        "far apart": Case(shares(4 * ONE // count), anywhere),
        "coincident": Case(shares(ONE), np.repeat(anywhere[:1], count, axis=0)),
        "twins": Case(shares(2 * ONE // count), near[rng.integers(0, (count + 1) // 2, count)]),
        "ends": Case(shares(ONE // 2), np.where(rng.integers(0, 2, (count, 2)) == 1, low, high)),
    }


@dataclass(frozen=True)
class Run:
    """One map: shares and start positions, iterations, and how many of them are exaggerated."""

    case: Case
    iterations: int
    exaggerated: int = 0


async def send_shares(dut: Any, case: Case, pauses: bool = False) -> None:
    """Send the shares in order, one a cycle or with pauses."""
    edge, rng = RisingEdge(dut.clk), generator("pauses")
    dut.count.value = case.count
    for row in range(case.count):
        for column in range(case.count):
            if row == column:
                continue
            dut.share_valid.value = 1
            dut.share_row.value, dut.share_column.value = row, column
            dut.share.value = int(case.shares[row, column])
            await edge
            if pauses and rng.random() < 0.1:
                dut.share_valid.value = 0
                for _ in range(rng.integers(1, 5)):
                    await edge
    dut.share_valid.value = 0
    for _ in range(4):
        await edge


async def begin(dut: Any, run: Run, stalls: Stalls = Stalls.NONE) -> None:
    """Pulse start, and send the points in the background; with stalls, the first is offered before."""
    dut.iterations.value, dut.exaggerated.value = run.iterations, run.exaggerated
    early = stalls is not Stalls.NONE
    source = Source(dut, "i_points", stalls)
    points = [POINT.pack(x=x, y=y) for x, y in run.case.points]
    if early:
        source.start(points)
        await cycles(dut, 8)
    await pulse(dut, "start")
    if not early:
        source.start(points)


async def read(dut: Any, name: str, index: dict[str, int], latency: int, result: str) -> int:
    """Ask for one result, and wait for it."""
    for port, value in index.items():
        getattr(dut, port).value = int(value)
    await pulse(dut, f"{name}_enable")
    for _ in range(latency):
        await RisingEdge(dut.clk)
    return int(getattr(dut, result).value.to_unsigned())


async def compare_points(dut: Any, board: Scoreboard, expected: np.ndarray) -> None:
    """All points, in some order."""
    for i in generator("order").permutation(len(expected)):
        board.expect([(int(i), int(expected[i, 0]), int(expected[i, 1]))])
        point = POINT.unpack(await read(dut, "read", {"read_row": i}, 1, "read_point"))
        board.got((int(i), point["x"], point["y"]))


async def compare_affinities(dut: Any, board: Scoreboard, case: Case) -> None:
    """All affinities and the sums of all rows."""
    board.expect(int(total) for total in case.affinity.sum(axis=1))
    for i in range(case.count):
        board.got(await read(dut, "sum", {"sum_row": i}, 1, "row_sum"))
    for i in range(case.count):
        for j in range(case.count):
            board.expect([(i, j, int(case.affinity[i, j]))])
            index = {"pair_row": i, "pair_column": j}
            board.got((i, j, await read(dut, "pair", index, 4, "pair_affinity")))


async def compare(dut: Any, board: Scoreboard, run: Run, stalls: Stalls = Stalls.NONE) -> int:
    """One map against the model; returns its cycles."""
    case = run.case
    expected = embed(CONFIG, case.affinity, case.points, run.iterations, run.exaggerated)
    await send_shares(dut, case, stalls is not Stalls.NONE)
    await begin(dut, run, stalls)
    began = get_sim_time("ns")
    await until(dut, "done", 2 * BLOCK.cycles(case.count, run.iterations) + 1000)
    took = round((get_sim_time("ns") - began) / PERIOD)
    await compare_points(dut, board, expected)
    return took
