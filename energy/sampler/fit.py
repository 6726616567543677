# SPDX-License-Identifier: Apache-2.0
"""From toggles of the RTL to energy: a block's coefficients, fitted to its netlist, judged on other runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

PARTS = ("registers", "combinational")

PULL = 0.01
"""How strongly coefficients of modules are drawn to those of their block: squares of all differences weigh
together as those of the busiest window times this. Chosen on other vectors, of 0.0001 to 0.03."""


@dataclass(frozen=True)
class Sample:
    """One block in windows: toggles of the RTL (windows, modules, kinds), joules of the netlist (windows,
    parts) without clock and leakage, cycles (windows).

    Modules are the block and those nested in it; kinds are registers, what memories give, combinational nets
    and inputs.
    """

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
    """Joules per toggle: (parts, modules, kinds)."""

    values: np.ndarray

    def energy(self, toggles: np.ndarray) -> np.ndarray:
        """(windows, parts) of toggles (windows, modules, kinds)."""
        return np.einsum("wmk,pmk->wp", toggles, self.values)


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
    First all modules of the block together, by kind; then each by itself, since parts of a block that work at
    different times differ in what a toggle costs. These coefficients are drawn to the first ones with
    :data:`PULL`, so that a module that hardly toggled here, but may elsewhere, has those of the block.
    """
    if not sample.toggles.any():
        raise ValueError("nothing toggles: no coefficients can be fitted")
    windows, modules, kinds = sample.toggles.shape
    scale = 1.0 / (sample.energy.sum(axis=1) + sample.energy.sum(axis=1).mean() + 1e-30)
    unit = sample.energy.max() or 1.0
    toggles = sample.toggles * scale[:, None, None] * unit
    energy = (sample.energy * scale[:, None]).T
    whole = np.array([nnls(toggles.sum(axis=1), part)[0] for part in energy])
    each = toggles.reshape(windows, -1)
    pull = np.sqrt(PULL * (each**2).sum(axis=1).max() / each.shape[1])
    rows = np.vstack([each, pull * np.eye(each.shape[1])])
    found = [
        nnls(rows, np.concatenate([part, pull * np.tile(first, modules)]))[0]
        for part, first in zip(energy, whole, strict=True)
    ]
    return Coefficients(np.reshape(found, (-1, modules, kinds)) * unit)


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
    active, other_active = fitted.toggles.any(axis=(1, 2)), other.toggles.any(axis=(1, 2))
    busy = known[active].sum() / fitted.cycles[active].sum()
    constant = known.sum() / fitted.cycles.sum()
    return Judgement(
        windows=len(truth),
        toggles=_errors(coefficients.energy(other.toggles).sum(axis=1), truth),
        cycles=_errors(np.where(other_active, busy * other.cycles, 0.0), truth),
        constant=_errors(constant * other.cycles, truth),
    )
