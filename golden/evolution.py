# SPDX-License-Identifier: Apache-2.0
"""Differential evolution of u, F = 1/2: DE/rand/1 and DE/best/1 (contract, sections 9.0 and 9.1).

A method's state holds, for each row still searched, the generation to be evaluated next (``trial``) and
what else the method remembers; every field's first axis is the row.
"""

from typing import NamedTuple, Self

import numpy as np

from nms.contract.config import POPULATION, Config
from nms.golden.fixed import Ints
from nms.golden.log_beta import ends, limited
from nms.golden.prng import row_draw

COLLAPSED = 64
"""A population that spans less than this, raw, starts again."""

WORST = np.iinfo(np.int64).max


def draws(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(a draw for each individual (R, 32), states afterwards) of rows in ``states`` (R,) uint64."""
    drawn = np.empty((len(states), POPULATION), np.uint64)
    for k in range(POPULATION):
        states = row_draw(states)
        drawn[:, k] = states
    return drawn, states


def scattered(config: Config, drawn: np.ndarray) -> Ints:
    """Individuals spread uniformly over the range, one from each draw."""
    low, high = ends(config)
    g = config.profile.log_beta.fraction
    return low + (drawn >> np.uint64(64 - g)).astype(np.int64) * ((high - low) >> g)


def fields(drawn: np.ndarray) -> list[Ints]:
    """Bits 63..48, 47..32 and 31..16 of each draw."""
    return [(drawn >> np.uint64(place)).astype(np.int64) & 0xFFFF for place in (48, 32, 16)]


def other(field: Ints, *taken: Ints) -> Ints:
    """One individual from each 16-bit ``field``, none of those ``taken``, which are all different."""
    chosen = (field * (POPULATION - len(taken))) >> 16
    for used in np.sort(np.broadcast_arrays(*taken), axis=0):
        chosen = chosen + (chosen >= used)
    return chosen


def donors(drawn: np.ndarray, k: Ints) -> tuple[Ints, Ints, Ints]:
    """(a, b, c): three individuals, all different and none of them k, from one draw each."""
    high, middle, low = fields(drawn)
    a = other(high, k)
    b = other(middle, k, a)
    return a, b, other(low, k, a, b)


class Rand1(NamedTuple):
    """DE/rand/1: the individual that is varied is any other one."""

    trial: Ints  # (R, 32)
    u: Ints  # the population, (R, 32)
    fitness: Ints  # of the population, (R, 32); WORST where the trial takes the place in any case
    states: np.ndarray  # of the random numbers, (R,)

    @classmethod
    def start(cls, config: Config, states: np.ndarray) -> Self:
        """Generation 0 of rows whose random numbers start at ``states`` (R,) uint64."""
        drawn, states = draws(states)
        u = scattered(config, drawn)
        return cls(u, u, np.full_like(u, WORST), states)

    def step(self, config: Config, target: int, perplexity: Ints) -> Self:
        """Replace what is no better than its trial, whose ``perplexity`` (R, 32) is given; new trials."""
        error = np.abs(perplexity - target)
        replace = error <= self.fitness
        u, fitness = np.where(replace, self.trial, self.u), np.where(replace, error, self.fitness)
        drawn, states = draws(self.states)
        return self._replace(u=u, fitness=fitness, states=states)._vary(config, drawn)

    def _vary(self, config: Config, drawn: np.ndarray) -> Self:
        a, b, c = (np.take_along_axis(self.u, i, axis=1) for i in donors(drawn, np.arange(POPULATION)))
        return self._replace(trial=limited(config, a + ((b - c) >> 1)))


class Best1(Rand1):
    """DE/best/1: the best individual is varied; a population that has collapsed is scattered again."""

    def _vary(self, config: Config, drawn: np.ndarray) -> Self:
        k = np.arange(POPULATION)
        _, middle, low = fields(drawn)
        second = other(middle, k)
        b, c = (np.take_along_axis(self.u, i, axis=1) for i in (second, other(low, k, second)))
        best = np.take_along_axis(self.u, self.fitness.argmin(axis=1)[:, None], axis=1)
        collapsed = (np.ptp(self.u, axis=1) < COLLAPSED)[:, None]
        return self._replace(
            trial=np.where(collapsed, scattered(config, drawn), limited(config, best + ((b - c) >> 1))),
            fitness=np.where(collapsed, WORST, self.fitness),
        )
