# SPDX-License-Identifier: Apache-2.0
"""The lean search for the beta of each row: secant steps on its entropy (contract, section 19)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nms.contract.config import LeanConfig
from nms.contract.tables import Status
from nms.golden.fixed import Ints, bit_length, check, half_up, integers, scale
from nms.golden.lean.tables import LOG, MANTISSA, WEIGHT

LOW = -2049
"""Lower end of the bracket of u, exclusive: 8 octaves below 1."""

HIGH = 4
"""Octaves above L of the upper end, exclusive."""

FIRST = 1024
"""The first u of the first row that is searched."""

STOP = 4
"""A row is solved when its entropy is this close to the target, in 256ths of a bit."""

STEP = 512
"""The longest step of u."""

CUTOFF = 640
"""From this z on, w = 0."""


@dataclass(frozen=True)
class Rows:
    """The outcome of each row, (..., N) each; what is reported at its best u."""

    minimum: Ints  # smallest distance to another image
    scale: Ints  # L
    ties: Ints  # points at the minimum
    mantissa: Ints  # M in F.mantissa, 0 without a search
    exponent: Ints  # q, 0 without a search
    entropy: Ints  # H in F.entropy
    evaluations: Ints  # number made
    status: Ints  # Status
    weights: Ints  # w in F.weight, (..., N, N-1), j ascending without i
    sums: Ints  # S, the sum of w


class _Outcome(NamedTuple):
    """How the search of a row ended in each group, (G,) each."""

    u: Ints
    entropy: Ints
    evaluations: Ints
    status: Ints


def entropy(config: LeanConfig, sums: Ints, products: Ints) -> Ints:
    """Compute H = log2 S + T/S in F.entropy, of S with 8 and T with 14 fraction bits."""
    e = bit_length(sums) - 1
    index = scale(sums, 7 - e) & 127
    h = ((e - 8) << 8) + LOG[index] + 4 * products // sums
    return check(h, config.profile.entropy, "H")


def weigh(config: LeanConfig, u: Ints, gap: Ints, bits: Ints) -> tuple[Ints, Ints]:
    """Compute z in F.exponent and w in F.weight at u (...) of the gaps d (..., N-1) of rows of scale L."""
    check(u, config.profile.log_beta, "u")
    q = u >> 8
    mantissa = MANTISSA[u & 255]
    z = np.minimum(half_up(mantissa[..., None] * gap, (2 + bits - q)[..., None]), config.profile.exponent.max)
    w = np.where(z >= CUTOFF, 0, half_up(WEIGHT[z & 63], z >> 6))
    return check(z, config.profile.exponent, "z"), check(w, config.profile.weight, "w")


def evaluate(config: LeanConfig, u: Ints, gap: Ints, bits: Ints) -> Ints:
    """Compute H in F.entropy at u (...), of the gaps d (..., N-1) of rows of scale L (...)."""
    z, w = weigh(config, u, gap, bits)
    return entropy(config, w.sum(axis=-1), (w * z).sum(axis=-1))


def _search_row(
    config: LeanConfig, gap: Ints, bits: Ints, start: Ints, target: int, evaluations: int
) -> _Outcome:
    """Search the same row of G groups: gaps (G, N-1), scale L (G,), first u (G,) before its limits."""
    low, high = np.full_like(bits, LOW), (bits + HIGH) << 8
    u = np.clip(start, low + 1, high - 1)
    last_u, last_h = u, np.zeros_like(u)
    best = _Outcome(u.copy(), np.zeros_like(u), np.zeros_like(u), np.full_like(u, Status.UNCONVERGED))
    least = np.full_like(u, config.profile.entropy.max + 1)
    active = np.arange(len(u))
    for made in range(1, evaluations + 1):
        h = evaluate(config, u, gap[active], bits[active])
        off = np.abs(h - target)
        better = off < least[active]
        for kept, value in ((best.u, u), (best.entropy, h), (least, off)):
            kept[active[better]] = value[better]
        best.evaluations[active] = made
        solved = off <= STOP
        best.status[active[solved]] = Status.SOLVED
        pending = ~solved
        if not pending.any():
            break
        active, u, h, off, low, high, last_u, last_h = (
            values[pending] for values in (active, u, h, off, low, high, last_u, last_h)
        )
        # At the first evaluation u - last_u = 0.
        run, fall = u - last_u, last_h - h
        secant = off * np.abs(run) // np.maximum(np.abs(fall), 1)
        step = np.clip(np.where(run * fall > 0, secant, off), 1, STEP)
        above = h > target
        low, high = np.where(above, np.maximum(low, u), low), np.where(above, high, np.minimum(high, u))
        last_u, last_h = u, h
        u = np.where(above, u + step, u - step)
        u = np.where((low < u) & (u < high), u, (low + high) >> 1)
    return best


def search(config: LeanConfig, distance: object, target: int, evaluations: int) -> Rows:
    """Search beta for every row, one after the other, of squared distances (..., N, N).

    Parameters
    ----------
    target : entropy, raw in F.entropy
    evaluations : of a row at most

    Raises
    ------
    OverflowError
        A signal leaves its format.
    """
    distance = integers(distance)
    count = distance.shape[-1]
    others = distance[..., ~np.eye(count, dtype=bool)].reshape(-1, count, count - 1)
    minimum = others.min(axis=-1)
    gap = others - minimum[..., None]
    bits = bit_length(gap.max(axis=-1))
    ties = (gap == 0).sum(axis=-1, dtype=np.int64)
    reached = entropy(config, ties << 8, np.zeros_like(ties))
    status = np.select(
        [reached > target, reached == target], [Status.INFEASIBLE, Status.SATURATED], Status.SOLVED
    ).astype(np.int64)
    searched = status == Status.SOLVED
    u, made = np.zeros_like(ties), np.zeros_like(ties)
    start = np.full(len(gap), FIRST)
    for row in range(count):
        some = np.flatnonzero(searched[:, row])
        result = _search_row(config, gap[some, row], bits[some, row], start[some], target, evaluations)
        start[some] = u[some, row] = result.u
        reached[some, row], made[some, row], status[some, row] = result[1:]
    weights = (gap == 0).astype(np.int64) << 8
    _, weights[searched] = weigh(config, u[searched], gap[searched], bits[searched])
    rows = Rows(
        minimum=minimum,
        scale=bits,
        ties=ties,
        mantissa=check(np.where(searched, MANTISSA[u & 255], 0), config.profile.mantissa, "M"),
        exponent=np.where(searched, u >> 8, 0),
        entropy=reached,
        evaluations=made,
        status=status,
        weights=weights,
        sums=weights.sum(axis=-1),
    )
    lead = distance.shape[:-2]
    return Rows(**{name: value.reshape(*lead, *value.shape[1:]) for name, value in vars(rows).items()})
