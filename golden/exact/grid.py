# SPDX-License-Identifier: Apache-2.0
"""Grid sampling: exactly K points that cover the map."""

import math

import numpy as np

from nms.contract.errors import UserError


def hardware_side(keep: int) -> int:
    """Cells on a side of the hardware's grid, G: the smallest integer with ``G**2 >= 2 keep``."""
    return math.isqrt(2 * keep - 1) + 1


def fine_side(y: np.ndarray, keep: int, step: float = 2.0**-24) -> int:
    """Find the smallest G whose grid has at least ``keep`` occupied cells, one for each kept point.

    G is at most ``4 ceil(sqrt N)``; that is the result where points lie too close together.
    """
    highest = 4 * (math.isqrt(len(y) - 1) + 1)
    for side in range(math.isqrt(keep - 1) + 1, highest):
        if len(np.unique(assign_cells(y, side, step)[0])) >= keep:
            return side
    return highest


def assign_cells(y: np.ndarray, side: int, step: float = 2.0**-24) -> tuple[np.ndarray, np.ndarray]:
    """Assign points to the ``side`` x ``side`` square cells of a grid over their bounding box.

    Positions are first rounded to integer multiples of ``step`` (half up); from there on the rule is exact.

    Returns
    -------
    (N,) int64 cell id, ``cy * side + cx``; (N,) int64 squared offset from the cell's centre, 1/4096 cells
    """
    raw = np.floor(y / step + 0.5).astype(np.int64).astype(object)  # Python integers: no overflow
    raw -= raw.min(axis=0)
    span = raw.max() + 1
    shift = span.bit_length() + 16
    u = raw * ((1 << shift) // span * side)
    cell = (u >> shift).astype(np.int64)
    offset = ((u >> (shift - 12)) & 4095).astype(np.int64) - 2048
    return cell[:, 1] * side + cell[:, 0], (offset**2).sum(axis=1)


def sample(
    y: np.ndarray,
    keep: int,
    step: float = 2.0**-24,
    side: int | None = None,
    preference: np.ndarray | None = None,
    proportional: bool = False,
) -> np.ndarray:
    """Select ``keep`` points that cover the map, by the grid rule: their indices, ascending.

    The points of each of the G x G cells are ranked by (preference, index). All of rank 0 are kept, then all
    of rank 1, and so on; in the round that would exceed ``keep``, fuller cells come first, then lower cell
    ids.

    Parameters
    ----------
    y : (N, 2)
    keep : K, 1 to N
    step : resolution of the positions, see :func:`nms.golden.exact.grid.assign_cells`
    side : G; by default :func:`nms.golden.exact.grid.hardware_side`
    preference : (N,), lower is kept first within a cell; by default the squared offset from the cell's centre
    proportional : keep K n/N of a cell's n points instead of rounds, by
        :func:`nms.golden.exact.grid.apportion` (among equal remainders the lower cell first); the hardware
        only has rounds

    Returns
    -------
    (K,) int64

    Raises
    ------
    UserError
        ``keep`` is out of range.
    """
    count = len(y)
    if not 1 <= keep <= count:
        raise UserError(f"keep {keep}: must be 1 to {count} (images)")
    cell, squared = assign_cells(y, hardware_side(keep) if side is None else side, step)
    # stable: equal keys stay in the order of the index
    order = np.lexsort((squared if preference is None else preference, cell))
    _, first, occupancy = np.unique(cell[order], return_index=True, return_counts=True)
    rank = np.arange(count) - np.repeat(first, occupancy)
    if proportional:
        return np.sort(order[rank < np.repeat(apportion(keep, occupancy), occupancy)])
    fullness = np.repeat(occupancy, occupancy)
    return np.sort(order[np.lexsort((cell[order], -fullness, rank))[:keep]])


def apportion(total: int, sizes: np.ndarray) -> np.ndarray:
    """Divide ``total`` in proportion to ``sizes`` by largest remainder (Hamilton's method).

    Each share is ``floor(total n / sum n)``, plus one for the largest remainders, the first among equals; the
    shares sum to ``total`` and none exceeds its size.

    Parameters
    ----------
    total : 0 to the sum of the sizes
    sizes : (M,) int64, their sum above 0
    """
    whole, remainder = np.divmod(total * sizes, sizes.sum())
    whole[np.argsort(-remainder, kind="stable")[: total - whole.sum()]] += 1
    return whole
