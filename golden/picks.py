# SPDX-License-Identifier: Apache-2.0
"""Picks: which images of a cell of the map are kept first (contract, section 18)."""

import numpy as np

from nms.contract.settings import Pick
from nms.golden.fixed import Ints, integers
from nms.golden.grid import assign_cells, sample

NEIGHBOUR = 5
"""The neighbour whose distance the pick ``neighbour`` compares."""


def medoid_key(cell: Ints, distance: Ints) -> Ints:
    """The sum of each image's distances to those of its cell."""
    return np.where(cell[:, None] == cell[None, :], distance, 0).sum(axis=1)


def hub_key(affinity: Ints) -> Ints:
    """The row sum of P', the largest first."""
    return -affinity.sum(axis=1)


def neighbour_key(distance: Ints) -> Ints:
    """The fifth smallest distance of each image to another, the largest of fewer."""
    count = len(distance)
    others = distance[~np.eye(count, dtype=bool)].reshape(count, count - 1)
    return np.sort(others, axis=1)[:, min(NEIGHBOUR, count - 1) - 1]


def choose(pick: int, points: object, keep: int, distance: object, affinity: object) -> Ints:
    """Choose ``keep`` images from the cells of their map by ``pick``: their indices, ascending.

    Parameters
    ----------
    pick : any :class:`nms.contract.settings.Pick` but herding, which needs no map
    points : raw positions, (N, 2)
    distance, affinity : raw D and P', (N, N)
    """
    points, distance, affinity = integers(points), integers(distance), integers(affinity)
    match pick:
        case Pick.CENTRE:
            return sample(points, keep)
        case Pick.MEDOID:
            key = medoid_key(assign_cells(points, keep)[0], distance)
        case Pick.HUB:
            key = hub_key(affinity)
        case Pick.NEIGHBOUR:
            key = neighbour_key(distance)
        case _:
            raise ValueError(f"pick {Pick(pick)}: takes nothing from the cells of a map")
    return sample(points, keep, key)
