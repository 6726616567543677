# SPDX-License-Identifier: Apache-2.0
"""Hyperbolic CORDIC, which shifts and adds, in base 2: 2^-f, 2^f and log2 (contract, section 3)."""

from collections.abc import Iterator
from decimal import Decimal, localcontext
from functools import cache

import numpy as np

from nms.contract.derived import cordic_indices
from nms.golden.fixed import Ints, integers

BLOCK = 8192
"""Elements rotated at a time, so that their x, y, angle and temporaries stay in the second-level cache."""


def _half_up(value: Decimal) -> int:
    """Round half up: floor(value + 1/2)."""
    return int((value + Decimal("0.5")).to_integral_value(rounding="ROUND_FLOOR"))


@cache
def angles(last: int, fraction: int) -> tuple[tuple[int, int], ...]:
    """(index i, a_i) in the order of execution, ``a_i = floor(atanh(2^-i)/ln 2 * 2^fraction + 1/2)``.

    By ``atanh t = ln((1+t)/(1-t))/2`` in 80-digit decimals, whose logarithm is correctly rounded. An error of
    1e-78 could only change the rounding of a value that close to a tie; none of these values is, as the tests
    check with another library.
    """
    with localcontext() as context:
        context.prec = 80
        table = []
        for index in cordic_indices(last):
            t = Decimal(1) / (1 << index)
            angle = ((1 + t) / (1 - t)).ln() / 2 / Decimal(2).ln()
            table.append((index, _half_up(angle * (1 << fraction))))
        return tuple(table)


@cache
def start(last: int, fraction: int) -> int:
    """x_0 = floor(2^fraction / G + 1/2), G = prod sqrt(1 - 2^-2i) over the indices as executed."""
    with localcontext() as context:
        context.prec = 80
        square = Decimal(1)
        for index in cordic_indices(last):
            square *= 1 - Decimal(1) / (1 << 2 * index)
        return _half_up(Decimal(1 << fraction) / square.sqrt())


def turns(angle: Ints, last: int, fraction: int) -> Iterator[tuple[int, Ints]]:
    """Yield (index, sign) of each step that turns ``angle`` (B,) towards zero.

    sign is -1 where the angle is negative, elsewhere 0, in the same array every time: ``(v ^ sign) - sign``
    negates v where sign is -1, all ones.
    """
    left = angle.copy()
    sign = np.empty_like(left)
    step = np.empty_like(left)
    for index, size in angles(last, fraction):
        np.right_shift(left, 63, out=sign)
        yield index, sign
        np.bitwise_xor(sign, size, out=step)
        step -= sign
        left -= step


def vector(mantissa: Ints, last: int, fraction: int) -> Ints:
    """Vectoring of ``mantissa`` (B,): t with log2 m = 2t."""
    one = 1 << fraction
    xy = np.stack([(mantissa + one) >> 1, (mantissa - one) >> 1])
    total = np.zeros_like(mantissa)
    turn = np.empty_like(xy)
    sign = np.empty_like(total)
    step = np.empty_like(total)
    for index, size in angles(last, fraction):
        np.right_shift(xy[1], 63, out=sign)
        np.right_shift(xy, index, out=turn)
        turn ^= sign
        turn -= sign
        np.subtract(xy, turn[::-1], out=xy)
        np.bitwise_xor(sign, size, out=step)
        step -= sign
        total += step
    return total


def check_angle(angle: object, fraction: int) -> Ints:
    """``angle`` as integers; ValueError unless 0 <= f < 1."""
    angle = integers(angle)
    if angle.size and (angle.min() < 0 or angle.max() >> fraction):
        raise ValueError("a CORDIC angle must be in [0, 1)")
    return angle


def rotate(angle: object, last: int, fraction: int) -> tuple[Ints, Ints]:
    """Rotate by ``angle``: (x, y) with ``2^f = x - y``.

    Parameters
    ----------
    angle : raw f, 0 <= f < 1, ``fraction`` fraction bits; any shape
    last : last CORDIC index
    fraction : fraction bits of angle, x and y

    Raises
    ------
    ValueError
        An angle is outside [0, 1).
    """
    angle = check_angle(angle, fraction)
    flat = angle.ravel()
    result = np.empty((2, flat.size), np.int64)
    result[0], result[1] = start(last, fraction), 0
    for begin in range(0, flat.size, BLOCK):
        xy = result[:, begin : begin + BLOCK]
        turn = np.empty_like(xy)
        for index, sign in turns(flat[begin : begin + BLOCK], last, fraction):
            np.right_shift(xy, index, out=turn)
            turn ^= sign
            turn -= sign
            np.subtract(xy, turn[::-1], out=xy)
    return result[0].reshape(angle.shape), result[1].reshape(angle.shape)


def decay(angle: object, last: int, fraction: int) -> Ints:
    """Compute ``2^-f`` by ``s' = s -+ (s >> i)``: the x + y of a rotation, but for its floors.

    Parameters
    ----------
    angle : raw f, 0 <= f < 1, ``fraction`` fraction bits; any shape
    last : last CORDIC index
    fraction : fraction bits of angle and s

    Raises
    ------
    ValueError
        An angle is outside [0, 1).
    """
    angle = check_angle(angle, fraction)
    flat = angle.ravel()
    result = np.full(flat.size, start(last, fraction), np.int64)
    for begin in range(0, flat.size, BLOCK):
        s = result[begin : begin + BLOCK]
        turn = np.empty_like(s)
        for index, sign in turns(flat[begin : begin + BLOCK], last, fraction):
            np.right_shift(s, index, out=turn)
            turn ^= sign
            turn -= sign
            s -= turn
    return result.reshape(angle.shape)


def log2(mantissa: object, last: int, fraction: int) -> Ints:
    """Compute ``max(2t, 0)``, log2 of the mantissa m, 1 <= m < 2, raw in ``fraction`` bits; any shape.

    Raises
    ------
    ValueError
        A mantissa is outside [1, 2).
    """
    mantissa = integers(mantissa)
    if mantissa.size and (mantissa.min() < 1 << fraction or mantissa.max() >> (fraction + 1)):
        raise ValueError("a CORDIC mantissa must be in [1, 2)")
    flat = mantissa.ravel()
    result = np.empty(flat.size, np.int64)
    for begin in range(0, flat.size, BLOCK):
        block = slice(begin, begin + BLOCK)
        result[block] = vector(flat[block], last, fraction)
    return np.maximum(2 * result, 0).reshape(mantissa.shape)
