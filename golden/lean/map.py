# SPDX-License-Identifier: Apache-2.0
"""The lean map: gradient iterations with 8-bit kernels and the normaliser before (contract, section 21)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nms.contract.config import LeanConfig
from nms.golden.fixed import Ints, bit_length, check, half_up, integers, saturate
from nms.golden.lean.tables import KERNEL

PAIRS = 1 << 14
"""Pairs computed at a time, so that temporaries stay in the cache."""


class Phase(NamedTuple):
    """Constants of a part of the schedule: shift X of attraction, momentum in 16ths, shift c of the step."""

    attraction: int
    momentum: int
    step: int


EARLY = Phase(attraction=1, momentum=8, step=0)
LATE = Phase(attraction=0, momentum=14, step=1)


class Normaliser(NamedTuple):
    """N/Z as ``mantissa * 2^-exponent``, (G,) each."""

    mantissa: Ints  # zm
    exponent: Ints  # ze


class State(NamedTuple):
    """A map between two iterations."""

    points: Ints  # Y in F.position, (G, N, 2)
    velocity: Ints  # V in F.velocity, (G, N, 2)
    half_sum: Ints  # Zh with the fraction bits of F.kernel, (G,)


def begin(config: LeanConfig, start: Ints) -> State:
    """The state before the first iteration, from Y (G, N, 2): as if all points lay in one place."""
    groups, count, _ = start.shape
    half_sum = np.full(groups, (count * (count - 1) // 2) << config.profile.kernel.fraction, np.int64)
    return State(start, np.zeros_like(start), half_sum)


def normalise(count: int, half_sum: Ints) -> Normaliser:
    """Compute N/Z = N 2^11 / Zh to 10 bits, limited below 16."""
    large = half_sum <= count << 7
    divisor = np.maximum(half_sum, 1)
    exponent = bit_length((divisor - 1) // (count << 2))
    mantissa = (np.int64(count) << (11 + exponent)) // divisor
    return Normaliser(np.where(large, 1023, mantissa), np.where(large, 6, exponent))


def kernel(dx: Ints, dy: Ints) -> tuple[Ints, Ints]:
    """Compute t and n with ``1/(1 + dx^2 + dy^2) = t 2^-(8+n)`` roughly, of differences in F.position."""
    ax, ay = np.abs(dx) >> 6, np.abs(dy) >> 6
    a = (1 << 12) + ax * ax + ay * ay
    n = bit_length(a) - 13
    return KERNEL[(a >> (n + 5)) & 127], n


def forces(
    config: LeanConfig, affinity: Ints, points: Ints, normaliser: Normaliser, phase: Phase
) -> tuple[Ints, Ints]:
    """Compute FX and FY (G, N, 2) with 16 fraction bits, and the half sum Zh (G,), pair by pair."""
    groups, count, _ = points.shape
    first, second = np.triu_indices(count, 1)
    force, half_sum = np.empty_like(points), np.empty(groups, np.int64)
    pair = np.zeros((max(1, PAIRS // len(first)), count, count), np.int64)
    for start in range(0, groups, len(pair)):
        some = slice(start, start + len(pair))
        zm, ze = normaliser.mantissa[some, None], normaliser.exponent[some, None]
        dx, dy = (points[some, first, axis] - points[some, second, axis] for axis in (0, 1))
        t, n = kernel(dx, dy)
        half_sum[some] = check((t << 4) >> n, config.profile.kernel, "w").sum(axis=1)
        c = (affinity[some, first, second] << phase.attraction) - half_up(t * zm, n + ze - 8)
        g = half_up(c * t, 8 + n)
        size = np.abs(g)
        e = np.maximum(bit_length(size) - 8, 0)
        gm = half_up(size, e)
        for axis, d in enumerate((dx, dy)):
            f = half_up((gm * d) << e, 12)
            block = pair[: len(f)]
            block[:, first, second] = np.where(g < 0, -f, f)
            force[some, :, axis] = block.sum(axis=2) - block.sum(axis=1)
    return force, half_sum


def iterate(config: LeanConfig, affinity: Ints, state: State, phase: Phase) -> State:
    """Do one iteration: the next points and velocity, saturating, and the half sum of this one."""
    profile = config.profile
    row_sum = affinity.sum(axis=2)
    sigma = np.maximum(bit_length(np.maximum(row_sum - 1, 0)) - profile.affinity.fraction, 0)
    normaliser = normalise(state.points.shape[1], state.half_sum)
    force, half_sum = forces(config, affinity, state.points, normaliser, phase)
    step = half_up(force << phase.step, sigma[..., None] + 4)
    velocity = saturate(half_up(phase.momentum * state.velocity, 4) - step, profile.velocity)
    return State(saturate(state.points + velocity, profile.position), velocity, half_sum)


def embed(
    config: LeanConfig,
    affinity: object,
    start: object,
    iterations: int,
    exaggerated: int,
    on_iteration: Callable[[Ints], None] | None = None,
) -> Ints:
    """Embed the points: Y after ``iterations``, (..., N, 2), raw in F.position; the first are exaggerated.

    Parameters
    ----------
    affinity : raw P' in F.affinity, (..., N, N), zero diagonal
    start : raw Y before the first iteration in F.position, (..., N, 2)
    exaggerated : number of exaggerated iterations
    on_iteration : called with Y after each iteration

    Raises
    ------
    OverflowError
        A signal leaves its format.
    """
    affinity, points = integers(affinity), integers(start)
    check(affinity, config.profile.affinity, "P'")
    check(points, config.profile.position, "Y")
    shape, count = points.shape, points.shape[-2]
    affinity = affinity.reshape(-1, count, count)
    state = begin(config, points.reshape(-1, count, 2))
    for iteration in range(iterations):
        state = iterate(config, affinity, state, EARLY if iteration < exaggerated else LATE)
        if on_iteration:
            on_iteration(state.points.reshape(shape))
    return state.points.reshape(shape)
