# SPDX-License-Identifier: Apache-2.0
"""The searched variable, u = log2(beta2 * 2^L) raw in F.log_beta: its range, and beta from it."""

import numpy as np

from nms.contract.config import Config
from nms.contract.derived import LOG_BETA_LOW
from nms.golden.cordic import rotate
from nms.golden.fixed import Ints, check, half_up


def ends(config: Config) -> tuple[int, int]:
    """(LO, HI), raw; the range is LO <= u < HI."""
    g = config.profile.log_beta.fraction
    return LOG_BETA_LOW << g, config.derived.log_beta_high << g


def limited(config: Config, u: Ints) -> Ints:
    """``u`` limited to the range, LO to HI - 1."""
    low, high = ends(config)
    return check(np.clip(u, low, high - 1), config.profile.log_beta, "u")


def beta(config: Config, u: Ints) -> tuple[Ints, Ints]:
    """(M, q) of ``u``: beta2 * 2^L = M * 2^q."""
    profile = config.profile
    g, fine, fb = profile.log_beta.fraction, profile.cordic.fraction, profile.mantissa.fraction
    x, y = rotate((u & ((1 << g) - 1)) << (fine - g), profile.post_last, fine)
    return np.clip(half_up(x - y, fine - fb), 1 << fb, (2 << fb) - 1), u >> g
