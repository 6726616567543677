# SPDX-License-Identifier: Apache-2.0
"""Trials of all methods, and what they say: accuracies, and differences of pairs with their errors."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.evaluation.methods import DEDUP, METHODS, TITLES, UNLIMITED, Choice, Keep
from nms.evaluation.model import Fit
from nms.evaluation.scenario import Scenario, Source, Trial
from nms.sampling import count_to_keep
from nms.sampling.near_duplicates import fill_up, find_distinct

FEWEST = 5
"""Seeds, at least: a standard error of fewer says little."""


@dataclass(frozen=True)
class Row:
    """A method's held-out accuracies, in percent, by seed; how many images it kept, of how many scenes."""

    method: str
    accuracy: dict[int, float]
    kept: dict[int, int]
    scenes: dict[int, int]

    @property
    def mean(self) -> float:
        """Mean accuracy, percent."""
        return float(np.mean([*self.accuracy.values()]))

    @property
    def error(self) -> float:
        """Standard error of :attr:`mean`."""
        return standard_error([*self.accuracy.values()])


@dataclass(frozen=True)
class Difference:
    """Mean difference of pairs, in percentage points, with its standard error."""

    mean: float
    error: float

    @property
    def within(self) -> bool:
        """Whether it is smaller than two standard errors."""
        return abs(self.mean) < 2.0 * self.error or self.mean == self.error == 0.0


@dataclass(frozen=True)
class Evaluation:
    """Rows in the order asked for, the first the one the others are compared with."""

    rows: list[Row]
    streams: list[int]  # images of each seed's stream
    tests: list[int]  # held-out images of each seed
    standing: list[int]  # images of each seed's stream that are no near-duplicates; empty if none are removed


def standard_error(values: Sequence[float]) -> float:
    """Deviation, with n - 1, over sqrt(n)."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def paired(row: Row, first: Row) -> Difference:
    """``row`` minus ``first``, seed by seed.

    Raises
    ------
    ValueError
        They are of different seeds.
    """
    if row.accuracy.keys() != first.accuracy.keys():
        raise ValueError(f"{row.method} and {first.method}: not of the same seeds, no pairs")
    differences = [row.accuracy[seed] - first.accuracy[seed] for seed in first.accuracy]
    return Difference(float(np.mean(differences)), standard_error(differences))


def kept_by(
    name: str, keep: Keep, trial: Trial, count: int, choice: Choice, own: np.ndarray | None = None
) -> np.ndarray:
    """What a method keeps of a trial's stream: ``count`` different indices, ascending.

    Parameters
    ----------
    own : indices, ascending, of which it chooses; any others, at random, only fill up; ``None``: all

    Raises
    ------
    ValueError
        It kept another number, an image twice, or one that there is none of.
    """
    rows = np.ascontiguousarray(trial.images).reshape(len(trial.images), -1)
    own = np.arange(len(rows)) if own is None else own
    seed = int(np.random.SeedSequence([trial.seed, *name.encode()]).generate_state(1)[0])
    share = min(count, len(own))
    chosen = keep(rows[own], trial.labels[own], share, choice, seed)
    wanted = len(own) if name in UNLIMITED else share
    if (
        len(np.unique(chosen)) != wanted
        or len(chosen) != wanted
        or chosen.min() < 0
        or chosen.max() >= len(own)
    ):
        raise ValueError(
            f"{name}: kept {len(chosen)} images, {len(np.unique(chosen))} different; not {wanted}"
        )
    return fill_up(own[chosen], ~np.isin(np.arange(len(rows)), own), count, seed)


def check(methods: Sequence[str], ratio: float) -> None:
    """Raise :class:`UserError` for a method or ratio that there is none of, before any file is read."""
    for name in methods:
        if name not in TITLES:
            raise UserError(
                f"methods {name!r}: must be of {', '.join(METHODS)}, or one of these with {DEDUP}"
            )
    count_to_keep(ratio, sys.maxsize)


def evaluate(
    source: Source,
    scenario: Scenario,
    methods: Sequence[str],
    ratio: float,
    seeds: Sequence[int],
    fitted: Callable[[Trial], Fit],
    choice: Choice | None = None,
    count: int | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Evaluation:
    """Train on what each method keeps of each seed's stream.

    Parameters
    ----------
    methods : names of :data:`nms.evaluation.methods.METHODS`; the first is what the others are compared with
    ratio : share of a stream that is kept
    seeds : at least :data:`FEWEST`, all different; each draws held-out images, stream, filters and starts
    fitted : the model, :func:`nms.evaluation.model.model`
    count : training images drawn for a trial; ``None`` takes all
    progress : called once a model is trained

    Raises
    ------
    UserError
        Seeds, methods, count or ratio that cannot be used.
    """
    choice = choice or Choice()
    if len(seeds) < FEWEST or len(set(seeds)) < len(seeds):
        raise UserError(f"seeds {len(set(seeds))}: at least {FEWEST} different ones give a standard error")
    check(methods, ratio)
    rows = [Row(TITLES[name], {}, {}, {}) for name in dict.fromkeys(methods)]
    streams, tests, stood = [], [], []
    for seed in seeds:
        trial = source.trial(seed, scenario, count)
        keep, classes = count_to_keep(ratio, len(trial.images)), len(np.unique(trial.labels))
        if keep < classes:
            raise UserError(
                f"ratio {ratio:g}: keeps {keep} of {len(trial.images)} images; {classes} classes need as many"
            )
        fit = fitted(trial)
        alone = None
        if any(name.endswith(DEDUP) for name in methods):
            alone = np.flatnonzero(find_distinct(trial.images, len(trial.images), choice.near_duplicates))
            stood.append(len(alone))
        streams.append(len(trial.images))
        tests.append(len(trial.test_images))
        for name, row in zip(dict.fromkeys(methods), rows, strict=True):
            keep_of = METHODS[name.removesuffix(DEDUP)][1]
            kept = kept_by(name, keep_of, trial, keep, choice, alone if name.endswith(DEDUP) else None)
            row.accuracy[seed] = 100.0 * fit(kept)
            row.kept[seed] = len(kept)
            row.scenes[seed] = len(np.unique(trial.scenes[kept]))
            progress()
    return Evaluation(rows, streams, tests, stood)
