# SPDX-License-Identifier: Apache-2.0
"""Toggles of a simulated design by module and counting interval, and intervals drawn in the phases."""

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nms.sim.activity.instrument import InstrumentedDesign
from nms.sim.verilator.runner import simulate

Interval = tuple[int, int]
"""A counting interval: cycles ``start <= t < stop``, from the simulation's first rising clock edge on."""


@dataclass(frozen=True)
class Recording:
    """What the counters of one simulation wrote.

    Members
    -------
    phases : (cycle, phase) of every change of the watched net, and the last cycle
    intervals : counted in
    sums : by path of an instance, (intervals, kinds and then ports of its memories)
    rows : by path of a traced instance, (cycles, nets) uint8: the values of all its nets in every cycle that
        is in an interval or just before one, if they were asked for
    waves : the simulation's trace, if it was asked for
    """

    phases: list[tuple[int, int]]
    end: int
    intervals: list[Interval]
    sums: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]
    waves: Path | None = None

    @property
    def cycles(self) -> np.ndarray:
        """Cycles of each interval."""
        return np.array([stop - start for start, stop in self.intervals])

    def spans(self, phase: int) -> list[Interval]:
        """When the watched net had the value ``phase``."""
        ends = [cycle for cycle, _ in self.phases[1:]] + [self.end]
        return [
            (start, stop) for (start, value), stop in zip(self.phases, ends, strict=True) if value == phase
        ]

    def values_by_name(self, design: InstrumentedDesign, block: str) -> dict[tuple[str, int], np.ndarray]:
        """Values (cycles,) of all nets of a traced block at a path, by every name of a net and place in it.

        Nets of modules nested in the block go by their place in it, as when Yosys dissolves them.
        """
        found = {}
        for path, rows in self.rows.items():
            if design.block_of(path) != block:
                continue
            module, prefix = design.instances[path], f"{path}."[len(block) + 1 :]
            columns = {bit.number: at for at, bit in enumerate(design.nets[module].bits)}
            for name, net in design.modules[module]["netnames"].items():
                for place, bit in enumerate(net["bits"]):
                    if bit in columns and not net["hide_name"]:
                        found[prefix + name.removeprefix("\\"), place] = rows[:, columns[bit]]
        return found


def record(
    design: InstrumentedDesign,
    intervals: Sequence[Interval],
    *,
    testbench: str,
    rows: bool = False,
    **options: Any,
) -> Recording:
    """Run ``testbench`` on an instrumented design and count in ``intervals``, ascending, none overlapping.

    With ``rows`` the traced instances write down the values of their nets. ``options`` are those of
    :func:`nms.sim.verilator.runner.simulate`.

    Raises
    ------
    RuntimeError
        The simulation fails, or an interval was not reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, found = Path(folder) / "intervals.txt", Path(folder) / "activity.txt"
        asked.write_text("".join(f"{start} {stop}\n" for start, stop in intervals))
        outcome = simulate(
            module=design.top,
            verilog=design.verilog,
            testbench=testbench,
            plusargs=[f"+nms_intervals={asked}", f"+nms_activity={found}", *["+nms_rows"] * rows],
            **options,
        )
        if not outcome:
            raise RuntimeError("the counted simulation failed: " + "\n".join(outcome.failures))
        return replace(parse(found.read_text(), design, list(intervals)), waves=outcome.waves)


def parse(text: str, design: InstrumentedDesign, intervals: list[Interval]) -> Recording:
    """What the counters of a design wrote in ``intervals``.

    Raises
    ------
    RuntimeError
        An interval was not reached.
    """
    place = {stop: number for number, (_, stop) in enumerate(intervals)}
    sums: dict[str, np.ndarray] = {}
    rows: dict[str, list[str]] = {}
    phases, end, seen = [], 0, set()
    for line in text.splitlines():
        what, first, rest = line.split(" ", 2) if line.count(" ") > 1 else (*line.split(" ", 1), "")
        if what == "phase":
            phases.append((int(first), int(rest)))
        elif what == "end":
            end = int(first)
        elif what == "sum":
            seen.add(int(first))
            path, *found = rest.split()
            values = sums.setdefault(path, np.zeros((len(intervals), len(found)), np.int64))
            values[place[int(first)]] = [int(value) for value in found]
        else:
            path, _, written = rest.partition(" ")
            rows.setdefault(path, []).append(written)
    missing = sorted(set(place) - seen)
    if missing:
        raise RuntimeError(
            f"an interval that ends in cycle {missing[0]} was not counted: the run ended in {end}"
        )
    nets = {path: len(design.nets[design.instances[path]].bits) for path in rows}
    return Recording(
        phases, end, intervals, sums, {path: _bits(found, nets[path]) for path, found in rows.items()}
    )


def _bits(rows: list[str], nets: int) -> np.ndarray:
    """(cycles, nets) of lines of 64-bit words in hexadecimal digits, each word's first net lowest."""
    raw = np.frombuffer(bytes.fromhex(" ".join(rows)), np.uint8).reshape(len(rows), -1, 8)
    return np.unpackbits(raw[:, :, ::-1].reshape(len(rows), -1), axis=1, bitorder="little")[:, :nets]


