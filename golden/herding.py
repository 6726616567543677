# SPDX-License-Identifier: Apache-2.0
"""Herding: images kept one after the other, so that their mean follows the group's (contract, section 17)."""

import numpy as np

from nms.golden.fixed import Ints, integers


def order(distance: object, keep: int) -> Ints:
    """The first ``keep`` images taken, from the squared distances (N, N), in the order in which they are."""
    distance = integers(distance)
    count = len(distance)
    if not 1 <= keep <= count:
        raise ValueError(f"keep {keep}: must be 1 to {count}")
    sums = distance.sum(axis=1)
    score = sums.copy()
    left = np.ones(count, bool)
    taken = np.empty(keep, np.int64)
    for turn in range(keep):
        chosen = int(np.where(left, score, np.iinfo(np.int64).max).argmin())
        taken[turn] = chosen
        left[chosen] = False
        score += sums - count * distance[chosen]
    return taken


def choose(distance: object, keep: int) -> Ints:
    """Choose ``keep`` images from the squared distances (N, N): their indices, ascending."""
    return np.sort(order(distance, keep))
