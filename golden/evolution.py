# SPDX-License-Identifier: Apache-2.0
"""Differential evolution (DE) of u with F = 1/2: DE/rand/1 and DE/best/1 (contract, sections 9.0 and 9.1).

The state of a method holds the generation to evaluate next (``trial``) and what else the method remembers,
for each row still being searched; the first axis of every field is the row.
"""

from typing import NamedTuple, Self

import numpy as np

from nms.contract.config import POPULATION, Config
from nms.golden.fixed import Ints
from nms.golden.log_beta import ends, limit
from nms.golden.prng import draw_row

COLLAPSE = 64
"""A population that spans less than this, raw, is scattered again."""

WORST = np.iinfo(np.int64).max


def draw_generation(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw for each individual of rows in ``states`` (R,) uint64: draws (R, 32), states afterwards (R,)."""
    drawn = np.empty((len(states), POPULATION), np.uint64)
    for k in range(POPULATION):
        states = draw_row(states)
        drawn[:, k] = states
    return drawn, states


def scatter(config: Config, drawn: np.ndarray) -> Ints:
    """Turn each draw into an individual, uniform over the range."""
    low, high = ends(config)
    g = config.profile.log_beta.fraction
    return low + (drawn >> np.uint64(64 - g)).astype(np.int64) * ((high - low) >> g)


def split_fields(drawn: np.ndarray) -> list[Ints]:
    """Split each draw into its bits 63..48, 47..32 and 31..16."""
    return [(drawn >> np.uint64(place)).astype(np.int64) & 0xFFFF for place in (48, 32, 16)]


def pick_other(field: Ints, *taken: Ints) -> Ints:
    """Pick an individual by each 16-bit ``field``, none of those ``taken``, which all differ."""
    picked = (field * (POPULATION - len(taken))) >> 16
    for used in np.sort(np.broadcast_arrays(*taken), axis=0):
        picked = picked + (picked >= used)
    return picked


def pick_donors(drawn: np.ndarray, k: Ints) -> tuple[Ints, Ints, Ints]:
    """Pick (a, b, c) by one draw each: three individuals, all different and none of them k."""
    high, middle, low = split_fields(drawn)
    a = pick_other(high, k)
    b = pick_other(middle, k, a)
    return a, b, pick_other(low, k, a, b)


class Rand1(NamedTuple):
    """State of DE/rand/1, which varies a random individual."""

    trial: Ints  # (R, 32)
    u: Ints  # the population, (R, 32)
    fitness: Ints  # of the population, (R, 32); WORST where the trial replaces it in any case
    states: np.ndarray  # of the random numbers, (R,)

    @classmethod
    def start(cls, config: Config, states: np.ndarray) -> Self:
        """Generation 0 for rows whose random numbers start at ``states`` (R,) uint64."""
        drawn, states = draw_generation(states)
        u = scatter(config, drawn)
        return cls(u, u, np.full_like(u, WORST), states)

    def step(self, config: Config, target: int, perplexity: Ints) -> Self:
        """The next generation, from the ``perplexity`` (R, 32) of this one."""
        error = np.abs(perplexity - target)
        replace = error <= self.fitness
        u, fitness = np.where(replace, self.trial, self.u), np.where(replace, error, self.fitness)
        drawn, states = draw_generation(self.states)
        return self._replace(u=u, fitness=fitness, states=states)._vary(config, drawn)

    def _vary(self, config: Config, drawn: np.ndarray) -> Self:
        a, b, c = (np.take_along_axis(self.u, i, axis=1) for i in pick_donors(drawn, np.arange(POPULATION)))
        return self._replace(trial=limit(config, a + ((b - c) >> 1)))


class Best1(Rand1):
    """State of DE/best/1, which varies the best individual and scatters a collapsed population again."""

    def _vary(self, config: Config, drawn: np.ndarray) -> Self:
        k = np.arange(POPULATION)
        _, middle, low = split_fields(drawn)
        second = pick_other(middle, k)
        b, c = (np.take_along_axis(self.u, i, axis=1) for i in (second, pick_other(low, k, second)))
        best = np.take_along_axis(self.u, self.fitness.argmin(axis=1)[:, None], axis=1)
        collapsed = (np.ptp(self.u, axis=1) < COLLAPSE)[:, None]
        return self._replace(
            trial=np.where(collapsed, scatter(config, drawn), limit(config, best + ((b - c) >> 1))),
            fitness=np.where(collapsed, WORST, self.fitness),
        )
