# SPDX-License-Identifier: Apache-2.0
"""Search of each row's beta by differential evolution, DE/rand/1 (contract, section 9)."""

from typing import NamedTuple

import numpy as np

from golden.cordic import rotate
from golden.fitness import fitness
from golden.fixed import Ints, check, half_up, integers
from golden.pe import sums
from golden.pea import normalised, rows
from golden.prng import row_draw
from nms.spec.config import GENERATION_CAP, POPULATION, Config
from nms.spec.derived import LOG_BETA_LOW, Derived
from nms.spec.tables import Status

BLOCK = 1 << 15
"""Weights (rows x individuals x distances) evaluated at a time, so that scratch arrays stay in the cache."""


class Result(NamedTuple):
    """How each row ended, (N,) each: the best individual, its fitness unit's results, and the search's."""

    mantissa: Ints  # M in F.mantissa, 0 without a search
    exponent: Ints  # q, 0 without a search
    perplexity: Ints  # F.perplexity
    generations: Ints  # evaluated, generation 0 counts
    status: Ints  # Status
    reciprocal: Ints  # y in F.reciprocal
    shift: Ints  # e; 1/S = y * 2^-e


class Evaluation(NamedTuple):
    """What is known of individuals, one array element each."""

    mantissa: Ints
    exponent: Ints
    perplexity: Ints
    reciprocal: Ints
    shift: Ints


def beta(config: Config, u: Ints) -> tuple[Ints, Ints]:
    """(M, q) of u = log2(beta2 * 2^L), raw in F.log_beta: beta2 * 2^L = M * 2^q."""
    profile = config.profile
    g, fine, fb = profile.log_beta.fraction, profile.cordic.fraction, profile.mantissa.fraction
    x, y = rotate((u & ((1 << g) - 1)) << (fine - g), profile.post_last, fine)
    return np.clip(half_up(x - y, fine - fb), 1 << fb, (2 << fb) - 1), u >> g


def evaluate(config: Config, u: Ints, dn: Ints) -> Evaluation:
    """Individuals ``u`` (R, P) on the normalised distances ``dn`` (R, N-1) of their rows."""
    mantissa, q = beta(config, u)
    s, t = np.empty_like(u), np.empty_like(u)
    count = max(1, BLOCK // (u.shape[1] * dn.shape[1]))
    for begin in range(0, len(u), count):
        some = slice(begin, begin + count)
        s[some], t[some] = sums(config, mantissa[some, :, None], q[some, :, None], dn[some, None, :])
    return Evaluation(mantissa, q, *fitness(config, s, t))


def initial(config: Config, states: np.ndarray) -> tuple[Ints, np.ndarray]:
    """(u of generation 0 (R, 32), states after its draws) of rows in ``states`` (R,) uint64."""
    g = config.profile.log_beta.fraction
    u = np.empty((len(states), POPULATION), np.int64)
    for k in range(POPULATION):
        states = row_draw(states)
        r = (states >> np.uint64(64 - g)).astype(np.int64)
        u[:, k] = (LOG_BETA_LOW << g) + r * Derived(config).octaves
    return u, states


def donors(draw: np.ndarray, k: int) -> tuple[Ints, Ints, Ints]:
    """(a, b, c): three individuals, all different and none of them k, from one draw each, (R,)."""
    high, middle, low = ((draw >> np.uint64(place)).astype(np.int64) & 0xFFFF for place in (48, 32, 16))
    a = (high * (POPULATION - 1)) >> 16
    a += a >= k
    b = (middle * (POPULATION - 2)) >> 16
    for taken in np.sort([np.full_like(a, k), a], axis=0):
        b += b >= taken
    c = (low * (POPULATION - 3)) >> 16
    for taken in np.sort([np.full_like(a, k), a, b], axis=0):
        c += c >= taken
    return a, b, c


def mutants(config: Config, u: Ints, states: np.ndarray) -> tuple[Ints, np.ndarray]:
    """(trials (R, 32), states after 32 draws): ``u_a + floor((u_b - u_c) / 2)``, limited to the range."""
    g = config.profile.log_beta.fraction
    row = np.arange(len(u))
    trials = np.empty_like(u)
    for k in range(POPULATION):
        states = row_draw(states)
        a, b, c = donors(states, k)
        trials[:, k] = u[row, a] + ((u[row, b] - u[row, c]) >> 1)
    low, high = LOG_BETA_LOW << g, (Derived(config).log_beta_high << g) - 1
    return check(np.clip(trials, low, high), config.profile.log_beta, "u"), states


def without_solution(config: Config, target: int, ties: Ints) -> Ints:
    """Status of each row where its ties decide (INFEASIBLE, SATURATED), SOLVED elsewhere (to be searched)."""
    least = ties << config.profile.perplexity.fraction
    return np.select(
        [least > target, least == target], [Status.INFEASIBLE, Status.SATURATED], Status.SOLVED
    ).astype(np.int64)


def search(config: Config, target: int, distance: object, states: np.ndarray) -> Result:
    """Find beta of every row, so that ``|Perp - target|`` is below the profile's stop.

    Parameters
    ----------
    target : perplexity, raw in F.perplexity
    distance : (N, N) squared distances
    states : (N,) uint64 start states of the rows' random numbers

    Only the rows still searched are evaluated; no row's result depends on another's.
    """
    profile = config.profile
    distance = integers(distance)
    _, _, ties = rows(config, distance)
    dn = normalised(config, distance)
    status = without_solution(config, target, ties)
    count = len(distance)
    result = Result(*(np.zeros(count, np.int64) for _ in Result._fields))
    result.status[:] = status

    rest = status != Status.SOLVED
    settled = fitness(config, ties[rest] << profile.weight.fraction, np.zeros(rest.sum(), np.int64))
    result.perplexity[rest], result.reciprocal[rest], result.shift[rest] = settled

    active = np.flatnonzero(~rest)
    dn, states = dn[active], np.asarray(states, np.uint64)[active]
    lowest = np.full(len(active), np.iinfo(np.int64).max)
    population = fit = np.empty((0, POPULATION), np.int64)
    for generation in range(1, GENERATION_CAP + 1):
        if not len(active):
            break
        trial, states = initial(config, states) if generation == 1 else mutants(config, population, states)
        evaluated = evaluate(config, trial, dn)
        error = np.abs(evaluated.perplexity - target)

        row, first = np.arange(len(active)), error.argmin(axis=1)
        better = error[row, first] < lowest
        lowest = np.where(better, error[row, first], lowest)
        for name, values in evaluated._asdict().items():
            getattr(result, name)[active[better]] = values[row, first][better]
        result.generations[active] = generation

        if generation == 1:
            population, fit = trial, error
        else:
            replace = error <= fit
            population, fit = np.where(replace, trial, population), np.where(replace, error, fit)

        searching = lowest >= profile.stop
        active, dn, states, lowest = (v[searching] for v in (active, dn, states, lowest))
        population, fit = population[searching], fit[searching]
    result.status[active] = Status.UNCONVERGED
    return result
