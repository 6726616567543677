# SPDX-License-Identifier: Apache-2.0
"""From toggles of the RTL to energy: a block's coefficients, fitted to its netlist, judged on other runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

FEATURES = ("registers", "combinational", "inputs")
PARTS = ("registers", "combinational")


@dataclass(frozen=True)
class Sample:
    """One block in windows: toggles of the RTL (windows, features), joules of the netlist (windows, parts)
    without clock and leakage, cycles (windows)."""

    toggles: np.ndarray
    energy: np.ndarray
    cycles: np.ndarray

    @classmethod
    def joined(cls, samples: Sequence["Sample"]) -> "Sample":
        """The windows of several."""
        return cls(
            *(np.concatenate([getattr(s, name) for s in samples]) for name in ("toggles", "energy", "cycles"))
        )


@dataclass(frozen=True)
class Coefficients:
    """Joules per toggle: (parts, features)."""

    values: np.ndarray

    def energy(self, toggles: np.ndarray) -> np.ndarray:
        """(windows, parts) of toggles (windows, features)."""
        return toggles @ self.values.T


@dataclass(frozen=True)
class Errors:
    """Mean and worst relative error over windows, and the error of the sum of all of them."""

    mean: float
    worst: float
    total: float


@dataclass(frozen=True)
class Judgement:
    """Errors of the toggles' estimate of switching and internal energy, and of two controls: energy in
    proportion to the cycles while the block is at work, and constant power."""

    windows: int
    toggles: Errors
    cycles: Errors
    constant: Errors


def fit(sample: Sample) -> Coefficients:
    """Non-negative least squares of each part on the toggles; windows weigh by their relative error.

    A window's weight is one over its energy plus the mean, so that busy windows do not drown the quiet ones.
    """
    if not sample.toggles.any():
        raise ValueError("nothing toggles: no coefficients can be fitted")
    scale = 1.0 / (sample.energy.sum(axis=1) + sample.energy.sum(axis=1).mean() + 1e-30)
    unit = sample.energy.max() or 1.0
    rows = [
        nnls(sample.toggles * scale[:, None] * unit, sample.energy[:, part] * scale)[0] * unit
        for part in range(sample.energy.shape[1])
    ]
    return Coefficients(np.array(rows))


def _errors(estimate: np.ndarray, truth: np.ndarray) -> Errors:
    """Relative errors; windows below a hundredth of the mean are judged against that."""
    floor = np.maximum(truth, 0.01 * truth.mean())
    relative = np.abs(estimate - truth) / floor
    return Errors(float(relative.mean()), float(relative.max()), float(abs(estimate.sum() / truth.sum() - 1)))


def judge(coefficients: Coefficients, fitted: Sample, other: Sample) -> Judgement:
    """How well energies of ``other`` are met, beside controls that know those of ``fitted`` alone.

    "Cycles": the mean energy of a cycle in which anything toggles, times the window's cycles where anything
    does; "constant": the mean energy of a cycle, times the window's cycles.
    """
    truth = other.energy.sum(axis=1)
    known = fitted.energy.sum(axis=1)
    active, other_active = fitted.toggles.any(axis=1), other.toggles.any(axis=1)
    busy = known[active].sum() / fitted.cycles[active].sum()
    constant = known.sum() / fitted.cycles.sum()
    return Judgement(
        windows=len(truth),
        toggles=_errors(coefficients.energy(other.toggles).sum(axis=1), truth),
        cycles=_errors(np.where(other_active, busy * other.cycles, 0.0), truth),
        constant=_errors(constant * other.cycles, truth),
    )
