# SPDX-License-Identifier: Apache-2.0
"""Newton's reciprocal against exact rationals over its whole input range, within the derived bounds."""

from fractions import Fraction

import numpy as np
import pytest

from nms.contract.bounds import Bounds
from nms.contract.formats import PROFILES, Profile
from nms.golden import newton

UNITS = {(name, unit): profile for name, profile in PROFILES.items() for unit in ("search", "embedding")}


def parameters(profile: Profile, unit: str) -> tuple[int, int, int, int]:
    if unit == "search":
        return (profile.cordic.fraction, profile.reciprocal.fraction, profile.reciprocal_seed,
                profile.reciprocal_steps)  # fmt: skip
    bits = profile.kernel_reciprocal.fraction
    return bits, bits, profile.kernel_seed, profile.kernel_steps


def operands(a: int, seed: int, count: int) -> list[int]:
    """Random mantissas, and both ends of every cell of the seed table."""
    edges = [(1 << a) + (cell << (a - seed)) + d for cell in range((1 << seed) + 1) for d in (-1, 0, 1)]
    drawn = np.random.default_rng(5).integers(1 << a, 2 << a, count).tolist()
    return [m for m in edges + drawn if 1 << a <= m < 2 << a]


@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_error(name: str, unit: str) -> None:
    a, b, seed, steps = parameters(UNITS[name, unit], unit)
    values = operands(a, seed, 20000)
    results = newton.reciprocal(values, a, b, seed, steps).tolist()
    errors = np.array([float(y - Fraction(1 << (a + b), m)) for y, m in zip(results, values, strict=True)])
    errors *= 2.0**-b
    bound = Bounds.reciprocal(b, seed, steps)
    assert np.abs(errors).max() <= bound.max
    assert np.abs(errors).max() >= bound.max / 2
    assert np.sqrt(np.mean(errors**2)) <= 1.5 * bound.rms
    assert abs(errors.mean()) <= 1.5 * bound.rms


@pytest.mark.parametrize(("name", "unit"), UNITS)
def test_as_the_contract_says(name: str, unit: str) -> None:
    a, b, seed, steps = parameters(UNITS[name, unit], unit)
    values = operands(a, seed, 500)
    for m, got in zip(values, newton.reciprocal(values, a, b, seed, steps).tolist(), strict=True):
        index = (m >> (a - seed)) & ((1 << seed) - 1)
        first = Fraction(1 << (seed + 3)) / (1 + (index + Fraction(1, 2)) / (1 << seed)) + Fraction(1, 2)
        y = (first.numerator // first.denominator) << (b - seed - 3)
        for _ in range(steps):
            p = (m * y + (1 << (a - 1))) >> a
            y = (y * ((2 << b) - p) + (1 << (b - 1))) >> b
        assert y == got


def test_refusals() -> None:
    for m in ((1 << 22) - 1, 1 << 23):
        with pytest.raises(ValueError, match="mantissa"):
            newton.reciprocal(m, 22, 22, 5, 2)
