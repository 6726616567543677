# SPDX-License-Identifier: Apache-2.0
"""The reciprocal of a mantissa by Newton's iteration (contract, section 4)."""

from functools import cache

import numpy as np

from nms.golden.fixed import Ints, integers, product_half_up


@cache
def seeds(bits: int) -> Ints:
    """The seed table, bits + 3 fraction bits: ``floor(2^(bits+3) / (1 + (index + 1/2)/2^bits) + 1/2)``.

    In integers: with n = 2^(bits+1) the quotient is ``2^(bits+3) * n / (n + 2*index + 1)``.
    """
    n = 1 << (bits + 1)
    table = []
    for index in range(1 << bits):
        numerator, denominator = n << (bits + 3), n + 2 * index + 1
        table.append((2 * numerator + denominator) // (2 * denominator))
    return np.array(table, np.int64)


def reciprocal(m: object, a: int, b: int, seed: int, steps: int) -> Ints:
    """Compute 1/m in ``b`` fraction bits of m, 1 <= m < 2, raw in ``a`` fraction bits; any shape.

    ``seed`` is the number of index bits of the seed table, ``steps`` the number of Newton steps
    ``y' = y (2 - m y)``, with ``m y`` and ``y'`` both rounded half_up to ``b`` bits.

    Raises
    ------
    ValueError
        A mantissa is outside [1, 2).
    """
    m = integers(m)
    if m.size and (m.min() < 1 << a or m.max() >> (a + 1)):
        raise ValueError("the mantissa of a reciprocal must be in [1, 2)")
    y = seeds(seed)[(m >> (a - seed)) - (1 << seed)] << (b - seed - 3)
    for _ in range(steps):
        complement = (2 << b) - product_half_up(m, y, a)
        y = product_half_up(y, complement, b)
    return y
