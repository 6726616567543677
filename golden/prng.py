# SPDX-License-Identifier: Apache-2.0
"""Random numbers: 64-bit xorshift generators of the run and of the rows (contract, section 8)."""

from typing import TypeVar

import numpy as np

from nms.contract.config import Config
from nms.golden.fixed import Ints

MASK = (1 << 64) - 1

State = TypeVar("State", int, np.ndarray)


def master_draw(state: int) -> int:
    """The next state of the master generator (12 right, 25 left, 27 right)."""
    state ^= state >> 12
    state ^= (state << 25) & MASK
    return state ^ (state >> 27)


def row_draw(state: State) -> State:
    """The next state of a row's generator (13 left, 7 right, 17 left): an int, or a uint64 array."""
    if isinstance(state, int):
        state ^= (state << 13) & MASK
        state ^= state >> 7
        return state ^ ((state << 17) & MASK)
    state = state ^ (state << np.uint64(13))
    state = state ^ (state >> np.uint64(7))
    return state ^ (state << np.uint64(17))


def _draws(seed: int, count: int) -> list[tuple[int, int]]:
    """(start state of row i, draw of point i) for i = 0 .. count-1."""
    state = 0x9E3779B97F4A7C15 ^ (seed + (seed << 32))
    for _ in range(64):
        state = master_draw(state)
    pairs = []
    for _ in range(count):
        row = master_draw(state)
        state = master_draw(row)
        pairs.append((row, state))
    return pairs


def seeds(seed: int, count: int) -> np.ndarray:
    """Start states of the rows' generators, uint64 (count,), for the 32-bit ``seed`` of the run."""
    return np.array([row for row, _ in _draws(seed, count)], np.uint64)


def points(config: Config, seed: int, count: int) -> Ints:
    """Y0, raw in F.position, (count, 2): uniform on [-1/4, 1/4)."""
    bits = config.profile.position.fraction - 1
    half = 1 << (bits - 1)
    return np.array(
        [
            [(draw >> (64 - bits)) - half, ((draw & 0xFFFFFFFF) >> (32 - bits)) - half]
            for _, draw in _draws(seed, count)
        ],
        np.int64,
    ).reshape(count, 2)
