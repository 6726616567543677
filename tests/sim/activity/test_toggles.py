# SPDX-License-Identifier: Apache-2.0
"""Toggles counted in the simulation are those of its trace; intervals drawn at random meet the whole."""

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from nms import datasets
from nms.contract import config
from nms.rtl import units
from nms.rtl.export.emit import verilog
from nms.sim.activity import toggles as activity
from nms.sim.activity.instrument import KINDS, Bit, InstrumentedDesign, instrument
from nms.sim.activity.toggles import BEGINNING, Recording, estimate, record, sample_intervals
from nms.sim.verilator.traces import VCDVCD
from nms.synth import yosys

TESTBENCHES = Path(__file__).parents[1] / "testbenches"
INTERVALS = [(20, 52), (52, 60), (90, 190)]
RANDOM = np.random.default_rng(1).integers(0, 256, 300).tolist()

HAND = """
module hand(clk, rst, odd);
  input clk;
  input rst;
  output odd;
  wire odd;
  wire low;
  reg [3:0] value = 0;
  wire [3:0] next = value + 4'h1;
  wire [3:0] same = value;
  always @(posedge clk) value <= next;
  parity left (
    .clk(clk), .x(same), .y(odd)
  );
  parity right (
    .clk(clk), .x({2'h0, value[1:0]}), .y(low)
  );
endmodule
module parity(clk, x, y);
  input clk;
  input [3:0] x;
  output y;
  wire now = ^x;
  reg held = 0;
  assign y = held;
  always @(posedge clk) held <= now;
endmodule
"""
"""A counter, and the parity of all its bits and of its lowest two, a cycle late."""

EVERY_16 = {
    "hand": [16 + 8 + 4 + 2, 0, 16 + 8 + 4 + 2, 0],
    "hand.left": [10, 0, 10, 16 + 8 + 4 + 2],  # 8 steps turn one bit, 4 two, 2 three, 2 four
    "hand.right": [8, 0, 8, 16 + 8],
}
"""Toggles of registers, nets of memories, combinational nets and inputs in 16 cycles, by hand."""

STORE = """
module store(clk, rst);
  input clk;
  input rst;
  reg [1:0] place = 0;
  wire [1:0] next = place + 2'h1;
  reg on = 0;
  reg [3:0] held [3:0];
  reg [3:0] taken;
  wire [3:0] straight = held[place];
  always @(posedge clk) place <= next;
  always @(posedge clk) on <= 1;
  always @(posedge clk) if (on) held[place] <= {4{place[0]}};
  always @(posedge clk) if (on) taken <= held[place];
endmodule
"""
"""A memory with 0000 at even places and 1111 at odd ones, read in turn, at once and into a register."""


@pytest.fixture(scope="module")
def hand():
    return instrument(HAND, "hand", traced=["hand", "parity"])


@pytest.fixture(scope="module")
def chain(blocks):
    """Three incrementers and a nested counter, with counters of toggles."""
    return instrument(verilog(blocks.Chain()), "chain", traced=["chain", "incrementer"])


def _count(design: InstrumentedDesign, intervals: list[tuple[int, int]], **given) -> Recording:
    testbench = "clock_testbench" if "cycles" in given else "counter_testbench"
    return record(
        design, intervals, testbench=testbench, parameters=given, search=[TESTBENCHES], rows=True, waves=True
    )


@pytest.fixture(scope="module")
def counted(chain):
    return _count(chain, INTERVALS, values=RANDOM)


def _trace(path: Path, cycles: range) -> Callable[[str, Bit], np.ndarray]:
    """Values of an instance's net just before the rising edges that end ``cycles`` and the one before."""
    trace = VCDVCD(str(path))
    ids = {re.sub(r"\[\d+:0\]$", "", name): code for name, code in trace.references_to_ids.items()}
    clock = trace.data[trace.references_to_ids["$rootio.clk"]].tv
    edges = np.array([time for time, value in clock if value == "1" and time > 0])
    asked = edges[cycles.start - 1 : cycles.stop]
    turned = [time for time, _ in clock if asked[0] < time <= asked[-1]]
    assert len(turned) == 2 * len(cycles)

    @cache
    def values(code: str) -> np.ndarray:
        times, texts = zip(*trace.data[code].tv, strict=True)
        before = np.searchsorted(times, asked) - 1  # what changes at the edge itself is not there yet
        width = int(trace.data[code].size)
        bits = np.array([[digit == "1" for digit in text.zfill(width)[::-1]] for text in texts])
        return bits[before]

    return lambda path, bit: values(ids[f"{path}.{bit.name}"])[:, bit.index or 0]


