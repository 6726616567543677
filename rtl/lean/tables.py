# SPDX-License-Identifier: Apache-2.0
"""The tables of the lean search (contract, section 19), held as logic."""

import math
from collections.abc import Sequence

from amaranth import Array, Const, Value

MANTISSA = [math.floor(2 ** (k / 256) * 256 + 0.5) - 256 for k in range(256)]
"""M - 256."""

WEIGHT = [math.floor(2 ** (-k / 64) * 256 + 0.5) for k in range(64)]
LOG = [math.floor(math.log2(1 + (k + 0.5) / 128) * 256 + 0.5) for k in range(128)]


def look_up(table: Sequence[int], slope: int, index: Value) -> Value:
    """``table[index]`` of a table that lies close to the line slope * k, on one side of it.

    Logic holds the distances from the line alone, which have fewer bits.
    """
    gaps = [value - slope * k for k, value in enumerate(table)]
    below = min(gaps) < 0
    sizes = [-gap for gap in gaps] if below else gaps
    size = Array(Const(size, max(sizes).bit_length()) for size in sizes)[index]
    line = index * slope
    return (line - size if below else line + size)[: max(table).bit_length()]
