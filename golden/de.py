# SPDX-License-Identifier: Apache-2.0
"""Search for the beta of each row by one of four methods (contract, section 9).

Named after the hardware's block, whose first method is differential evolution (DE).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nms.contract.config import GENERATION_CAP, Config
from nms.contract.settings import Search
from nms.contract.tables import Status
from nms.golden.bracket import Section, Window
from nms.golden.evolution import Best1, Rand1
from nms.golden.fitness import fitness
from nms.golden.fixed import Ints, integers
from nms.golden.log_beta import beta
from nms.golden.pe import sums
from nms.golden.pea import normalise, summarise_rows

BLOCK = 1 << 15
"""Weights (rows x individuals x distances) evaluated at a time, so that temporaries stay in the cache."""


METHODS: dict[Search, type[Rand1 | Section | Window]] = {
    Search.DE_RAND1: Rand1,
    Search.DE_BEST1: Best1,
    Search.SECTION: Section,
    Search.WINDOW: Window,
}


class Result(NamedTuple):
    """The outcome of each row, (N,) each: best individual, its fitness, how the search ended."""

    mantissa: Ints  # M in F.mantissa, 0 without a search
    exponent: Ints  # q, 0 without a search
    perplexity: Ints  # F.perplexity
    generations: Ints  # number evaluated, generation 0 included
    status: Ints  # Status
    reciprocal: Ints  # y in F.reciprocal
    shift: Ints  # e; 1/S = y * 2^-e


class Evaluation(NamedTuple):
    """What the fitness unit says about individuals, one array element each."""

    mantissa: Ints
    exponent: Ints
    perplexity: Ints
    reciprocal: Ints
    shift: Ints


def evaluate(config: Config, u: Ints, dn: Ints) -> Evaluation:
    """Evaluate individuals ``u`` (R, P) on the normalised distances ``dn`` (R, N-1) of their rows."""
    mantissa, q = beta(config, u)
    s, t = np.empty_like(u), np.empty_like(u)
    count = max(1, BLOCK // (u.shape[1] * dn.shape[1]))
    for begin in range(0, len(u), count):
        some = slice(begin, begin + count)
        s[some], t[some] = sums(config, mantissa[some, :, None], q[some, :, None], dn[some, None, :])
    return Evaluation(mantissa, q, *fitness(config, s, t))


def classify_rows(config: Config, target: int, ties: Ints) -> Ints:
    """Status of the rows that their ties decide, INFEASIBLE or SATURATED; SOLVED for those to be searched."""
    least = ties << config.profile.perplexity.fraction
    return np.select(
        [least > target, least == target], [Status.INFEASIBLE, Status.SATURATED], Status.SOLVED
    ).astype(np.int64)


def search(
    config: Config,
    target: int,
    distance: object,
    states: np.ndarray,
    search: int = Search.DE_RAND1,
    on_generation: Callable[[Ints, Ints], None] | None = None,
) -> Result:
    """Find the beta of every row at which ``|Perp - target|`` is below the profile's stop.

    Only the rows still being searched are evaluated; no row's result depends on another row.

    Parameters
    ----------
    target : perplexity, raw in F.perplexity
    distance : (N, N) squared distances
    states : (N,) uint64 start states of the rows' random numbers
    search : the method, a :class:`nms.contract.settings.Search`
    on_generation : called after each generation with the rows searched in it and their smallest
        ``|Perp - target|`` so far, raw in F.perplexity
    """
    profile = config.profile
    distance = integers(distance)
    _, _, ties = summarise_rows(config, distance)
    dn = normalise(config, distance)
    status = classify_rows(config, target, ties)
    count = len(distance)
    result = Result(*(np.zeros(count, np.int64) for _ in Result._fields))
    result.status[:] = status

    rest = status != Status.SOLVED
    settled = fitness(config, ties[rest] << profile.weight.fraction, np.zeros(rest.sum(), np.int64))
    result.perplexity[rest], result.reciprocal[rest], result.shift[rest] = settled

    active = np.flatnonzero(~rest)
    dn = dn[active]
    state = METHODS[Search(search)].start(config, np.asarray(states, np.uint64)[active])
    lowest = np.full(len(active), np.iinfo(np.int64).max)
    for generation in range(1, GENERATION_CAP + 1):
        if not len(active):
            break
        evaluated = evaluate(config, state.trial, dn)
        error = np.abs(evaluated.perplexity - target)

        row, first = np.arange(len(active)), error.argmin(axis=1)
        better = error[row, first] < lowest
        lowest = np.where(better, error[row, first], lowest)
        for name, values in evaluated._asdict().items():
            getattr(result, name)[active[better]] = values[row, first][better]
        result.generations[active] = generation
        if on_generation:
            on_generation(active, lowest)

        searching = lowest >= profile.stop
        active, dn, lowest, perplexity = (v[searching] for v in (active, dn, lowest, evaluated.perplexity))
        state = type(state)(*(v[searching] for v in state)).step(config, target, perplexity)
    result.status[active] = Status.UNCONVERGED
    return result