BEGINNING = 8
"""Pieces at the beginning that are counted whatever is drawn: what happens once in a phase (start values,
pipelines that fill) mostly happens there, and intervals that do not show it cannot know of it."""


def sample_intervals(
    spans: Sequence[Interval], intervals: int, cycles: int, rng: np.random.Generator
) -> list[tuple[Interval, float]]:
    """Intervals of about ``cycles`` cycles, drawn at random from the spans, with the weight of each.

    The spans are cut into equal pieces. The first :data:`BEGINNING` are all taken, with weight 1; the others
    are dealt in order into ``intervals`` strata, and one piece is taken from each. Its weight is how many
    times its own cycles the stratum has, so that the weighted sum of what is counted is, on average over
    draws, that of all cycles. Where a stratum would have two pieces or fewer, all are taken, with weight 1.
    """
    edges = [np.linspace(a, b, max(1, round((b - a) / cycles)) + 1).astype(int).tolist() for a, b in spans]
    pieces = [piece for found in edges for piece in itertools.pairwise(found)]
    if len(pieces) <= BEGINNING + 2 * intervals:
        return [(piece, 1.0) for piece in pieces]
    found = [(piece, 1.0) for piece in pieces[:BEGINNING]]
    for stratum in np.array_split(np.array(pieces[BEGINNING:]), intervals):
        start, stop = rng.choice(stratum).tolist()
        found.append(((start, stop), float(np.ptp(stratum, axis=1).sum() / (stop - start))))
    return found


@dataclass(frozen=True)
class Mean:
    """Mean a cycle of a phase, and its standard error."""

    value: float
    error: float

    @property
    def relative(self) -> float:
        """Standard error over mean; 0 where nothing happens."""
        return self.error / self.value if self.value else 0.0


def estimate(values: np.ndarray, cycles: np.ndarray, weights: np.ndarray) -> Mean:
    """Mean a cycle of ``values`` counted in intervals of ``cycles`` cycles with ``weights``, as drawn.

    sum(w y) / sum(w n) over the intervals, y counted in n cycles each. With one interval in a stratum, the
    variance of y / n within strata comes from the differences of neighbours (Wolter, Introduction to Variance
    Estimation, successive differences), which changes from stratum to stratum make too large rather than
    too small; of a stratum, only the share 1 - 1 / w that was not counted is uncertain. Intervals of weight 1
    stand for themselves alone and say nothing about the others.
    """
    represented = weights * cycles
    if not represented.sum():
        return Mean(0.0, 0.0)
    mean = float(weights @ values / represented.sum())
    alone = (values / cycles)[weights > 1]
    if len(alone) < 2:
        return Mean(mean, 0.0)
    variance = np.sum(np.diff(alone) ** 2) / (2 * (len(alone) - 1))
    shares = represented / represented.sum()
    return Mean(mean, float(np.sqrt(variance * np.sum(shares**2 * (1 - 1 / weights)))))
