# SPDX-License-Identifier: Apache-2.0
"""Numbers by which software knows the sampler's phases and the tables that it reads out."""

from enum import IntEnum


class Phase(IntEnum):
    """Phases of the sampler; each one but ``IDLE`` has a counter of its cycles."""

    IDLE = 0
    LOAD = 1
    DISTANCE = 2
    SEARCH = 3
    AFFINITY = 4
    EMBED = 5
    GRID = 6
    EMIT = 7
    PICK = 8  # between GRID and EMIT, in the lean sampler


class Readout(IntEnum):
    """Tables that can be read out after a run; names are those of the configuration's tables
    (:mod:`nms.contract.tables`).

    A matrix is addressed by row and column, a vector by the row alone (the column is ignored). Of a point,
    column 0 is x and every other column y. Values are the table's raw integers, sign-extended to 64 bits.
    """

    DISTANCE = 0
    MINIMUM = 1
    SCALE = 2
    TIES = 3
    MANTISSA = 4
    EXPONENT = 5
    PERPLEXITY = 6
    GENERATIONS = 7
    STATUS = 8
    AFFINITY = 9
    EMBEDDING_INIT = 10
    EMBEDDING = 11
    ENTROPY = 12
    EVALUATIONS = 13
    STANDING = 14

    def shape(self, count: int) -> tuple[int, ...]:
        """The table's shape for a batch of ``count`` images."""
        if self in (Readout.DISTANCE, Readout.AFFINITY):
            return count, count
        if self in (Readout.EMBEDDING_INIT, Readout.EMBEDDING):
            return count, 2
        return (count,)
