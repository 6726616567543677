# SPDX-License-Identifier: Apache-2.0
"""Toggles of a whole run counted in all cycles, beside what windows drawn from it many times say."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from nms.bench.figure import Figure
from nms.spec.config import Config
from nms.spec.settings import Settings
from sim.activity import Recording, Window
from sim.instrument import KINDS
from sim.windows import PHASES, TOLERANCE, Activity, Count, Counted, Job, activity

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
    """What :func:`sim.windows.activity` finds from each seed in a run counted whole, without simulating."""
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


def beside(whole: Activity, found: list[Activity]) -> list[Figure]:
    """Figures of each phase: the mean a cycle, and how the means of windows lie around it.

    *bias*: mean of the means less the mean of all cycles. *deviation* of the means, the *standard errors*
    they state, and the *worst* mean's distance are relative to the mean of all cycles.
    """
    figures = []
    for phase in PHASES:
        name, mean = phase.name.lower(), whole.means[phase].value
        used = np.array([len(each.windows(phase)) for each in found])
        figures += [
            Figure(name, "cycles", whole.lengths[phase]),
            Figure(name, "toggles of all cycles", mean, "a cycle"),
            Figure(name, "windows, median", int(np.median(used))),
            Figure(name, "windows, most", int(used.max())),
        ]
        off, errors = (
            np.array([getattr(each.means[phase], part) for each in found]) / mean - shift
            for part, shift in (("value", 1), ("error", 0))
        )
        if not errors.any():  # counted whole
            continue
        distance, deviation = abs(off), off.std()
        figures += [
            Figure(name, "bias", 100 * off.mean(), "%"),
            Figure(name, "bias over deviation", abs(off.mean()) / deviation, "", "<=", BIAS),
            Figure(name, "deviation", 100 * deviation, "%"),
            Figure(name, "standard error, mean", 100 * errors.mean(), "%"),
            Figure(name, "standard error, most", 100 * errors.max(), "%", "<=", 100 * TOLERANCE),
            Figure(name, "worst", 100 * distance.max(), "%"),
        ]
        figures += [
            Figure(
                name,
                f"within {deviations} standard errors",
                100 * (distance <= deviations * errors).mean(),
                "%", ">=", least,
            )
            for deviations, least in WITHIN.items()
        ]  # fmt: skip
    return figures
