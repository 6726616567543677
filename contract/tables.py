# SPDX-License-Identifier: Apache-2.0
"""The tables of a run as raw integers: the hardware holds them, the bit-true model predicts them."""

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from nms.contract.readout import Readout


class Status(IntEnum):
    """How the search of a row ended."""

    SOLVED = 0  # the fitness is below the stop
    INFEASIBLE = 1  # more points at the row's minimum than the target: Perp cannot get that low
    SATURATED = 2  # exactly as many: Perp reaches the target only in the limit
    UNCONVERGED = 3  # not solved after the largest number of generations


@dataclass(frozen=True)
class SamplerTables:
    """The tables that every sampler holds, as raw int64."""

    distance: np.ndarray  # (N, N) squared distances, zero diagonal
    kept: np.ndarray  # (K,) ascending indices

    @classmethod
    def names(cls) -> list[str]:
        """Names of the tables in dataflow order, ``kept`` the last."""
        return [*(field.name for field in fields(cls) if field.name != "kept"), "kept"]

    @classmethod
    def readouts(cls) -> list[Readout]:
        """The tables that are read out of the hardware, in dataflow order; ``kept`` is emitted."""
        return [Readout[name.upper()] for name in cls.names() if name != "kept"]


@dataclass(frozen=True)
class HerdingTables(SamplerTables):
    """The tables of a run of the method ``herding``.

    Of the standing images alone, in their order, but for ``standing`` and ``kept``; 0 beyond them, and
    everywhere if no more stand than are kept (``contract.md``, section 22).
    """

    standing: np.ndarray  # (N,) 1 of an image that is no near-duplicate


@dataclass(frozen=True)
class LeanTables(SamplerTables):
    """The tables of a run of the method ``lean``, in the formats of ``contract.md``, sections 19 to 21.

    ``beta2 = mantissa * 2**(exponent - scale)``. In INFEASIBLE and SATURATED rows ``mantissa`` and
    ``exponent`` are 0, and beta is infinite. Of a batch that herding picked, all but the distances,
    ``standing`` and ``kept`` are 0. Near-duplicates have no place in them, as in :class:`HerdingTables`.
    """

    minimum: np.ndarray  # (N,) smallest distance to another image
    scale: np.ndarray  # (N,) L = bit length of (largest - smallest distance)
    ties: np.ndarray  # (N,) points at the minimum
    mantissa: np.ndarray  # (N,)
    exponent: np.ndarray  # (N,) q
    entropy: np.ndarray  # (N,) H
    evaluations: np.ndarray  # (N,)
    status: np.ndarray  # (N,) Status
    affinity: np.ndarray  # (N, N) P'
    embedding_init: np.ndarray  # (N, 2) Y before the first iteration
    embedding: np.ndarray  # (N, 2) Y after the last iteration
    standing: np.ndarray  # (N,) 1 of an image that is no near-duplicate


@dataclass(frozen=True)
class Tables(SamplerTables):
    """The tables of a run of the published method, in the formats of the configuration's profile.

    ``beta2 = mantissa * 2**(exponent - scale)`` with ``mantissa`` in its own format. In INFEASIBLE and
    SATURATED rows ``mantissa`` and ``exponent`` are 0, and beta is infinite.
    """

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


KINDS: dict[str, type[SamplerTables]] = {"desne": Tables, "herding": HerdingTables, "lean": LeanTables}
"""The tables that a run of each method gives."""
