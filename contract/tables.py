# SPDX-License-Identifier: Apache-2.0
"""The tables of one run as raw integers: what the hardware holds and the bit-true model predicts."""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np


class Status(IntEnum):
    """How the search of a row ended."""

    SOLVED = 0  # fitness below the stop
    INFEASIBLE = 1  # more points at the row's minimum than the target: Perp cannot get so low
    SATURATED = 2  # exactly as many: Perp reaches the target only in the limit
    UNCONVERGED = 3  # generation cap


@dataclass(frozen=True)
class Tables:
    """Raw integers, int64; formats are those of the configuration's profile.

    ``beta2 = mantissa * 2**(exponent - scale)`` where ``mantissa`` is read in its own format; for rows
    that are infeasible or saturated, ``mantissa`` and ``exponent`` are 0 and beta is infinite.
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
    embedding_init: np.ndarray  # (N, 2) Y before
    embedding: np.ndarray  # (N, 2) Y after
    kept: np.ndarray  # (K,) ascending indices

    @classmethod
    def names(cls) -> list[str]:
        """The tables' names, in the order of the data's way."""
        return [field.name for field in fields(cls)]
