# SPDX-License-Identifier: Apache-2.0
"""Weights and sums: the contract in Python integers, and exact arithmetic within the derived bounds."""

import mpmath
import numpy as np
import pytest

from nms.contract.bounds import Bounds
from nms.contract.config import PRESETS, Config, load
from nms.contract.derived import LOG_BETA_LOW
from nms.golden import cordic, pe

CONFIGS = [
    PRESETS["paper"],
    PRESETS["edge"],
    load("paper", ["pixels=65536", "images=1024"]),
    load("edge", ["pixels=65536", "images=1024"]),
    load("edge", ["pixels=1"]),
]
configs = pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.formats}-{c.pixels}")


def plain(config: Config, mantissa: int, q: int, dn: int) -> tuple[int, int]:
    """(w, z) by the contract's words, in Python integers."""
    p = config.profile
    fz, fw, c = p.exponent.fraction, p.weight.fraction, p.cordic.fraction
    shift = p.mantissa.fraction + config.derived.distance_width - fz - q
    product = mantissa * dn
    z = (product + (1 << (shift - 1))) >> shift if shift > 0 else product << -shift
    z = min(z, p.exponent.max)
    if z == 0:
        return 1 << fw, z
    if z >> fz >= p.cutoff:
        return 0, z
    s, r = cordic.start(p.weight_last, c), (z & ((1 << fz) - 1)) << (c - fz)
    for i, a in cordic.angles(p.weight_last, c):
        s, r = (s - (s >> i), r - a) if r >= 0 else (s + (s >> i), r + a)
    places = (z >> fz) + c - fw
    return (s + (1 << (places - 1))) >> places, z


def operands(config: Config, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """M, q and dn over all their ranges, corners included; dn of every magnitude."""
    rng = np.random.default_rng(3)
    fb, width = config.profile.mantissa.fraction, config.derived.distance_width
    high = config.derived.log_beta_high
    corners = np.array(
        [
            (m, q, d)
            for m in (1 << fb, (2 << fb) - 1)
            for q in range(LOG_BETA_LOW, high)
            for d in (0, 1, 2, (1 << width) - 1, 1 << (width - 1), 1 << max(width - q, 0) >> 1)
        ]
    ).T
    drawn = (
        rng.integers(1 << fb, 2 << fb, count),
        rng.integers(LOG_BETA_LOW, high, count),
        rng.integers(0, 1 << width, count) >> rng.integers(0, width, count),
    )
    return tuple(np.concatenate(pair) for pair in zip(corners, drawn, strict=True))  # type: ignore[return-value]


@configs
def test_as_the_contract_says(config: Config) -> None:
    m, q, d = operands(config, 1500)
    w, z = pe.weights(config, m, q, d)
    assert len(w) > 1700
    expected = [plain(config, *v) for v in zip(m.tolist(), q.tolist(), d.tolist(), strict=True)]
    assert list(zip(w.tolist(), z.tolist(), strict=True)) == expected
    assert (z == config.profile.exponent.max).any()
    assert (w == 0).any()


@configs
def test_weight_error(config: Config) -> None:
    p, width = config.profile, config.derived.distance_width
    m, q, d = operands(config, 1500)
    w, z = pe.weights(config, m, q, d)
    bounds = Bounds(config)
    met = 0
    with mpmath.workdps(60):
        for mi, qi, di, wi, zi in zip(*(v.tolist() for v in (m, q, d, w, z)), strict=True):
            exact = mpmath.ldexp(mi * di, qi - width - p.mantissa.fraction)
            error = mpmath.ldexp(wi, -p.weight.fraction) - mpmath.power(2, -exact)
            assert abs(error) <= bounds.weight(float(exact))
            if zi < p.exponent.max:
                assert abs(mpmath.ldexp(zi, -p.exponent.fraction) - exact) <= bounds.exponent
                met += 1
    assert met > 1000


@configs
def test_sums(config: Config) -> None:
    """S and T are exact sums of the weights and of the rounded products, also of 1023 distances."""
    rng = np.random.default_rng(8)
    p, width = config.profile, config.derived.distance_width
    dn = rng.integers(0, 1 << width, (2, 1, 1023))
    dn[0, 0, 0] = 0
    m = rng.integers(1 << p.mantissa.fraction, 2 << p.mantissa.fraction, (2, 3, 1))
    q = np.array([[[-8], [3], [5]], [[0], [9], [LOG_BETA_LOW]]])
    s, t = pe.sums(config, m, q, dn)
    w, z = pe.weights(config, m, q, dn)
    assert s.shape == (2, 3)
    half = 1 << (p.exponent.fraction - 1)
    for at in np.ndindex(2, 3):
        pairs = list(zip(w[at].tolist(), z[at].tolist(), strict=True))
        assert s[at] == sum(wi for wi, _ in pairs)
        assert t[at] == sum((wi * zi + half) >> p.exponent.fraction for wi, zi in pairs)


@configs
def test_largest_sums_fit(config: Config) -> None:
    """1023 ties, and 1023 distances at the largest w z = 2^-z z (z = 1/ln 2), fit F.sums."""
    p, width = config.profile, config.derived.distance_width
    s, _ = pe.sums(config, 1 << p.mantissa.fraction, 0, np.zeros(1023, np.int64))
    assert s == 1023 << p.weight.fraction
    _, t = pe.sums(config, 1 << p.mantissa.fraction, 1, np.full(1023, int((1 << width) / np.log(4))))
    assert t * p.sums.lsb == pytest.approx(1023 / np.e / np.log(2), rel=1e-2)
