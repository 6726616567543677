# SPDX-License-Identifier: Apache-2.0
"""The fitness unit: the contract in Python integers, and exact arithmetic within the derived bounds."""

import mpmath
import numpy as np
import pytest

from nms.contract.bounds import Bounds
from nms.contract.config import PRESETS, Config, load
from nms.golden import cordic, fitness, newton, pe

presets = pytest.mark.parametrize("config", [PRESETS["paper"], PRESETS["edge"]], ids=lambda c: c.formats)


def operands(config: Config, count: int) -> tuple[list[int], list[int]]:
    """S from 1 to 1023, T at most what 1023 distances can give with that S, corners included."""
    one = 1 << config.profile.weight.fraction
    rng = np.random.default_rng(4)
    s = np.exp2(rng.uniform(0, np.log2(1023), count)) * one
    s = np.concatenate([s.astype(np.int64), one << np.arange(10), (one << np.arange(1, 11)) - 1])
    s[-1] = 1023 * one
    share = np.concatenate([rng.uniform(0, 1, len(s) - 2), [0, 1]])
    t = (share * (s / one) * (np.log2(1023) - np.log2(s / one)) * one).astype(np.int64)
    return s.tolist(), t.tolist()


def plain(config: Config, s: int, t: int) -> tuple[int, int, int]:
    """(Perp, y, e) by the contract's words, in Python integers."""
    p = config.profile
    c, fw, b, h = (f.fraction for f in (p.cordic, p.weight, p.reciprocal, p.entropy))

    def half_up(v: int, n: int) -> int:
        return (v + (1 << (n - 1))) >> n if n > 0 else v

    e = s.bit_length() - 1 - fw
    m = s << (c - fw - e) if c - fw - e >= 0 else s >> (fw + e - c)
    y = int(newton.reciprocal(m, c, b, p.reciprocal_seed, p.reciprocal_steps))
    log = half_up(int(cordic.log2(m, p.post_last, c)), c - h)
    h2 = (e << h) + log + half_up(t * y, fw + b + e - h)
    hi, f = h2 >> h, (h2 & ((1 << h) - 1)) << (c - h)
    x, minus_y = cordic.rotate(f, p.post_last, c)
    perplexity = half_up(int(x - minus_y) << hi, c - p.perplexity.fraction)
    return min(perplexity, p.perplexity.max), y, e


@presets
def test_as_the_contract_says(config: Config) -> None:
    s, t = operands(config, 1000)
    got = zip(*(v.tolist() for v in fitness.fitness(config, s, t)), strict=True)
    assert list(got) == [plain(config, *pair) for pair in zip(s, t, strict=True)]


@presets
def test_error(config: Config) -> None:
    p = config.profile
    bounds = Bounds(config)
    s, t = operands(config, 1500)
    worst = 0.0
    perplexity, y, e = (v.tolist() for v in fitness.fitness(config, s, t))
    with mpmath.workdps(60):
        for si, ti, perp, yi, ei in zip(s, t, perplexity, y, e, strict=True):
            total = mpmath.ldexp(si, -p.weight.fraction)
            exact = total * mpmath.power(2, mpmath.mpf(ti) / si)
            error = abs(mpmath.ldexp(perp, -p.perplexity.fraction) - exact)
            limit = bounds.fitness(float(exact))
            assert error <= limit
            worst = max(worst, float(error / limit))
            inverse = mpmath.ldexp(yi, -p.reciprocal.fraction - ei)
            assert abs(inverse * total - 1) <= 2 * (bounds.search_reciprocal.max + bounds.ulp)
    assert worst > 0.05


@pytest.mark.parametrize("formats", ["paper", "edge"])
@pytest.mark.parametrize("count", [8, 64, 1024])
def test_perplexity_of_rows(formats: str, count: int) -> None:
    """Whole rows at random beta, S and T included, against mpmath; far inside 1e-10 where real rows are."""
    config = load(formats, ["images=1024"])
    p, width = config.profile, config.derived.distance_width
    rng = np.random.default_rng(count)
    rows = 12
    dn = rng.integers(0, 1 << width, (rows, 1, count - 1))
    dn[..., 0] = 0
    m = rng.integers(1 << p.mantissa.fraction, 2 << p.mantissa.fraction, (rows, 6, 1))
    q = np.arange(6)[None, :, None]
    got, _, _ = fitness.fitness(config, *pe.sums(config, m, q, dn))
    bounds = Bounds(config)
    with mpmath.workdps(40):
        for row in range(rows):
            k = row % 6
            beta2 = mpmath.ldexp(int(m[row, k, 0]), k - width - p.mantissa.fraction)
            z = [beta2 * d for d in dn[row, 0].tolist()]
            w = [mpmath.power(2, -v) for v in z]
            s = mpmath.fsum(w)
            exact = s * mpmath.power(2, mpmath.fdot(w, z) / s)
            error = abs(mpmath.ldexp(int(got[row, k]), -p.perplexity.fraction) - exact)
            assert error <= bounds.perplexity(count, float(exact))


def test_exact_at_ties() -> None:
    """m equal weights give m, within the unit's error."""
    for config in (PRESETS["paper"], PRESETS["edge"]):
        p = config.profile
        ties = np.arange(1, 1024)
        got, _, _ = fitness.fitness(config, ties << p.weight.fraction, np.zeros_like(ties))
        error = np.abs(got * p.perplexity.lsb - ties)
        assert (error <= [Bounds(config).fitness(float(m)) for m in ties]).all()
