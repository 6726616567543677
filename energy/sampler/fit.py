# SPDX-License-Identifier: Apache-2.0
"""Fit joules per toggle of the RTL to the energy of a block's netlist, and judge the fit on other runs."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

PULL = 0.01
"""Strength of the ridge penalty that draws the coefficients of modules to those of their block: all squared
differences together weigh as much as the squares of the busiest interval times this. Chosen on other vectors,
among 0.0001 to 0.03."""


@dataclass(frozen=True)
class BlockSample:
    """One block in intervals.

    Modules are the block and those nested in it; kinds are :data:`nms.sim.activity.instrument.KINDS`; parts
    are :data:`nms.energy.sampler.parts.FITTED_PARTS`.

    Members
    -------
    toggles : of the RTL, (intervals, modules, kinds)
    energy : joules of the netlist, (intervals, parts)
    cycles : of each interval, (intervals,)
    """

    toggles: np.ndarray
    energy: np.ndarray
    cycles: np.ndarray


@dataclass(frozen=True)
class Coefficients:
    """Joules per toggle: (parts, modules, kinds)."""

    values: np.ndarray

    def energy(self, toggles: np.ndarray) -> np.ndarray:
        """Joules (intervals, parts) of toggles (intervals, modules, kinds)."""
        return np.einsum("wmk,pmk->wp", toggles, self.values)


@dataclass(frozen=True)
class FitErrors:
    """Mean and worst relative error of an interval, and relative error of the sum of all intervals."""

    mean: float
    worst: float
    total: float


@dataclass(frozen=True)
class Judgement:
    """Errors of the energy of registers and logic estimated from toggles, and from two controls.

    The controls are energy in proportion to the cycles in which the block works, and constant power.
    """

    intervals: int
    toggles: FitErrors
    cycles: FitErrors
    constant: FitErrors


def fit(sample: BlockSample) -> Coefficients:
    """Fit each part to the toggles by non-negative least squares (Lawson and Hanson).

    An interval's residual is weighted by one over its energy plus the mean, so that busy ones do not drown
    the quiet ones. The first fit has one coefficient a kind for all modules of the block together. The second
    has one for each module, since parts of a block that work at different times differ in what a toggle
    costs; it is drawn to the first with :data:`PULL`, so that a module that hardly toggled here, but may
    elsewhere, gets the coefficients of its block.

    Raises
    ------
    ValueError
        Nothing toggles.
    """
    if not sample.toggles.any():
        raise ValueError("nothing toggles: no coefficients can be fitted")
    intervals, modules, kinds = sample.toggles.shape
    scale = 1.0 / (sample.energy.sum(axis=1) + sample.energy.sum(axis=1).mean() + 1e-30)
    unit = sample.energy.max() or 1.0
    toggles = sample.toggles * scale[:, None, None] * unit
    energy = (sample.energy * scale[:, None]).T
    whole = np.array([nnls(toggles.sum(axis=1), part)[0] for part in energy])
    each = toggles.reshape(intervals, -1)
    pull = np.sqrt(PULL * (each**2).sum(axis=1).max() / each.shape[1])
    rows = np.vstack([each, pull * np.eye(each.shape[1])])
    found = [
        nnls(rows, np.concatenate([part, pull * np.tile(first, modules)]))[0]
        for part, first in zip(energy, whole, strict=True)
    ]
    return Coefficients(np.reshape(found, (-1, modules, kinds)) * unit)


def _find_errors(estimate: np.ndarray, truth: np.ndarray) -> FitErrors:
    """Relative errors; below a hundredth of the mean, an interval's is relative to that hundredth."""
    floor = np.maximum(truth, 0.01 * truth.mean())
    relative = np.abs(estimate - truth) / floor
    return FitErrors(
        float(relative.mean()), float(relative.max()), float(abs(estimate.sum() / truth.sum() - 1))
    )


def judge(coefficients: Coefficients, fitted: BlockSample, other: BlockSample) -> Judgement:
    """Errors of the coefficients on ``other``, beside controls that know ``fitted`` alone.

    Control "cycles": the mean energy of a cycle in intervals in which anything toggles, times the interval's
    cycles if anything toggles there. Control "constant": the mean energy of a cycle, times the interval's
    cycles.
    """
    truth = other.energy.sum(axis=1)
    known = fitted.energy.sum(axis=1)
    active, other_active = fitted.toggles.any(axis=(1, 2)), other.toggles.any(axis=(1, 2))
    busy = known[active].sum() / fitted.cycles[active].sum()
    constant = known.sum() / fitted.cycles.sum()
    return Judgement(
        intervals=len(truth),
        toggles=_find_errors(coefficients.energy(other.toggles).sum(axis=1), truth),
        cycles=_find_errors(np.where(other_active, busy * other.cycles, 0.0), truth),
        constant=_find_errors(constant * other.cycles, truth),
    )
