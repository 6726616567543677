# SPDX-License-Identifier: Apache-2.0
"""``nms bench intervals``: looked up in a run counted whole, and that a wrong method breaks a bound."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nms import datasets
from nms.benchmarks import intervals
from nms.benchmarks.figure import Figure
from nms.cli import main
from nms.contract.config import PRESETS
from nms.contract.readout import Phase
from nms.contract.settings import Settings
from nms.sim.activity import intervals as method
from nms.sim.activity import toggles as activity
from nms.sim.activity.instrument import InstrumentedDesign
from nms.sim.activity.intervals import Activity, InstrumentedSampler, Workload
from nms.sim.activity.toggles import Interval, Mean, Recording

LENGTHS = {phase: 320 for phase in PRESETS["tiny"].phases} | {Phase.SEARCH: 9_600}
DESIGN = InstrumentedDesign("", "sampler", {}, {})
TOGGLES = np.random.default_rng(0).gamma(2.0, 10.0, 20_000) + np.linspace(0, 500, 20_000)
"""By cycle: noise on a drift."""


def simulated(intervals: list[Interval], rows: bool) -> tuple[Recording, dict[str, int]]:
    """A run of two modules, one with half the toggles and a memory's port; both with inputs, not counted."""
    starts = 100 + np.concatenate([[0], np.cumsum([*LENGTHS.values()])])
    phases = [(0, 0), *zip(starts.tolist(), [*LENGTHS, Phase.IDLE], strict=True)]
    half = np.array([TOGGLES[start:stop].sum() / 2 for start, stop in intervals])
    none = np.zeros(len(intervals))
    sums = {
        "sampler": np.stack([half / 2, none, half / 2, 9 * half], axis=1),
        "sampler.pea": np.stack([none, half, none, 9 * half, half], axis=1),
    }
    counters = {phase.name.lower(): length for phase, length in LENGTHS.items()}
    return Recording(phases, int(starts[-1]) + 10, intervals, sums, {}), counters | {"trials": 7}


@pytest.fixture(scope="module")
def whole() -> Activity:
    return method.measure_activity(DESIGN, PRESETS["tiny"].phases, simulated, 1, complete=True)


def same(one: Activity, other: Activity) -> None:
    assert one.recording.intervals == other.recording.intervals
    assert np.array_equal(one.weights, other.weights)
    for phase in PRESETS["tiny"].phases:
        assert one.means[phase].value == pytest.approx(other.means[phase].value)
        assert one.means[phase].error == pytest.approx(other.means[phase].error)


def test_intervals_looked_up_are_those_of_another_simulation(whole: Activity) -> None:
    (found,) = intervals.draw_intervals(whole, [5])
    same(found, method.measure_activity(DESIGN, PRESETS["tiny"].phases, simulated, 5))
    assert 0 < found.means[Phase.SEARCH].error < whole.means[Phase.SEARCH].value / 20
    assert len(found.intervals(Phase.SEARCH)) < len(whole.intervals(Phase.SEARCH))
    assert found.means[Phase.EMBED] == whole.means[Phase.EMBED]


def test_figures_are_those_computed_by_hand(whole: Activity) -> None:
    """Means 1 % below, 1 % above and 3 % above that of all cycles, with 1 % of standard error each."""
    mean = whole.means[Phase.SEARCH].value
    found = [
        replace(whole, means=whole.means | {Phase.SEARCH: Mean(mean * off, mean / 100)})
        for off in (0.99 + 1e-9, 1.01 - 1e-9, 1.03 - 1e-9)
    ]
    figures = intervals.compare(whole, found)
    value = {figure.name: figure.value for figure in figures if figure.subject == "search"}
    deviation = np.sqrt(8 / 3)
    assert value == pytest.approx(
        {
            "cycles": 9_600, "toggles of all cycles": TOGGLES[740:10_340].mean(),
            "intervals, median": 300, "intervals, most": 300,
            "bias": 1.0, "bias over deviation": 1 / deviation, "deviation": deviation,
            "standard error, mean": 1.0, "standard error, most": 1.0, "worst": 3.0,
            "within 2 standard errors": 200 / 3, "within 3 standard errors": 100.0,
        },
        rel=1e-5,
    )  # fmt: skip
    every = {figure.name: figure.value for figure in figures if figure.subject == "all phases"}
    share = TOGGLES[740:10_340].sum() / TOGGLES[100:11_620].sum()
    assert every["cycles"] == 11_520
    assert every["standard error, mean"] == pytest.approx(share)
    assert every["worst"] == pytest.approx(3 * share)
    assert broken(figures) == {"bias over deviation", "within 2 standard errors"}
    assert {figure.name for figure in figures if figure.subject == "embed"} == {
        "cycles", "toggles of all cycles", "intervals, median", "intervals, most",
    }  # fmt: skip


def broken(figures: list[Figure]) -> set[str]:
    return {figure.name for figure in figures if not figure.holds}


def early(spans: Any, intervals: int, cycles: int, rng: np.random.Generator) -> list[tuple[Interval, float]]:
    """Draws from the first half of each stratum."""

    class Early:
        def choice(self, pieces: np.ndarray) -> np.ndarray:
            return rng.choice(pieces[: (len(pieces) + 1) // 2])

    return activity.sample_intervals(spans, intervals, cycles, Early())  # type: ignore[arg-type]


def sure(*counted: np.ndarray) -> Mean:
    """An eighth of the standard error."""
    mean = activity.estimate(*counted)
    return Mean(mean.value, mean.error / 8)


@pytest.mark.parametrize(
    ("name", "wrong", "breaks"),
    [
        ("sample_intervals", activity.sample_intervals, set()),
        ("sample_intervals", early, {"bias over deviation"}),
        ("estimate", sure, {"within 2 standard errors", "within 3 standard errors"}),
    ],
)
def test_a_biased_draw_and_a_small_error_break_a_bound(
    whole: Activity, monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., Any], breaks: set[str]
) -> None:
    monkeypatch.setattr(method, "FIRST", 32)  # fewer take less time
    monkeypatch.setattr(method, name, wrong)
    found = broken(intervals.compare(whole, intervals.draw_intervals(whole, range(200))))
    assert found >= breaks
    assert bool(found) == bool(breaks)


def test_options_of_another_subject_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["nms", "bench", "search", "--iterations", "5"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "iterations 5: only for bench intervals" in capsys.readouterr().err


@pytest.mark.slow
def test_intervals_looked_up_are_those_counted_in_hardware() -> None:
    """The simulation that counts in intervals alone agrees with the one that counts in all cycles."""
    config, images = PRESETS["tiny"], datasets.load("digits", 12).images
    job = Workload(config, Settings.make(config, 12, 64, perplexity=4, iterations=10), images)
    counted = InstrumentedSampler(config)
    whole = counted.measure(job, 1, complete=True)
    found = counted.measure(job, 5)
    assert any(mean.error for mean in found.means.values())
    same(found, *intervals.draw_intervals(whole, [5]))
