# SPDX-License-Identifier: Apache-2.0
"""Faults of a driver, put in on purpose to prove that the scoreboards can fail."""

from collections.abc import Sequence
from enum import Enum


class Disturbance(Enum):
    """What a driver can do wrong with the items of a stream."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    LATE = "late"
    FLIP = "flip"


def disturb(values: Sequence[int], disturbance: Disturbance) -> list[int]:
    """The items with the middle one lost, doubled, exchanged with the next, or its lowest bit flipped."""
    values, middle = list(values), len(values) // 2
    if disturbance is Disturbance.DROP:
        del values[middle]
    elif disturbance is Disturbance.DUPLICATE:
        values.insert(middle, values[middle])
    elif disturbance is Disturbance.LATE:
        values[middle : middle + 2] = reversed(values[middle : middle + 2])
    else:
        values[middle] ^= 1
    return values