def _assert_as_traced(design: InstrumentedDesign, found: Recording) -> None:
    """Sums of all instances and values of the traced ones are those of the trace."""
    assert set(found.sums) == {path for path, module in design.instances.items() if design.nets[module].bits}
    written = np.unique(np.concatenate([np.arange(a - 1, b) for a, b in found.intervals]))
    for number, (start, stop) in enumerate(found.intervals):
        net = _trace(found.waves, range(start, stop))
        for path, sums in found.sums.items():
            nets = design.nets[design.instances[path]]
            for kind in KINDS:
                toggles = [int(np.diff(net(path, bit)).sum()) for bit in getattr(nets, kind)]
                assert sums[number, KINDS.index(kind)] == sum(toggles), (path, kind, number)
            ports = [port for memory in nets.memories for port in memory.ports]
            for place, port in enumerate(ports, len(KINDS)):
                enable = Bit(0, port.enable.strip().removeprefix("\\"), None)
                assert sums[number, place] == net(path, enable)[1:].sum(), (path, port, number)
        rows = np.searchsorted(written, np.arange(start - 1, stop))
        for path, values in found.rows.items():
            for place, bit in enumerate(design.nets[design.instances[path]].bits):
                assert np.array_equal(values[rows, place], net(path, bit)), (path, bit, number)


def test_counted_toggles_are_those_of_the_trace(chain, counted):
    assert {chain.instances[path] for path in counted.rows} == set(chain.nets)
    _assert_as_traced(chain, counted)


def test_counted_toggles_are_those_computed_by_hand(hand):
    found = _count(hand, [(10, 26), (30, 62)], cycles=80)
    for path, toggles in EVERY_16.items():
        assert found.sums[path].tolist() == [toggles, [2 * n for n in toggles]], path
    _assert_as_traced(hand, found)


def test_what_memories_give_is_counted_apart():
    found = _count(instrument(STORE, "store", traced=["store"]), [(20, 36)], cycles=80)
    registers, reads, combinational, inputs, *accesses = found.sums["store"][0].tolist()
    assert (registers, combinational, inputs) == (16 + 8, 16 + 8, 0)
    assert reads == 16 * 4 * 2
    assert accesses == [16, 16]  # into the register, and writes


def test_a_read_that_a_low_enable_starts_is_known_as_such():
    for condition, enable in (("on", "\\on "), ("!on", "!\\on ")):
        text = STORE.replace("if (on) taken", f"if ({condition}) taken")
        [memory] = instrument(text, "store").nets["store"].memories
        assert [port.enable for port in memory.ports if not port.writes] == [enable]


@pytest.mark.slow
def test_a_counter_that_misses_a_net_is_seen(hand):
    broken = replace(hand, verilog=hand.verilog.replace("{\\now }", "{1'b0}"))
    assert broken.verilog != hand.verilog
    with pytest.raises(AssertionError, match="combinational"):
        _assert_as_traced(broken, _count(broken, [(10, 26)], cycles=80))


@pytest.mark.slow
def test_counted_toggles_of_the_start_values_are_those_of_the_trace():
    """A real block with a memory, in a run with several jobs, stalls and resets."""
    tiny = config.load("tiny")
    ((block, emitted),) = units.find_blocks("prng", tiny)
    design = instrument(emitted.verilog(block.module), block.module, traced=[block.module])
    found = record(
        design, [(30, 130), (400, 500)], testbench="nms.sim.testbenches.prng.tests",
        parameters={"config": tiny.model_dump()}, rows=True, waves=True,
    )  # fmt: skip
    assert {design.instances[path] for path in found.rows} == set(design.nets)
    assert all(found.sums["seeds"][:, len(KINDS) :].sum(axis=0))  # reads and writes
    _assert_as_traced(design, found)


def test_toggles_grow_from_idle_to_constant_to_images_to_random_values(chain, counted):
    images = datasets.load("digits", 8, None).images.ravel()[:300].tolist()
    runs = [
        _count(chain, INTERVALS, cycles=200),
        _count(chain, INTERVALS, values=[7] * 300),
        _count(chain, INTERVALS, values=images),
        counted,
    ]
    most = len(KINDS) - 1  # all but inputs
    rates = [float(sum(s[:, :most].sum() for s in run.sums.values()) / run.cycles.sum()) for run in runs]
    assert 0 == rates[0] < rates[1] < rates[2] < rates[3]


