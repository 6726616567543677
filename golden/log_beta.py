# SPDX-License-Identifier: Apache-2.0
"""The searched variable u = log2(beta2 * 2^L), raw in F.log_beta: range and beta (contract, section 9)."""

import numpy as np

from nms.contract.config import Config
from nms.contract.derived import LOG_BETA_LOW
from nms.golden.cordic import rotate
from nms.golden.fixed import Ints, check, half_up


def ends(config: Config) -> tuple[int, int]:
    """The ends (LO, HI) of the range, raw: LO <= u < HI."""
    g = config.profile.log_beta.fraction
    return LOG_BETA_LOW << g, config.derived.log_beta_high << g


def limit(config: Config, u: Ints) -> Ints:
    """Limit ``u`` to the range, LO to HI - 1."""
    low, high = ends(config)
    return check(np.clip(u, low, high - 1), config.profile.log_beta, "u")


def beta(config: Config, u: Ints) -> tuple[Ints, Ints]:
    """Compute (M, q) of ``u``, where beta2 * 2^L = M * 2^q: M in F.mantissa, q an integer."""
    profile = config.profile
    g, fine, fb = profile.log_beta.fraction, profile.cordic.fraction, profile.mantissa.fraction
    x, y = rotate((u & ((1 << g) - 1)) << (fine - g), profile.post_last, fine)
    return np.clip(half_up(x - y, fine - fb), 1 << fb, (2 << fb) - 1), u >> g
