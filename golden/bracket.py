# SPDX-License-Identifier: Apache-2.0
"""Searches that narrow a bracket of u: 33-section and secant window (contract, sections 9.2 and 9.3).

The perplexity falls as u grows, so that the solution lies between two neighbouring points of a generation:
the last one at or above the target and the first one below it. States are as in :mod:`nms.golden.evolution`.
"""

from typing import NamedTuple, Self

import numpy as np

from nms.contract.config import POPULATION, Config
from nms.contract.derived import LOG_BETA_LOW
from nms.golden.fixed import Ints, bit_length
from nms.golden.log_beta import ends, limit

UNKNOWN = -1
"""The perplexity at an end of the bracket at which no point was evaluated yet."""

RATIO = 24
"""Fraction bits of the secant's relative position in the bracket."""


class Bracket(NamedTuple):
    """The bracket [a, b] and the perplexities at its ends, above >= target > below; (R,) each, raw."""

    a: Ints
    b: Ints
    above: Ints
    below: Ints

    @classmethod
    def whole(cls, config: Config, rows: int) -> Self:
        """The whole range of u, for ``rows`` rows."""
        low, high = ends(config)
        return cls(*(np.full(rows, value) for value in (low, high, UNKNOWN, UNKNOWN)))

    def narrow(self, target: int, u: Ints, perplexity: Ints) -> tuple[Self, Ints]:
        """Narrow the bracket by the ``perplexity`` of the points ``u``, (R, 32) each.

        Returns the new bracket and the number of leading points at or above the target, (R,).
        """
        leading = np.logical_and.accumulate(perplexity >= target, axis=1).sum(axis=1)
        last, first = np.maximum(leading - 1, 0), np.minimum(leading, POPULATION - 1)
        row = np.arange(len(u))
        left, right = leading > 0, leading < POPULATION
        a, above = np.where(left, (u[row, last], perplexity[row, last]), (self.a, self.above))
        b, below = np.where(right, (u[row, first], perplexity[row, first]), (self.b, self.below))
        return type(self)(a, b, above, below), leading

    def section(self, config: Config) -> Ints:
        """32 points that divide the bracket into 33 parts: (R, 32); 1986/65536 is 1/33."""
        h = np.maximum(1, ((self.b - self.a) * 1986) >> 16)
        return limit(config, self.a[:, None] + np.arange(1, POPULATION + 1) * h[:, None])

    def window(self, config: Config, target: int) -> Ints:
        """32 points around the secant's zero: (R, 32); both perplexities must be known."""
        g = config.profile.log_beta.fraction
        width = self.b - self.a
        rho = divide(self.above - target, self.above - self.below)
        high, low = width >> RATIO, width & ((1 << RATIO) - 1)  # the product itself has more than 64 bits
        centre = self.a + high * rho + ((low * rho) >> RATIO)
        length = bit_length(np.maximum(width, 0))
        x = np.maximum(0, np.minimum(2 * length - g - 7, length - 5))
        steps = (2 * np.arange(POPULATION) - (POPULATION - 1)) << x[:, None]
        return limit(config, centre[:, None] + (steps >> 1))


def divide(numerator: Ints, denominator: Ints) -> Ints:
    """Divide bit by bit: ``floor(numerator * 2^24 / denominator)``, 0 <= numerator < denominator."""
    result = np.zeros_like(numerator)
    for _ in range(RATIO):
        numerator = numerator << 1
        fits = numerator >= denominator
        numerator = numerator - fits * denominator
        result = (result << 1) + fits
    return result


class Section(NamedTuple):
    """State of the 33-section."""

    trial: Ints  # (R, 32)
    a: Ints
    b: Ints

    @classmethod
    def start(cls, config: Config, states: np.ndarray) -> Self:
        """Generation 0 for as many rows as ``states``, whose random numbers are not used."""
        return cls._divide(config, Bracket.whole(config, len(states)))

    def step(self, config: Config, target: int, perplexity: Ints) -> Self:
        """The next generation, from the ``perplexity`` (R, 32) of this one."""
        unknown = np.full_like(self.a, UNKNOWN)
        bracket, _ = Bracket(self.a, self.b, unknown, unknown).narrow(target, self.trial, perplexity)
        return self._divide(config, bracket)

    @classmethod
    def _divide(cls, config: Config, bracket: Bracket) -> Self:
        return cls(bracket.section(config), bracket.a, bracket.b)


class Window(NamedTuple):
    """State of the window search: half octaves, then windows around the secant; after a miss, a section."""

    trial: Ints  # (R, 32)
    a: Ints
    b: Ints
    above: Ints
    below: Ints
    windowed: np.ndarray  # whether ``trial`` is a window, bool (R,)

    @classmethod
    def start(cls, config: Config, states: np.ndarray) -> Self:
        """Generation 0 for as many rows as ``states``, whose random numbers are not used."""
        rows = len(states)
        trial = np.tile(octaves(config), (rows, 1))
        return cls(trial, *Bracket.whole(config, rows), np.zeros(rows, bool))

    def step(self, config: Config, target: int, perplexity: Ints) -> Self:
        """The next generation, from the ``perplexity`` (R, 32) of this one."""
        bracket = Bracket(self.a, self.b, self.above, self.below)
        bracket, leading = bracket.narrow(target, self.trial, perplexity)
        missed = self.windowed & ((leading == 0) | (leading == POPULATION))
        windowed = (bracket.above != UNKNOWN) & (bracket.below != UNKNOWN) & ~missed
        trial = bracket.section(config)
        known = Bracket(*(values[windowed] for values in bracket))
        trial[windowed] = known.window(config, target)
        return type(self)(trial, *bracket, windowed)


def octaves(config: Config) -> Ints:
    """Generation 0 of the window search, (32,): half octaves where real rows have their solution."""
    g = config.profile.log_beta.fraction
    low = [(LOG_BETA_LOW + 2 * k) << g for k in range(4)]
    middle = [((k - 4) << g) >> 1 for k in range(4, 28)]
    rest = (config.derived.log_beta_high - 12) << g
    high = [(12 << g) + (((k - 28) * rest) >> 2) for k in range(28, 32)]
    return np.array(low + middle + high, np.int64)
