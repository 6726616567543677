# SPDX-License-Identifier: Apache-2.0
"""The grid: select exactly K points, spread over the map (contract, section 12)."""

import math

import numpy as np

from nms.golden.fixed import Ints, integers


def assign_cells(points: Ints, keep: int) -> tuple[Ints, Ints]:
    """Assign raw points (N, 2) to cells: cell id and squared offset from the cell's centre, (N,) each."""
    side = math.isqrt(2 * keep - 1) + 1
    low = points.min(axis=0)
    span = int((points.max(axis=0) - low).max()) + 1
    bits = span.bit_length() + 16
    u = (points - low) * ((1 << bits) // span * side)
    cell = u >> bits
    offset = ((u >> (bits - 12)) & 4095) - 2048
    return cell[:, 1] * side + cell[:, 0], (offset**2).sum(axis=1)


def sample(points: object, keep: int, key: Ints | None = None) -> Ints:
    """Select ``keep`` of the raw positions (N, 2): their indices, ascending.

    Of a cell's points those with a smaller ``key`` (N,) come first, by default those nearer to its centre.
    The rounds are one sort, by rank, then fuller cells, then lower cell ids, of which the first K are kept. A
    cell has at most one point in a round, so that these keys leave no ties.
    """
    points = integers(points)
    if not 1 <= keep <= len(points):
        raise ValueError(f"keep {keep}: must be 1 to {len(points)}")
    cell, offset = assign_cells(points, keep)
    index = np.arange(len(points))
    order = np.lexsort((index, offset if key is None else key, cell))
    _, begin, inverse, occupation = np.unique(
        cell[order], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty_like(index)
    occupied = np.empty_like(index)
    rank[order] = index - begin[inverse]
    occupied[order] = occupation[inverse]
    return np.sort(np.lexsort((cell, -occupied, rank))[:keep]).astype(np.int64)
