# SPDX-License-Identifier: Apache-2.0
"""Toggles counted in the simulation are those of its trace; windows drawn at random meet the whole."""

import itertools
import re
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from vcd.reader import TokenKind, tokenize

from rtl.emit import verilog
from sim.activity import KINDS, drawn, estimate, record
from sim.instrument import instrument
from sim.runner import simulate

HERE = Path(__file__).parent
WINDOWS = [(20, 52), (52, 60), (90, 190)]
GIVEN = {"count": 300, "values": "random"}


@pytest.fixture(scope="module")
def chain(blocks):
    """Three incrementers and a nested counter, with counters of toggles."""
    return instrument(verilog(blocks.Chain()), "chain", traced=["incrementer"])


@pytest.fixture(scope="module")
def counted(chain):
    return record(chain, WINDOWS, bench="counter_bench", parameters=GIVEN, search=[HERE], rows=True)


def _traced(path: Path, window: tuple[int, int]) -> Counter[tuple[str, ...]]:
    """Changes of every net in a window of cycles, each as it is just before a rising edge of the clock."""
    names, scope, values, before, found = {}, [], {}, {}, Counter()
    cycle, clock, time = 0, None, 0

    def edge():
        nonlocal before
        if window[0] <= cycle < window[1]:
            for code, value in values.items():
                found[code] += (value ^ before.get(code, value)).bit_count()
        before = dict(values)

    escaped = re.sub(
        rb"(?m)^( *\$(?:var|scope)\b.* )(\$\S+)(?= (?:\[.*\] )?\$end$)", rb"\1\\\2", path.read_bytes()
    )
    with BytesIO(escaped) as file:  # names that begin with $ are none to this reader
        rising = False
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scope.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scope.pop()
            elif token.kind is TokenKind.VAR:
                names.setdefault(token.var.id_code, []).append((*scope, token.var.reference))
                if token.var.reference == "clk" and len(scope) <= 2:
                    clock = token.var.id_code
            elif token.kind is TokenKind.CHANGE_TIME:
                time = token.data
            elif token.kind in (TokenKind.CHANGE_SCALAR, TokenKind.CHANGE_VECTOR):
                change = token.scalar_change if token.kind is TokenKind.CHANGE_SCALAR else token.vector_change
                value = change.value if isinstance(change.value, int) else int(change.value, 2)
                if change.id_code == clock:
                    rising = value == 1 and time > 0
                    if rising:
                        edge()
                        cycle += 1
                values[change.id_code] = value
    return Counter({name: number for code, number in found.items() for name in names[code]})


@pytest.mark.xfail(reason="the ports of an inner block are counted otherwise than traced", strict=True)
def test_counted_toggles_are_those_of_the_trace(chain, counted, tmp_path):
    asked = tmp_path / "windows.txt"
    asked.write_text("")
    outcome = simulate(
        module="chain", verilog=chain.verilog, bench="counter_bench", parameters=GIVEN, search=[HERE],
        waves=True, plusargs=[f"+nms_windows={asked}", f"+nms_activity={tmp_path / 'activity.txt'}"],
    )  # fmt: skip
    assert outcome, outcome.failures
    for number, window in enumerate(WINDOWS):
        trace = _traced(outcome.waves, window)
        for path, module in chain.instances.items():
            nets = chain.nets[module]
            for kind, bits in (("registers", nets.registers), ("combinational", nets.combinational)):
                wanted = {bit.name.removeprefix("\\") for bit in bits}
                seen = {
                    name: n
                    for name, n in trace.items()
                    if name[-1] in wanted and ".".join(name[:-1]).endswith(path)
                }
                assert counted.sums[path][number, KINDS.index(kind)] == sum(seen.values()), (path, kind, seen)


def test_values_written_down_toggle_as_often_as_counted(chain, counted):
    path = "chain.stage0"
    nets, rows = chain.nets["incrementer"], counted.rows[path]
    cycles = np.unique(np.concatenate([np.arange(a - 1, b) for a, b in WINDOWS])).tolist()
    for number, (start, stop) in enumerate(WINDOWS):
        low, high = cycles.index(start - 1), cycles.index(stop - 1)
        changes = np.abs(np.diff(rows[low : high + 1].astype(int), axis=0)).sum(axis=0)
        kinds = np.split(changes, np.cumsum([len(nets.registers), len(nets.combinational), len(nets.inputs)]))
        assert [kind.sum() for kind in kinds[:3]] == counted.sums[path][number, :3].tolist()


def test_a_constant_input_toggles_less_than_a_random_one(chain, counted):
    still = record(
        chain, WINDOWS, bench="counter_bench", parameters=GIVEN | {"values": "constant"}, search=[HERE]
    )
    idle = record(chain, [(1, 3)], bench="counter_bench", parameters=GIVEN, search=[HERE])
    rates = [
        sum(values[:, :2].sum() for values in found.sums.values()) / found.cycles.sum()
        for found in (idle, still, counted)
    ]
    assert rates[0] < rates[1] < rates[2]


def test_a_window_that_is_not_reached_is_an_error(chain):
    with pytest.raises(RuntimeError, match="was not counted"):
        record(chain, [(100_000, 100_010)], bench="counter_bench", parameters=GIVEN, search=[HERE])


def test_windows_lie_in_their_spans_and_do_not_overlap():
    spans = [(5, 1000), (2000, 9000), (9500, 9540)]
    found = drawn(spans, 20, 32, np.random.default_rng(3))
    assert found == sorted(found)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))
    assert all(any(low <= a and b <= high for low, high in spans) for a, b in found)
    assert sum(b - a for a, b in found if a >= 9500) == 40
    assert found != drawn(spans, 20, 32, np.random.default_rng(4))


def test_the_standard_error_is_that_of_the_means_it_predicts():
    rng = np.random.default_rng(1)
    series = rng.gamma(2.0, 50.0, 20_000) + np.linspace(0, 100, 20_000)
    means, errors = [], []
    for seed in range(300):
        windows = drawn([(0, len(series))], 30, 8, np.random.default_rng(seed))
        counts = np.array([series[a:b].sum() for a, b in windows])
        found = estimate(counts, np.full(len(windows), 8), len(series))
        means.append(found.value)
        errors.append(found.error)
    assert np.mean(means) == pytest.approx(series.mean(), rel=0.01)
    assert 0.8 * np.std(means) < np.mean(errors) < 1.3 * np.std(means)


def test_all_cycles_counted_leave_no_error():
    assert estimate(np.array([10.0, 30.0]), np.array([5, 5]), 10).error == 0
