# SPDX-License-Identifier: Apache-2.0
"""CORDIC against 60-digit arithmetic over its whole input range, within the derived bounds."""

import itertools

import mpmath
import numpy as np
import pytest

from nms.contract.bounds import Bounds, Error
from nms.contract.config import PRESETS, Config
from nms.contract.derived import cordic_indices
from nms.golden import cordic

DIGITS = 60
presets = pytest.mark.parametrize("config", [PRESETS["paper"], PRESETS["edge"]], ids=lambda c: c.formats)


def lasts(config: Config) -> set[int]:
    return {config.profile.weight_last, config.profile.post_last}


def operands(fraction: int, last: int, count: int) -> list[int]:
    """Random f in [0, 1), and all corners: ends, powers of two, sums of the table's angles, each +-1."""
    one = 1 << fraction
    corners = {0, one - 1} | {1 << k for k in range(fraction)}
    sizes = [size for _, size in cordic.angles(last, fraction)]
    for signs in itertools.product((1, -1), repeat=6):
        turned = list(itertools.accumulate(s * a for s, a in zip(signs, sizes, strict=False)))
        corners |= set(turned)
    corners |= set(itertools.accumulate(a if k % 2 else -a for k, a in enumerate(sizes, 1)))
    near = {v + d for v in corners for d in (-1, 0, 1)}
    drawn = np.random.default_rng(7).integers(0, one, count).tolist()
    return sorted(v for v in near | set(drawn) if 0 <= v < one)


def judge(errors: list[mpmath.mpf], fraction: int, bound: Error) -> None:
    """Errors in ulps against the bound: maximum, mean and rms; and the bound is no more than 8 times off."""
    lsb = 2.0**-fraction
    values = np.array([float(error) for error in errors]) * lsb
    assert len(values) > 3000
    assert np.abs(values).max() <= bound.max
    assert np.abs(values).max() >= bound.max / 8
    assert np.sqrt(np.mean(values**2)) <= 1.5 * bound.rms
    assert abs(values.mean()) <= 1.5 * bound.rms


@presets
def test_tables(config: Config) -> None:
    """Angles and start value equal 60-digit ones, rounded half_up."""
    fraction = config.profile.cordic.fraction
    with mpmath.workdps(DIGITS):
        for last in lasts(config):
            table = cordic.angles(last, fraction)
            assert [index for index, _ in table] == cordic_indices(last)
            for index, size in table:
                exact = mpmath.atanh(mpmath.ldexp(1, -index)) / mpmath.log(2)
                assert size == int(mpmath.floor(mpmath.ldexp(exact, fraction) + 0.5))
            gain = mpmath.fprod(mpmath.sqrt(1 - mpmath.ldexp(1, -2 * i)) for i in cordic_indices(last))
            assert cordic.start(last, fraction) == int(mpmath.floor(mpmath.ldexp(1, fraction) / gain + 0.5))


@presets
def test_as_the_contract_says(config: Config) -> None:
    """Python integers and ``if`` give the same bits as arrays and masks; intermediates fit F.cordic."""
    form = config.profile.cordic
    fraction = form.fraction
    values = operands(fraction, config.profile.post_last, 200)[::3]
    for last in lasts(config):
        x_all, y_all = cordic.rotate(values, last, fraction)
        decayed = cordic.decay(values, last, fraction)
        logs = cordic.log2([v + (1 << fraction) for v in values], last, fraction)
        results = (column.tolist() for column in (x_all, y_all, decayed, logs))
        for f, x_got, y_got, s_got, log in zip(values, *results, strict=True):
            x, y, r = cordic.start(last, fraction), 0, f
            for i, a in cordic.angles(last, fraction):
                if r >= 0:
                    x, y, r = x - (y >> i), y - (x >> i), r - a
                else:
                    x, y, r = x + (y >> i), y + (x >> i), r + a
                assert all(form.min <= v <= form.max for v in (x, y, r))
            assert (x, y) == (x_got, y_got)
            s, r = cordic.start(last, fraction), f
            for i, a in cordic.angles(last, fraction):
                if r >= 0:
                    s, r = s - (s >> i), r - a
                else:
                    s, r = s + (s >> i), r + a
                assert all(form.min <= v <= form.max for v in (s, r))
            assert s == s_got
            m = f + (1 << fraction)
            x, y, t = (m + (1 << fraction)) >> 1, (m - (1 << fraction)) >> 1, 0
            for i, a in cordic.angles(last, fraction):
                if y >= 0:
                    x, y, t = x - (y >> i), y - (x >> i), t + a
                else:
                    x, y, t = x + (y >> i), y + (x >> i), t - a
                assert all(form.min <= v <= form.max for v in (x, y, t))
            assert max(2 * t, 0) == log


@presets
def test_rotation_error(config: Config) -> None:
    fraction = config.profile.cordic.fraction
    bounds = Bounds(config)
    for last in lasts(config):
        values = operands(fraction, last, 4000)
        x, y = cordic.rotate(values, last, fraction)
        with mpmath.workdps(DIGITS):
            powers = [mpmath.power(2, mpmath.ldexp(v, -fraction)) for v in values]
            errors = [d - mpmath.ldexp(p, fraction) for d, p in zip((x - y).tolist(), powers, strict=True)]
        judge(errors, fraction, bounds.exp2(last))


@presets
def test_decay_error(config: Config) -> None:
    fraction = config.profile.cordic.fraction
    for last in lasts(config):
        values = operands(fraction, last, 4000)
        decayed = cordic.decay(values, last, fraction).tolist()
        with mpmath.workdps(DIGITS):
            errors = [
                s - mpmath.ldexp(mpmath.power(2, -mpmath.ldexp(v, -fraction)), fraction)
                for s, v in zip(decayed, values, strict=True)
            ]
        judge(errors, fraction, Bounds(config).decay(last))


@presets
def test_vectoring_error(config: Config) -> None:
    fraction = config.profile.cordic.fraction
    last = config.profile.post_last
    values = [v + (1 << fraction) for v in operands(fraction, last, 4000)]
    logs = cordic.log2(values, last, fraction).tolist()
    with mpmath.workdps(DIGITS):
        errors = [
            log - mpmath.ldexp(mpmath.log(mpmath.ldexp(v, -fraction), 2), fraction)
            for log, v in zip(logs, values, strict=True)
        ]
    judge(errors, fraction, Bounds(config).log2(last))


def test_shapes_and_refusals() -> None:
    x, y = cordic.rotate(np.zeros((2, 3, 4), np.int64), 20, 27)
    assert x.shape == y.shape == (2, 3, 4)
    assert cordic.log2(1 << 27, 24, 27).shape == ()
    assert cordic.decay(np.zeros((2, 3, 4), np.int64), 20, 27).shape == (2, 3, 4)
    assert cordic.decay(0, 20, 27).shape == ()
    long = np.arange(3 * cordic.BLOCK + 5) << 10
    assert np.array_equal(cordic.decay(long, 20, 27)[::97], cordic.decay(long[::97], 20, 27))
    assert np.array_equal(cordic.rotate(long, 20, 27)[0][::97], cordic.rotate(long[::97], 20, 27)[0])
    for angle in (-1, 1 << 27):
        with pytest.raises(ValueError, match="angle"):
            cordic.rotate(angle, 20, 27)
        with pytest.raises(ValueError, match="angle"):
            cordic.decay(angle, 20, 27)
    for mantissa in ((1 << 27) - 1, 1 << 28):
        with pytest.raises(ValueError, match="mantissa"):
            cordic.log2(mantissa, 24, 27)
