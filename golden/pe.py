# SPDX-License-Identifier: Apache-2.0
"""The processing element (PE): the weight of a distance and the two sums of a row (contract, section 6)."""

import numpy as np

from nms.contract.config import Config
from nms.golden.cordic import decay
from nms.golden.fixed import Ints, check, half_up, integers, product_half_up, saturate


def exponents(config: Config, mantissa: Ints, exponent: Ints, dn: Ints) -> Ints:
    """Compute z = sat(half_up(M * dn * 2^q)) in F.exponent; arguments broadcast.

    Since M >= 2^fb, any dn of at least 2^(shift + width of z - fb) saturates z. Limiting dn to that changes
    no z and keeps the rounded product within 64 bits.
    """
    profile = config.profile
    form = profile.exponent
    shift = profile.mantissa.fraction + config.derived.distance_width - form.fraction - exponent
    enough = np.clip(shift + form.width - profile.mantissa.fraction, 0, 62)
    dn = np.minimum(dn, np.int64(1) << enough)
    return saturate(product_half_up(mantissa << np.maximum(-shift, 0), dn, np.maximum(shift, 0)), form)


def weights(config: Config, mantissa: object, exponent: object, dn: object) -> tuple[Ints, Ints]:
    """Compute (w, z) of each distance: w = 2^-z in F.weight, z = beta2 * d in F.exponent.

    Parameters
    ----------
    mantissa : raw M in F.mantissa, 1 <= M < 2
    exponent : q
    dn : raw normalised distance, u0.DW; all three broadcast against each other
    """
    profile = config.profile
    z = exponents(config, integers(mantissa), integers(exponent), integers(dn))
    whole = z >> profile.exponent.fraction
    part = z & ((1 << profile.exponent.fraction) - 1)
    fraction = profile.cordic.fraction
    s = decay(part << (fraction - profile.exponent.fraction), profile.weight_last, fraction)
    w = half_up(s, whole + (fraction - profile.weight.fraction))
    w[z == 0] = 1 << profile.weight.fraction
    w[whole >= profile.cutoff] = 0
    return check(w, profile.weight, "w"), z


def sums(config: Config, mantissa: object, exponent: object, dn: object) -> tuple[Ints, Ints]:
    """Sum over the last axis: S = sum w and T = sum half_up(w * z), both in F.sums.

    Arguments as in :func:`nms.golden.pe.weights`.
    """
    profile = config.profile
    w, z = weights(config, mantissa, exponent, dn)
    s = w.sum(axis=-1)
    t = product_half_up(w, z, profile.exponent.fraction).sum(axis=-1)
    return check(s, profile.sums, "S"), check(t, profile.sums, "T")
