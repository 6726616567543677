# SPDX-License-Identifier: Apache-2.0
"""Picks: which images of a cell of the map are kept first, in float64."""

import numpy as np

from nms.contract.settings import Pick
from nms.golden.exact.distance import off_diagonal
from nms.golden.exact.grid import assign_cells, hardware_side, sample


def choose(
    pick: int,
    y: np.ndarray,
    keep: int,
    distance: np.ndarray,
    joint: np.ndarray,
    step: float = 2.0**-24,
) -> np.ndarray:
    """Choose ``keep`` images from the cells of their map by ``pick``: their indices, ascending.

    Parameters
    ----------
    pick : any :class:`nms.contract.settings.Pick` but herding
    y : (N, 2)
    distance : (N, N) squared distances
    joint : (N, N) P'
    step : resolution of the positions, see :func:`nms.golden.exact.grid.assign_cells`
    """
    if pick == Pick.MEDOID:
        cell, _ = assign_cells(y, hardware_side(keep), step)
        preference = (distance * (cell[:, None] == cell)).sum(axis=1, dtype=np.float64)
    elif pick == Pick.HUB:
        preference = -joint.sum(axis=1)
    elif pick == Pick.NEIGHBOUR:
        preference = np.sort(off_diagonal(distance), axis=1)[:, :5][:, -1]
    else:
        return sample(y, keep, step)
    return sample(y, keep, step, preference=preference)
