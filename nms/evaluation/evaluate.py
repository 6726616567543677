# SPDX-License-Identifier: Apache-2.0
"""Run trials of all methods: accuracies, paired differences and their standard errors."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nms.contract.errors import UserError
from nms.datasets.images import find_stored_shape
from nms.evaluation.methods import (
    DEDUP,
    DEDUP_LABEL,
    METHODS,
    TITLES,
    UNLIMITED,
    MethodOptions,
    Select,
    count_standing,
    list_methods,
)
from nms.evaluation.model import Fit
from nms.evaluation.scenario import Scenario, Source, Trial
from nms.sampling import BitTrue, count_to_keep
from nms.sampling.near_duplicates import fill_up, find_distinct

FEWEST = 5
"""Smallest number of seeds: the standard error of fewer says little."""


@dataclass(frozen=True)
class Row:
    """One method, by seed: accuracy on held-out images in percent, images kept, and scenes among these."""

    method: str
    accuracy: dict[int, float]
    kept: dict[int, int]
    scenes: dict[int, int]

    @property
    def mean(self) -> float:
        """Mean accuracy in percent."""
        return float(np.mean([*self.accuracy.values()]))

    @property
    def error(self) -> float:
        """Standard error of the mean, in percentage points."""
        return standard_error([*self.accuracy.values()])


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences in percentage points, and its standard error."""

    mean: float
    error: float

    @property
    def within(self) -> bool:
        """Whether the mean is within two standard errors of zero."""
        return abs(self.mean) < 2.0 * self.error or self.mean == self.error == 0.0


@dataclass(frozen=True)
class Evaluation:
    """Rows in the order of the methods, of which the first is the one that the others are compared with."""

    rows: list[Row]
    streams: list[int]  # images of each seed's stream
    tests: list[int]  # held-out images of each seed
    distinct: list[int]  # images of each seed's stream that are no near-duplicates; empty if none are removed
    standing: list[int]  # the same by the bit-true model


def standard_error(values: Sequence[float]) -> float:
    """Standard error of the mean: the deviation, with n - 1, over sqrt(n)."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def compare_pairs(row: Row, first: Row) -> Difference:
    """Compare pairs: ``row`` minus ``first``, seed by seed.

    Raises
    ------
    ValueError
        The rows are of different seeds.
    """
    if row.accuracy.keys() != first.accuracy.keys():
        raise ValueError(f"{row.method} and {first.method}: not of the same seeds, so not paired")
    differences = [row.accuracy[seed] - first.accuracy[seed] for seed in first.accuracy]
    return Difference(float(np.mean(differences)), standard_error(differences))


def apply_method(
    name: str, select: Select, trial: Trial, count: int, options: MethodOptions, own: np.ndarray | None = None
) -> np.ndarray:
    """Apply a method to a trial's stream: ``count`` different indices, ascending.

    Parameters
    ----------
    own : ascending indices to select from, by default all; random other ones only fill up

    Raises
    ------
    ValueError
        The method selects a wrong number of images, an image twice, or one that does not exist.
    """
    rows = np.ascontiguousarray(trial.images).reshape(len(trial.images), -1)
    own = np.arange(len(rows)) if own is None else own
    label = name.replace(DEDUP, DEDUP_LABEL).encode()
    seed = int(np.random.SeedSequence([trial.seed, *label]).generate_state(1)[0])
    share = min(count, len(own))
    selected = select(rows[own], trial.labels[own], share, options, seed)
    wanted = len(own) if name in UNLIMITED else share
    if (
        len(np.unique(selected)) != wanted
        or len(selected) != wanted
        or selected.min() < 0
        or selected.max() >= len(own)
    ):
        raise ValueError(
            f"{name}: kept {len(selected)} images, {len(np.unique(selected))} different; not {wanted}"
        )
    return fill_up(own[selected], ~np.isin(np.arange(len(rows)), own), count, seed)


def check_methods(methods: Sequence[str], ratio: float, bit_true: BitTrue) -> None:
    """Raise :class:`nms.contract.errors.UserError` for a ratio out of range or a method that there is not.

    Of the methods of a model there are those of ``bit_true``.
    """
    for name in methods:
        if name not in TITLES:
            raise UserError(
                f"methods {name!r}: must be one of {', '.join(METHODS)}, or one of these followed by {DEDUP}"
            )
        if name.removesuffix(DEDUP) not in list_methods(bit_true.config):
            raise UserError(f"methods {name!r}: configuration {bit_true.config.name} is of another method")
    count_to_keep(ratio, sys.maxsize)


def evaluate(
    source: Source,
    scenario: Scenario,
    methods: Sequence[str],
    ratio: float,
    seeds: Sequence[int],
    model: Callable[[Trial], Fit],
    options: MethodOptions | None = None,
    count: int | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Evaluation:
    """Train on what each method keeps of each seed's stream.

    Parameters
    ----------
    methods : names in :data:`nms.evaluation.methods.TITLES`; the others are compared with the first
    ratio : fraction of a stream to keep
    seeds : at least 5, all different; each one draws held-out images, stream, filters and starts
    model : from :func:`nms.evaluation.model.find_model`
    count : training images to draw for a trial; ``None`` takes all
    progress : called after each model is trained

    Raises
    ------
    UserError
        Seeds, methods, count or ratio cannot be used.
    """
    options = options or MethodOptions()
    height, width, channels = source.images.shape[1:]
    options = replace(options, shape=find_stored_shape((height, width, channels)))
    if len(seeds) < FEWEST or len(set(seeds)) < len(seeds):
        raise UserError(f"seeds {len(set(seeds))}: a standard error needs at least {FEWEST} different ones")
    check_methods(methods, ratio, options.bit_true)
    rows = [Row(TITLES[name], {}, {}, {}) for name in dict.fromkeys(methods)]
    streams, tests, distinct, standing = [], [], [], []
    for seed in seeds:
        trial = source.draw_trial(seed, scenario, count)
        keep, classes = count_to_keep(ratio, len(trial.images)), len(np.unique(trial.labels))
        if keep < classes:
            raise UserError(
                f"ratio {ratio:g}: keeps {keep} of {len(trial.images)} images; {classes} classes need as many"
            )
        fit = model(trial)
        own = None
        if any(name.endswith(DEDUP) for name in methods):
            own = np.flatnonzero(find_distinct(trial.images, len(trial.images), options.near_duplicates))
            distinct.append(len(own))
        if options.bit_true.threshold:
            flat = trial.images.reshape(len(trial.images), -1)
            standing.append(count_standing(flat, trial.labels, options))
        streams.append(len(trial.images))
        tests.append(len(trial.test_images))
        for name, row in zip(dict.fromkeys(methods), rows, strict=True):
            select = METHODS[name.removesuffix(DEDUP)][1]
            kept = apply_method(name, select, trial, keep, options, own if name.endswith(DEDUP) else None)
            row.accuracy[seed] = 100.0 * fit(kept)
            row.kept[seed] = len(kept)
            row.scenes[seed] = len(np.unique(trial.scenes[kept]))
            progress()
    return Evaluation(rows, streams, tests, distinct, standing)
