# SPDX-License-Identifier: Apache-2.0
"""The embedding unit (TE): gradient iterations with the stable schedule (contract, section 11)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nms.contract.config import Config
from nms.contract.formats import Profile
from nms.golden.fixed import Ints, bit_length, check, half_up, integers, product_half_up, saturate, scale
from nms.golden.newton import reciprocal

PAIRS = 1 << 16
"""Pairs (i, j) computed at a time."""


@dataclass(frozen=True)
class Phase:
    """Constants of a part of the schedule: shift X of attraction, momentum in 16ths, shift c of the step."""

    attraction: int
    momentum: int
    step: int


EARLY = Phase(attraction=1, momentum=8, step=0)
LATE = Phase(attraction=0, momentum=13, step=1)


def _inverse(profile: Profile, value: Ints, fraction: Ints) -> Ints:
    """1/m in F.kernel_reciprocal of m = value / 2^fraction, where ``fraction`` is bitlen(value) - 1."""
    bits = profile.kernel_reciprocal.fraction
    return reciprocal(scale(value, bits - fraction), bits, bits, profile.kernel_seed, profile.kernel_steps)


def _scale(affinity: Ints, fraction: int) -> Ints:
    """sigma_i: the smallest integer >= 0 with R_i <= 2^(fraction + sigma_i), R_i = sum_j P'_ij."""
    return np.maximum(bit_length(np.maximum(affinity.sum(axis=1) - 1, 0)) - fraction, 0)


def kernel(config: Config, dx: Ints, dy: Ints) -> Ints:
    """Compute w = 1/(1 + dx^2 + dy^2) in F.kernel, of differences in F.position."""
    profile = config.profile
    b = profile.position.fraction
    a = (1 << b) + half_up(dx * dx + dy * dy, b)
    fraction = bit_length(a) - 1
    y = _inverse(profile, a, fraction)
    return half_up(y, fraction - b + profile.kernel_reciprocal.fraction - profile.kernel.fraction)


def forces(config: Config, affinity: Ints, points: Ints) -> tuple[Ints, Ints, int]:
    """Compute attraction (N, 2), repulsion before N/Z (N, 2) and Z, in ``force`` and ``normaliser``."""
    profile, derived = config.profile, config.derived
    fp, fk = profile.affinity.fraction, profile.kernel.fraction
    count = len(points)
    attraction, repulsion = np.empty_like(points), np.empty_like(points)
    z = 0
    rows = max(1, PAIRS // count)
    for begin in range(0, count, rows):
        some = np.arange(begin, min(begin + rows, count))
        difference = points[some, None, :] - points[None, :, :]
        dx, dy = np.ascontiguousarray(difference[..., 0]), np.ascontiguousarray(difference[..., 1])
        w = check(kernel(config, dx, dy), profile.kernel, "w")
        w[np.arange(len(some)), some] = 0
        z += int(w.sum())
        pull = half_up(affinity[some] * w, fk)
        push = half_up(w * w, fk)
        for axis, d in enumerate((dx, dy)):
            attraction[some, axis] = half_up((pull * d).sum(axis=1), fp)
            repulsion[some, axis] = half_up((push * d).sum(axis=1), fk)
    check(np.array(z), derived.normaliser, "Z")
    return (
        check(attraction, derived.force, "attraction"),
        check(repulsion, derived.force, "repulsion"),
        z,
    )


def gradient(config: Config, affinity: Ints, points: Ints, phase: Phase) -> Ints:
    """Compute g = (attraction << X) - N/Z * repulsion: (N, 2) in ``force``."""
    profile = config.profile
    attraction, repulsion, z = forces(config, affinity, points)
    total = np.array(z)
    bz = bit_length(total) - 1
    yz = _inverse(profile, total, bz)
    shift = profile.kernel_reciprocal.fraction + bz - profile.kernel.fraction
    repulsion = product_half_up(repulsion * len(points), yz, shift)
    force = config.derived.force
    check(repulsion, force, "N/Z repulsion")
    return check((attraction << phase.attraction) - repulsion, force, "gradient")


def iterate(config: Config, affinity: Ints, points: Ints, velocity: Ints, phase: Phase) -> tuple[Ints, Ints]:
    """Do one iteration: the next points and velocity, (N, 2) in F.position and F.velocity, saturating."""
    profile = config.profile
    sigma = _scale(affinity, profile.affinity.fraction)[:, None]
    step = half_up(gradient(config, affinity, points, phase) << phase.step, sigma)
    velocity = saturate(half_up(phase.momentum * velocity, 4) - step, profile.velocity)
    return saturate(points + velocity, profile.position), velocity


def embed(
    config: Config,
    affinity: object,
    y0: object,
    iterations: int,
    exaggerated: int,
    on_iteration: Callable[[Ints], None] | None = None,
) -> Ints:
    """Embed the points: Y after ``iterations``, (N, 2), raw in F.position; the first are exaggerated.

    Parameters
    ----------
    affinity : raw P' in F.affinity, (N, N), zero diagonal
    y0 : raw start in F.position, (N, 2)
    exaggerated : number of exaggerated iterations
    on_iteration : called with Y after each iteration
    """
    affinity = integers(affinity)
    points = integers(y0)
    check(affinity.sum(axis=1), config.derived.row_sum, "R")
    velocity = np.zeros_like(points)
    for iteration in range(iterations):
        phase = EARLY if iteration < exaggerated else LATE
        points, velocity = iterate(config, affinity, points, velocity, phase)
        if on_iteration:
            on_iteration(points)
    return points
