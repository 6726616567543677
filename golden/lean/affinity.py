# SPDX-License-Identifier: Apache-2.0
"""Conditional and symmetrised affinities of the lean sampler (contract, section 20)."""

import numpy as np

from nms.contract.config import LeanConfig
from nms.golden.fixed import Ints, check, half_up, integers


def conditional(config: LeanConfig, weights: object, sums: object) -> Ints:
    """Compute ``p_j|i = w_j / S`` in F.affinity of weights (..., N, N-1) and their sums S (..., N)."""
    weights, sums = integers(weights), integers(sums)
    reciprocal = ((1 << 24) + (sums >> 1)) // sums
    return check(half_up(weights * reciprocal[..., None], 8), config.profile.affinity, "p_j|i")


def affinities(config: LeanConfig, weights: object, sums: object) -> Ints:
    """Compute ``P'_ij = half_up((p_j|i + p_i|j) / 2)`` in F.affinity: (..., N, N), zero diagonal."""
    rows = conditional(config, weights, sums)
    count = rows.shape[-2]
    p = np.zeros((*rows.shape[:-1], count), np.int64)
    p[..., ~np.eye(count, dtype=bool)] = rows.reshape(*rows.shape[:-2], -1)
    return half_up(p + np.swapaxes(p, -1, -2), 1)
