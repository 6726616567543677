# SPDX-License-Identifier: Apache-2.0
"""Random numbers: 64-bit xorshift generators, one of the run and one of each row (contract, section 8)."""

from typing import TypeVar

import numpy as np

from nms.contract.config import Config, LeanConfig
from nms.golden.fixed import Ints

MASK = (1 << 64) - 1

State = TypeVar("State", int, np.ndarray)


def draw_master(state: int) -> int:
    """Draw from the master generator: its next state (12 right, 25 left, 27 right)."""
    state ^= state >> 12
    state ^= (state << 25) & MASK
    return state ^ (state >> 27)


def draw_row(state: State) -> State:
    """Draw from a row's generator: its next state (13 left, 7 right, 17 left), an int or a uint64 array."""
    if isinstance(state, int):
        state ^= (state << 13) & MASK
        state ^= state >> 7
        return state ^ ((state << 17) & MASK)
    state = state ^ (state << np.uint64(13))
    state = state ^ (state >> np.uint64(7))
    return state ^ (state << np.uint64(17))


def _draws(seed: int, count: int) -> list[tuple[int, int]]:
    """(start state of row i, draw for point i) for i = 0 .. count-1."""
    state = 0x9E3779B97F4A7C15 ^ (seed + (seed << 32))
    for _ in range(64):
        state = draw_master(state)
    pairs = []
    for _ in range(count):
        row = draw_master(state)
        state = draw_master(row)
        pairs.append((row, state))
    return pairs


def seeds(seed: int, count: int) -> np.ndarray:
    """Start states of the rows' generators for the 32-bit ``seed`` of the run: (count,) uint64."""
    return np.array([row for row, _ in _draws(seed, count)], np.uint64)


def points(config: Config | LeanConfig, seed: int, count: int) -> Ints:
    """The start of the embedding, Y0, uniform on [-1/4, 1/4): (count, 2), raw in F.position."""
    bits = config.profile.position.fraction - 1
    half = 1 << (bits - 1)
    return np.array(
        [
            [(draw >> (64 - bits)) - half, ((draw & 0xFFFFFFFF) >> (32 - bits)) - half]
            for _, draw in _draws(seed, count)
        ],
        np.int64,
    ).reshape(count, 2)
