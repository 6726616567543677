# SPDX-License-Identifier: Apache-2.0
"""Toggles of a whole run counted in all cycles, beside what windows drawn from it many times say."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nms.benchmarks.figure import Figure
from nms.contract.config import Config
from nms.contract.settings import Settings
from nms.sim.activity.instrument import KINDS
from nms.sim.activity.toggles import Mean, Recording, Window
from nms.sim.activity.windows import PHASES, TOLERANCE, Activity, Count, Counted, Job, activity

DRAWS = 1000
"""Times that windows are drawn."""

BIAS = 0.1
"""Most of the means' bias over their deviation; below it, errors are as good as unbiased (Cochran, Sampling
Techniques, section 1.8)."""

WITHIN = {deviations: 100 * (1 - 1 / deviations**2) for deviations in (2, 3)}
"""Least share of means within so many standard errors, percent, of any distribution (Chebyshev)."""


def windows(
    config: Config, settings: Settings, images: np.ndarray, seed: int, tell: Callable[[str], None]
) -> list[Figure]:
    """One run of ``images`` (N, D) uint8 counted whole, and windows of it drawn :data:`DRAWS` times."""
    whole = Counted(config, tell).activity(Job(config, settings, images), seed, complete=True)
    tell(f"drawing windows {DRAWS} times")
    seeds = np.random.SeedSequence(seed).generate_state(DRAWS).tolist()
    return beside(whole, again(whole, seeds))


def again(whole: Activity, seeds: Sequence[int]) -> list[Activity]:
    """What windows drawn from each seed find in a run that was counted whole, without simulating."""
    count = counting(whole)
    return [activity(whole.design, count, seed) for seed in seeds]


def counting(whole: Activity) -> Count:
    """Looks windows up in a run whose every piece was counted; modules are summed."""
    place = {window: number for number, window in enumerate(whole.recording.windows)}
    sums = np.sum([sums[:, : len(KINDS)] for sums in whole.recording.sums.values()], axis=0)
    counters = {phase.name.lower(): length for phase, length in whole.lengths.items()}

    def count(windows: list[Window], rows: bool) -> tuple[Recording, dict[str, int]]:
        found = {whole.design.top: sums[[place[window] for window in windows]]}
        recording = replace(whole.recording, windows=windows, sums=found)
        return recording, counters | {"trials": whole.trials}

    return count


def together(found: Activity) -> Mean:
    """Mean a cycle of all phases, whose errors are independent."""
    lengths = np.array([found.lengths[phase] for phase in PHASES])
    values, errors = np.array([[found.means[p].value, found.means[p].error] for p in PHASES]).T
    shares = lengths / lengths.sum()
    return Mean(float(shares @ values), float(np.linalg.norm(shares * errors)))


def beside(whole: Activity, found: Sequence[Activity]) -> list[Figure]:
    """Figures of each phase and of all together: how the means of windows lie around that of all cycles."""
    figures = []
    for phase in PHASES:
        used = [len(each.windows(phase)) for each in found]
        means = [each.means[phase] for each in found]
        figures += around(phase.name.lower(), whole.lengths[phase], whole.means[phase].value, used, means)
    used = [len(each.weights) for each in found]
    means = [together(each) for each in found]
    return figures + around("all phases", sum(whole.lengths.values()), together(whole).value, used, means)


def around(name: str, cycles: int, mean: float, used: list[int], means: list[Mean]) -> list[Figure]:
    """Figures of the ``means`` of draws with so many windows beside the ``mean`` a cycle of all cycles.

    *bias*: mean of the means less the mean of all cycles. *deviation* of the means, the *standard errors*
    they state, and the *worst* mean's distance are relative to the mean of all cycles.
    """
    figures = [
        Figure(name, "cycles", cycles),
        Figure(name, "toggles of all cycles", mean, "a cycle"),
        Figure(name, "windows, median", int(np.median(used))),
        Figure(name, "windows, most", max(used)),
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
