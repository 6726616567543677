# SPDX-License-Identifier: Apache-2.0
"""Searches that close a bracket on u: 33-section and secant window (contract, sections 9.2 and 9.3).

The perplexity falls with u, so that the solution lies between the last point of a generation that is not
below the target and the first that is. States as in :mod:`nms.golden.evolution`.
"""

from typing import NamedTuple, Self

import numpy as np

from nms.contract.config import POPULATION, Config
from nms.contract.derived import LOG_BETA_LOW
from nms.golden.fixed import Ints, bit_length
from nms.golden.log_beta import ends, limited

UNKNOWN = -1
"""For a perplexity at an end of the bracket that no point has been evaluated at."""

RATIO = 24
"""Fraction bits of the secant's place in the bracket."""


class Bracket(NamedTuple):
    """[a, b] and the perplexities at its ends, above >= target > below; (R,) each, raw."""

    a: Ints
    b: Ints
    above: Ints
    below: Ints

    @classmethod
    def whole(cls, config: Config, rows: int) -> Self:
        """The whole range."""
        low, high = ends(config)
        return cls(*(np.full(rows, value) for value in (low, high, UNKNOWN, UNKNOWN)))

    def closed(self, target: int, u: Ints, perplexity: Ints) -> tuple[Self, Ints]:
        """(the bracket after points ``u`` (R, 32), number of leading points not below the target)."""
        leading = np.logical_and.accumulate(perplexity >= target, axis=1).sum(axis=1)
        last, first = np.maximum(leading - 1, 0), np.minimum(leading, POPULATION - 1)
        row = np.arange(len(u))
        left, right = leading > 0, leading < POPULATION
        a, above = np.where(left, (u[row, last], perplexity[row, last]), (self.a, self.above))
        b, below = np.where(right, (u[row, first], perplexity[row, first]), (self.b, self.below))
        return type(self)(a, b, above, below), leading

    def section(self, config: Config) -> Ints:
        """32 points that divide the bracket into 33 parts, (R, 32); 1986/65536 is 1/33."""
        h = np.maximum(1, ((self.b - self.a) * 1986) >> 16)
        return limited(config, self.a[:, None] + np.arange(1, POPULATION + 1) * h[:, None])

    def window(self, config: Config, target: int) -> Ints:
        """32 points about the secant's zero, (R, 32), where both perplexities are known."""
        g = config.profile.log_beta.fraction
        width = self.b - self.a
        rho = quotient(self.above - target, self.above - self.below)
        high, low = width >> RATIO, width & ((1 << RATIO) - 1)  # the whole product has more than 64 bits
        centre = self.a + high * rho + ((low * rho) >> RATIO)
        length = bit_length(np.maximum(width, 0))
        x = np.maximum(0, np.minimum(2 * length - g - 7, length - 5))
        steps = (2 * np.arange(POPULATION) - (POPULATION - 1)) << x[:, None]
        return limited(config, centre[:, None] + (steps >> 1))


def quotient(numerator: Ints, denominator: Ints) -> Ints:
    """``floor(numerator * 2^24 / denominator)`` for 0 <= numerator < denominator, bit by bit."""
    result = np.zeros_like(numerator)
    for _ in range(RATIO):
        numerator = numerator << 1
        fits = numerator >= denominator
        numerator = numerator - fits * denominator
        result = (result << 1) + fits
    return result


class Section(NamedTuple):
    """33-section of the bracket."""

    trial: Ints  # (R, 32)
    a: Ints
    b: Ints

    @classmethod
    def start(cls, config: Config, states: np.ndarray) -> Self:
        """Generation 0 of as many rows as ``states``, which are not drawn from."""
        return cls._dividing(config, Bracket.whole(config, len(states)))

    def step(self, config: Config, target: int, perplexity: Ints) -> Self:
        """The next generation, after the ``perplexity`` (R, 32) of this one."""
        unknown = np.full_like(self.a, UNKNOWN)
        bracket, _ = Bracket(self.a, self.b, unknown, unknown).closed(target, self.trial, perplexity)
        return self._dividing(config, bracket)

    @classmethod
    def _dividing(cls, config: Config, bracket: Bracket) -> Self:
        return cls(bracket.section(config), bracket.a, bracket.b)


class Window(NamedTuple):
    """Half octaves, then windows about the secant; a section after a window that missed."""

    trial: Ints  # (R, 32)
    a: Ints
    b: Ints
    above: Ints
    below: Ints
    windowed: np.ndarray  # whether ``trial`` is a window, bool (R,)

    @classmethod
    def start(cls, config: Config, states: np.ndarray) -> Self:
        """Generation 0 of as many rows as ``states``, which are not drawn from."""
        rows = len(states)
        trial = np.tile(octaves(config), (rows, 1))
        return cls(trial, *Bracket.whole(config, rows), np.zeros(rows, bool))

    def step(self, config: Config, target: int, perplexity: Ints) -> Self:
        """The next generation, after the ``perplexity`` (R, 32) of this one."""
        bracket = Bracket(self.a, self.b, self.above, self.below)
        bracket, leading = bracket.closed(target, self.trial, perplexity)
        missed = self.windowed & ((leading == 0) | (leading == POPULATION))
        windowed = (bracket.above != UNKNOWN) & (bracket.below != UNKNOWN) & ~missed
        trial = bracket.section(config)
        known = Bracket(*(values[windowed] for values in bracket))
        trial[windowed] = known.window(config, target)
        return type(self)(trial, *bracket, windowed)


def octaves(config: Config) -> Ints:
    """Generation 0 of ``window``, (32,): half octaves where real rows have their solution."""
    g = config.profile.log_beta.fraction
    low = [(LOG_BETA_LOW + 2 * k) << g for k in range(4)]
    middle = [((k - 4) << g) >> 1 for k in range(4, 28)]
    rest = (config.derived.log_beta_high - 12) << g
    high = [(12 << g) + (((k - 28) * rest) >> 2) for k in range(28, 32)]
    return np.array(low + middle + high, np.int64)
