# SPDX-License-Identifier: Apache-2.0
"""Random numbers: full periods, uniformity, and the order of the draws."""

from collections.abc import Callable

import numpy as np
import pytest

from nms.contract.config import PRESETS, HerdingConfig
from nms.golden import prng

PRIMES = (3, 5, 17, 257, 641, 65537, 6700417)
"""2^64 - 1 is their product."""

Matrix = list[int]
"""Column j, a 64-bit integer, is the image of bit j."""


def times(a: Matrix, b: Matrix) -> Matrix:
    """a after b, over GF(2)."""
    return [apply(a, column) for column in b]


def apply(a: Matrix, vector: int) -> int:
    result = 0
    while vector:
        low = vector & -vector
        result ^= a[low.bit_length() - 1]
        vector ^= low
    return result


def power(a: Matrix, exponent: int) -> Matrix:
    result = [1 << j for j in range(64)]
    while exponent:
        if exponent & 1:
            result = times(a, result)
        a = times(a, a)
        exponent >>= 1
    return result


@pytest.mark.parametrize("draw", [prng.draw_master, prng.draw_row])
def test_full_period(draw: Callable[[int], int]) -> None:
    """The step's matrix has order 2^64 - 1: one cycle through every state but zero."""
    identity = [1 << j for j in range(64)]
    step = [draw(column) for column in identity]
    order = 2**64 - 1
    assert np.prod([int(p) for p in PRIMES], dtype=object) == order
    assert power(step, order) == identity
    for prime in PRIMES:
        assert power(step, order // prime) != identity


def test_arrays_and_integers_agree() -> None:
    states = prng.seeds(99, 50)
    assert states.dtype == np.uint64
    assert prng.draw_row(states).tolist() == [prng.draw_row(int(s)) for s in states]


def test_order_of_the_draws() -> None:
    """Row i and point i take the master's draws 2i and 2i+1 after 64 that are thrown away."""
    seed = 0xDEADBEEF
    state = 0x9E3779B97F4A7C15 ^ (seed + (seed << 32))
    draws = []
    for _ in range(64 + 6):
        state ^= state >> 12
        state ^= (state << 25) % 2**64
        state ^= state >> 27
        draws.append(state)
    assert prng.seeds(seed, 3).tolist() == draws[64::2]
    config = PRESETS["edge"]
    bits = config.profile.position.fraction - 1
    expected = [
        [(d >> (64 - bits)) - (1 << (bits - 1)), (d % 2**32 >> (32 - bits)) - (1 << (bits - 1))]
        for d in draws[65::2]
    ]
    assert prng.points(config, seed, 3).tolist() == expected


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_states_are_never_zero_and_differ(seed: int) -> None:
    states = prng.seeds(seed, 1024)
    assert 0 not in states
    assert len(set(states.tolist())) == 1024
    assert np.array_equal(prng.seeds(seed, 10), states[:10])


def test_uniformity() -> None:
    """Mean and variance of 64k draws, and of the starting points, within five standard errors."""
    states = prng.seeds(3, 1024)
    drawn = []
    for _ in range(64):
        states = prng.draw_row(states)
        drawn.append(states)
    values = np.concatenate(drawn).astype(np.float64) / 2.0**64
    assert abs(values.mean() - 0.5) < 5 * np.sqrt(1 / 12 / len(values))
    assert abs(values.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / len(values))
    bits = np.unpackbits(np.concatenate(drawn).view(np.uint8)).reshape(-1, 64).mean(axis=0)
    assert np.abs(bits - 0.5).max() < 5 * 0.5 / np.sqrt(len(values))
    for config in PRESETS.values():
        if isinstance(config, HerdingConfig):
            continue  # it has no map
        y = prng.points(config, 4, 1024) * config.profile.position.lsb
        assert y.min() >= -0.25
        assert y.max() < 0.25
        assert np.abs(y.mean(axis=0)).max() < 5 * 0.5 * np.sqrt(1 / 12 / 1024)
        assert abs(np.mean(y[:, 0] * y[:, 1])) < 5 / 48 / np.sqrt(1024)
