# SPDX-License-Identifier: Apache-2.0
"""The tables of the lean search (contract, section 19), held as logic."""

import math
from collections.abc import Sequence

from amaranth import Array, Const, Value

MANTISSA = [math.floor(2 ** (k / 256) * 256 + 0.5) for k in range(256)]
WEIGHT = [math.floor(2 ** (-k / 64) * 256 + 0.5) for k in range(64)]
LOG = [math.floor(math.log2(1 + (k + 0.5) / 128) * 256 + 0.5) for k in range(128)]


def look_up(table: Sequence[int], slope: int, index: Value) -> Value:
    """``table[index]``, modulo the largest value's width, for a table that is close to a straight line.

    Logic holds how far each value is from ``table[0] + slope * k`` alone, which is a third of the bits.
    """
    width = max(table).bit_length()
    gaps = [value - table[0] - slope * k for k, value in enumerate(table)]
    base = min(gaps)
    bits = (max(gaps) - base).bit_length()
    gap = Array(Const(gap - base, bits) for gap in gaps)[index]
    return (gap + (index * slope) + (table[0] + base))[:width]
