# SPDX-License-Identifier: Apache-2.0
"""Wide integer arithmetic against Python's own integers."""

import random

import numpy as np
import pytest

from nms.contract.formats import Fixed
from nms.golden import fixed


def rounded(value: int, shift: int) -> int:
    return (value + ((1 << shift) >> 1)) >> shift


def signed(rng: random.Random) -> int:
    return rng.choice([-1, 1]) * rng.getrandbits(rng.randint(1, 63))


def test_wide_products() -> None:
    rng = random.Random(1)
    ends = [0, 1, -1, 2**63 - 1, -(2**63), 2**32, -(2**32), 2**32 - 1, 2**62]
    pairs = [(a, b) for a in ends for b in ends] + [(signed(rng), signed(rng)) for _ in range(20000)]
    high, low = fixed.product(np.array([a for a, _ in pairs]), np.array([b for _, b in pairs]))
    for (a, b), h, w in zip(pairs, high.tolist(), low.tolist(), strict=True):
        assert a * b == (h << 64) + w


def test_rounded_wide_products() -> None:
    rng = random.Random(2)
    cases: list[tuple[int, int, int]] = []
    while len(cases) < 20000:
        a, b, shift = signed(rng), signed(rng), rng.randint(0, 126)
        if -(2**63) <= rounded(a * b, shift) < 2**63:
            cases.append((a, b, shift))
    results = fixed.product_half_up(*(np.array(column) for column in zip(*cases, strict=True))).tolist()
    assert results == [rounded(x * y, s) for x, y, s in cases]
    assert {s for _, _, s in cases} == set(range(127))


def test_product_that_does_not_fit() -> None:
    with pytest.raises(OverflowError):
        fixed.product_half_up(np.array([1 << 62]), np.array([4]), 1)
    with pytest.raises(OverflowError):
        fixed.product_half_up(np.array([1 << 62]), np.array([1 << 62]), 61)


@pytest.mark.parametrize("shift", [-3, 0, 1, 2, 20])
def test_half_up(shift: int) -> None:
    values = np.concatenate([np.arange(-50, 50), np.array([2**40 + 1, -(2**40) - 1])])
    expected = [v << -shift if shift < 0 else rounded(v, shift) for v in values.tolist()]
    assert fixed.half_up(values, shift).tolist() == expected


def test_bit_length() -> None:
    values = [0, 1, *(2**k + d for k in range(1, 63) for d in (-1, 0, 1))]
    assert fixed.bit_length(np.array(values)).tolist() == [v.bit_length() for v in values]
    with pytest.raises(ValueError, match="negative"):
        fixed.bit_length(np.array([-1]))


def test_range_check_names_the_signal() -> None:
    form = Fixed.parse("s3.4")
    fixed.check(np.array([form.min, form.max]), form, "V")
    with pytest.raises(OverflowError, match=r"V = 64: outside s3\.4"):
        fixed.check(np.array([0, form.max + 1]), form, "V")


def test_floats_are_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        fixed.integers(np.array([1.0]))