@pytest.mark.slow
def test_modules_sum_to_the_toggles_of_the_flattened_design(blocks, counted, tmp_path):
    """A register is counted once, whatever modules it crosses. Other nets get further names by flattening."""
    (tmp_path / "chain.v").write_text(verilog(blocks.Chain()))
    yosys.run(["read_verilog -sv chain.v", "proc", "flatten -noscopeinfo", "write_verilog flat.v"], tmp_path)
    flat = instrument((tmp_path / "flat.v").read_text(), "chain")
    assert set(flat.instances) == {"chain"}
    total = sum(sums[:, 0] for sums in counted.sums.values())
    assert np.array_equal(_count(flat, INTERVALS, values=RANDOM).sums["chain"][:, 0], total)


def test_an_interval_that_is_not_reached_is_an_error(chain):
    with pytest.raises(RuntimeError, match="was not counted"):
        _count(chain, [(100_000, 100_010)], values=RANDOM)


def test_intervals_lie_in_their_spans_and_stand_for_all_cycles():
    spans = [(5, 1000), (2000, 9000), (9500, 9540)]
    found = sample_intervals(spans, 20, 32, np.random.default_rng(3))
    intervals = [interval for interval, _ in found]
    assert len(found) == BEGINNING + 20
    assert intervals == sorted(intervals)
    assert intervals[0][0] == 5
    assert all(a[1] == b[0] for a, b in itertools.pairwise(intervals[:BEGINNING]))
    assert [weight for _, weight in found[:BEGINNING]] == [1.0] * BEGINNING
    assert min(weight for _, weight in found[BEGINNING:]) > 5
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(intervals))
    assert all(any(low <= a and b <= high for low, high in spans) for a, b in intervals)
    assert sum((b - a) * weight for (a, b), weight in found) == pytest.approx(995 + 7000 + 40)
    assert found != sample_intervals(spans, 20, 32, np.random.default_rng(4))
    whole = sample_intervals(spans, 126, 32, np.random.default_rng(3))
    assert sum(b - a for (a, b), _ in whole) == 995 + 7000 + 40


LEVELS = np.random.default_rng(0).gamma(2.0, 50.0, 20_000)
SERIES = {
    "noise": LEVELS,
    "trend": LEVELS + np.linspace(0, 300, 20_000),
    "short": LEVELS[:2350] + np.linspace(0, 300, 2350),
    "iterations": LEVELS / 10 + 80 * (np.arange(20_000) % 640 < 320),
    "steps": LEVELS / 5 + np.repeat([20, 250, 60, 180, 90], 4_000),
}
"""Toggles by cycle of phases that drift, repeat themselves or change at once."""


def _estimates(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of a series, from its 32 intervals in each of 400 draws, and their standard errors."""
    sums = np.concatenate([[0], np.cumsum(series)])
    found = []
    for seed in range(400):
        intervals, weights = zip(
            *sample_intervals([(0, len(series))], 32, 32, np.random.default_rng(seed)), strict=True
        )
        starts, stops = np.array(intervals).T
        found.append(estimate(sums[stops] - sums[starts], stops - starts, np.array(weights)))
    return np.array([mean.value for mean in found]), np.array([mean.error for mean in found])


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
def test_intervals_meet_the_mean_of_all_cycles_within_two_standard_errors(series):
    means, errors = _estimates(series)
    assert abs(means.mean() - series.mean()) < 3 * np.std(means) / np.sqrt(400)  # no bias
    assert np.mean(abs(means - series.mean()) <= 2 * errors) > 0.93  # 95 %, less two deviations of 400 draws
    assert np.std(means) * 0.9 < errors.mean() < np.std(means) * 2


def test_an_end_that_no_interval_shows_moves_the_mean_by_less_than_its_share():
    cycles = np.arange(20_000)
    series = np.where((cycles >= 19_400) & (cycles % 200 < 100), 20.0, 160.0)
    means, _ = _estimates(series)
    assert abs(means.mean() - series.mean()) < 3 * np.std(means) / np.sqrt(400)
    assert np.max(abs(means - series.mean())) < series.mean() / 32


@pytest.mark.parametrize(("counted", "honest"), [(BEGINNING, True), (0, False)])
def test_what_happens_once_at_the_beginning_is_counted(counted, honest, monkeypatch):
    """Start values, with many times the toggles: what misses them is alike, and states small errors."""
    monkeypatch.setattr(activity, "BEGINNING", counted)
    series = np.where(np.arange(20_000) < 200, 20 * LEVELS, LEVELS / 10 + 90)
    means, errors = _estimates(series)
    assert abs(means.mean() - series.mean()) < 3 * np.std(means) / np.sqrt(400)
    assert (np.mean(abs(means - series.mean()) <= 2 * errors) > 0.93) == honest


def test_all_cycles_counted_leave_no_error():
    assert estimate(np.array([10.0, 30.0]), np.array([5, 5]), np.ones(2)).error == 0
    assert estimate(np.zeros(0), np.zeros(0), np.zeros(0)).value == 0
