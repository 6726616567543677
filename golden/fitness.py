# SPDX-License-Identifier: Apache-2.0
"""The fitness unit: from the sums S and T to the perplexity (contract, section 7)."""

import numpy as np

from nms.contract.config import Config
from nms.golden.cordic import log2, rotate
from nms.golden.fixed import Ints, bit_length, check, half_up, integers, product_half_up, saturate, scale
from nms.golden.newton import reciprocal


def fitness(config: Config, s: object, t: object) -> tuple[Ints, Ints, Ints]:
    """Compute (Perp, y, e) of the sums: Perp in F.perplexity, ``1/S = y * 2^-e`` with y in F.reciprocal.

    Parameters
    ----------
    s, t : raw S and T in F.sums, S >= 1; any shape

    Raises
    ------
    OverflowError
        H2 does not fit F.entropy.
    """
    profile = config.profile
    s, t = integers(s), integers(t)
    fine, weight = profile.cordic.fraction, profile.weight.fraction
    entropy, inverse = profile.entropy.fraction, profile.reciprocal.fraction

    e = bit_length(s) - 1 - weight
    m = scale(s, fine - weight - e)
    y = reciprocal(m, fine, inverse, profile.reciprocal_seed, profile.reciprocal_steps)
    log = half_up(log2(m, profile.post_last, fine), fine - entropy)
    h2 = (e << entropy) + log + product_half_up(t, y, weight + inverse + e - entropy)
    check(h2, profile.entropy, "H2")

    whole = h2 >> entropy
    part = h2 & ((1 << entropy) - 1)
    x, minus_y = rotate(part << (fine - entropy), profile.post_last, fine)
    perplexity = half_up(x - minus_y, fine - profile.perplexity.fraction - whole)
    return (
        saturate(perplexity, profile.perplexity),
        check(y, profile.reciprocal, "1/S"),
        np.asarray(e),
    )
