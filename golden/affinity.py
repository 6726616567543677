# SPDX-License-Identifier: Apache-2.0
"""Conditional and symmetrised affinities (contract, section 10)."""

import numpy as np

from nms.contract.config import Config
from nms.contract.tables import Status
from nms.golden.de import Result
from nms.golden.fixed import Ints, check, half_up, integers, product_half_up
from nms.golden.pe import weights as pe_weights
from nms.golden.pea import normalise


def conditional(config: Config, weights: object, reciprocal: object, shift: object) -> Ints:
    """Compute ``p_j|i = w_j / S`` in F.affinity, with ``1/S = reciprocal * 2^-shift``; broadcasts."""
    profile = config.profile
    places = (
        profile.weight.fraction + profile.reciprocal.fraction + integers(shift) - profile.affinity.fraction
    )
    p = product_half_up(integers(weights), integers(reciprocal), places)
    return check(p, profile.affinity, "p_j|i")


def row_weights(config: Config, distance: object, result: Result) -> Ints:
    """Compute w of each row at its best beta: (N, N-1), j ascending without i.

    A row without beta, INFEASIBLE or SATURATED, has 1 at its minimum and 0 elsewhere.
    """
    dn = normalise(config, distance)
    searched = (result.status == Status.SOLVED) | (result.status == Status.UNCONVERGED)
    w = (dn == 0).astype(np.int64) << config.profile.weight.fraction
    w[searched], _ = pe_weights(
        config, result.mantissa[searched, None], result.exponent[searched, None], dn[searched]
    )
    return w


def affinities(config: Config, distance: object, result: Result) -> Ints:
    """Compute ``P'_ij = half_up((p_j|i + p_i|j) / 2)`` in F.affinity: (N, N), symmetric, zero diagonal."""
    w = row_weights(config, distance, result)
    count = len(w)
    p = np.zeros((count, count), np.int64)
    p[~np.eye(count, dtype=bool)] = conditional(
        config, w, result.reciprocal[:, None], result.shift[:, None]
    ).ravel()
    return half_up(p + p.T, 1)
