# SPDX-License-Identifier: Apache-2.0
"""``nms bench intervals``: toggles counted in all cycles of a run, and estimates from its intervals."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nms.benchmarks.figure import Figure
from nms.contract.config import Config
from nms.contract.settings import Settings
from nms.sim.activity.instrument import KINDS
from nms.sim.activity.intervals import (
    TOLERANCE,
    Activity,
    Count,
    InstrumentedSampler,
    Workload,
    measure_activity,
)
from nms.sim.activity.toggles import Interval, Mean, Recording

DRAWS = 1000
"""How many times intervals are drawn."""

BIAS = 0.1
"""Largest ratio of the means' bias to their deviation.

Below it, errors are as good as unbiased (Cochran, Sampling Techniques, section 1.8).
"""

WITHIN = {deviations: 100 * (1 - 1 / deviations**2) for deviations in (2, 3)}
"""Least percentage of means within so many standard errors, for any distribution (Chebyshev)."""


def measure(
    config: Config, settings: Settings, images: np.ndarray, seed: int, tell: Callable[[str], None]
) -> list[Figure]:
    """Measure a run of ``images`` (N, D) uint8 in all cycles, and by intervals drawn 1000 times."""
    whole = InstrumentedSampler(config, tell).measure(Workload(config, settings, images), seed, complete=True)
    tell(f"drawing intervals {DRAWS} times")
    seeds = np.random.SeedSequence(seed).generate_state(DRAWS).tolist()
    return compare(whole, draw_intervals(whole, seeds))


def draw_intervals(whole: Activity, seeds: Sequence[int]) -> list[Activity]:
    """Estimate the toggles of a run counted whole, from intervals drawn by each seed, without simulating."""
    count = make_counter(whole)
    return [measure_activity(whole.design, whole.phases, count, seed) for seed in seeds]


def make_counter(whole: Activity) -> Count:
    """Make the function that looks intervals up in a run counted whole; modules are summed."""
    place = {interval: number for number, interval in enumerate(whole.recording.intervals)}
    sums = np.sum([sums[:, : len(KINDS)] for sums in whole.recording.sums.values()], axis=0)
    counters = {phase.name.lower(): length for phase, length in whole.lengths.items()}

    def count(intervals: list[Interval], rows: bool) -> tuple[Recording, dict[str, int]]:
        found = {whole.design.top: sums[[place[interval] for interval in intervals]]}
        recording = replace(whole.recording, intervals=intervals, sums=found)
        return recording, counters | {"trials": whole.trials}

    return count


def combine_phases(found: Activity) -> Mean:
    """Combine the phases to one mean a cycle; their errors are independent."""
    lengths = np.array([found.lengths[phase] for phase in found.phases])
    values, errors = np.array([[found.means[p].value, found.means[p].error] for p in found.phases]).T
    shares = lengths / lengths.sum()
    return Mean(float(shares @ values), float(np.linalg.norm(shares * errors)))


def compare(whole: Activity, found: Sequence[Activity]) -> list[Figure]:
    """Compare the means of intervals with that of all cycles, for each phase and for all together."""
    figures = []
    for phase in whole.phases:
        used = [len(each.intervals(phase)) for each in found]
        means = [each.means[phase] for each in found]
        figures += compare_phase(
            phase.name.lower(), whole.lengths[phase], whole.means[phase].value, used, means
        )
    used = [len(each.weights) for each in found]
    means = [combine_phases(each) for each in found]
    return figures + compare_phase(
        "all phases", sum(whole.lengths.values()), combine_phases(whole).value, used, means
    )


def compare_phase(name: str, cycles: int, mean: float, used: list[int], means: list[Mean]) -> list[Figure]:
    """Compare the ``means`` of draws, of ``used`` intervals each, with the ``mean`` of all cycles.

    Means are in toggles a cycle. *bias* is the mean of the means minus the mean of all cycles. It, the
    *deviation* of the means, the *standard errors* that they state and the *worst* mean's distance are in
    percent of the mean of all cycles.
    """
    figures = [
        Figure(name, "cycles", cycles),
        Figure(name, "toggles of all cycles", mean, "a cycle"),
        Figure(name, "intervals, median", int(np.median(used))),
        Figure(name, "intervals, most", max(used)),
    ]
    if not any(each.error for each in means):  # counted whole
        return figures
    off = np.array([each.value for each in means]) / mean - 1
    errors = np.array([each.error for each in means]) / mean
    deviation = float(off.std())
    figures += [
        Figure(name, "bias", 100 * float(off.mean()), "%"),
        Figure(name, "bias over deviation", abs(float(off.mean())) / deviation, "", "<=", BIAS),
        Figure(name, "deviation", 100 * deviation, "%"),
        Figure(name, "standard error, mean", 100 * float(errors.mean()), "%"),
        Figure(name, "standard error, most", 100 * float(errors.max()), "%", "<=", 100 * TOLERANCE),
        Figure(name, "worst", 100 * float(abs(off).max()), "%"),
    ]
    for deviations, least in WITHIN.items():
        share = 100 * float((abs(off) <= deviations * errors).mean())
        figures.append(Figure(name, f"within {deviations} standard errors", share, "%", ">=", least))
    return figures
