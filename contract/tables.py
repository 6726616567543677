# SPDX-License-Identifier: Apache-2.0
"""The tables of a run as raw integers: the hardware holds them, the bit-true model predicts them."""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np


class Status(IntEnum):
    """How the search of a row ended."""

    SOLVED = 0  # the fitness is below the stop
    INFEASIBLE = 1  # more points at the row's minimum than the target: Perp cannot get that low
    SATURATED = 2  # exactly as many: Perp reaches the target only in the limit
    UNCONVERGED = 3  # not solved after the largest number of generations


@dataclass(frozen=True)
class Tables:
    """The tables of a run as raw int64, in the formats of the configuration's profile.

    ``beta2 = mantissa * 2**(exponent - scale)`` with ``mantissa`` in its own format. In INFEASIBLE and
    SATURATED rows ``mantissa`` and ``exponent`` are 0, and beta is infinite.
    """

    distance: np.ndarray  # (N, N) squared distances, zero diagonal
    minimum: np.ndarray  # (N,) smallest distance to another image
    scale: np.ndarray  # (N,) L = bit length of (largest - smallest distance)
    ties: np.ndarray  # (N,) points at the minimum
    mantissa: np.ndarray  # (N,)
    exponent: np.ndarray  # (N,) q
    perplexity: np.ndarray  # (N,)
    generations: np.ndarray  # (N,)
    status: np.ndarray  # (N,) Status
    affinity: np.ndarray  # (N, N) P'
    embedding_init: np.ndarray  # (N, 2) Y before the first iteration
    embedding: np.ndarray  # (N, 2) Y after the last iteration
    kept: np.ndarray  # (K,) ascending indices

    @classmethod
    def names(cls) -> list[str]:
        """Names of the tables in dataflow order."""
        return [field.name for field in fields(cls)]
