# SPDX-License-Identifier: Apache-2.0
"""Exact integer arithmetic on int64 arrays: rounding, bit lengths, wide products, range checks."""

import numpy as np

from nms.contract.formats import Fixed

Ints = np.ndarray
"""An int64 array (or anything that ``integers`` turns into one)."""

_LOW = np.int64(0xFFFFFFFF)


def integers(values: object) -> Ints:
    """``values`` as int64; ``TypeError`` unless they are integers, so that nothing is floored silently."""
    array = np.asarray(values)
    if array.dtype.kind not in "iub":
        raise TypeError(f"raw values must be integers, not {array.dtype}")
    return array.astype(np.int64, copy=False)


def half_up(value: Ints, shift: object) -> Ints:
    """Round half up: ``floor(value / 2**shift + 1/2)``; a negative ``shift`` multiplies, exactly.

    ``|value| + 2**(shift-1)`` and the result must be below 2**63; ``shift`` is an integer or an array.
    """
    shift = integers(shift)
    right = np.maximum(shift, 0)
    left = np.maximum(-shift, 0)
    return ((value + ((np.int64(1) << right) >> 1)) >> right) << left


def scale(value: Ints, shift: object) -> Ints:
    """Scale by a power of two: ``value * 2**shift``, with floor where ``shift`` is negative."""
    shift = integers(shift)
    return (value << np.maximum(shift, 0)) >> np.maximum(-shift, 0)


def bit_length(value: object) -> Ints:
    """Bits of each non-negative value without leading zeros; 0 has none."""
    value = integers(value)
    if value.size and value.min() < 0:
        raise ValueError("the bit length of a negative value is not defined")
    high = value >> 32
    large = high > 0
    _, bits = np.frexp(np.where(large, high, value).astype(np.float64))  # halves are exact in float64
    return bits + large * np.int64(32)


def product(a: Ints, b: Ints) -> tuple[Ints, np.ndarray]:
    """Multiply exactly, to 128 bits: (high, low) with ``a*b = high * 2**64 + low``, high int64, low uint64.

    Schoolbook multiplication of 32-bit halves; the upper halves are signed. No partial sum leaves 64 bits.
    """
    a, b = integers(a), integers(b)
    a_high, a_low = a >> 32, a & _LOW
    b_high, b_low = b >> 32, b & _LOW
    low = a_low.astype(np.uint64) * b_low.astype(np.uint64)
    first = a_high * b_low + (low >> np.uint64(32)).astype(np.int64)
    second = a_low * b_high + (first & _LOW)
    high = a_high * b_high + (first >> 32) + (second >> 32)
    low = (second.astype(np.uint64) << np.uint64(32)) | (low & np.uint64(0xFFFFFFFF))
    return high, low


def product_half_up(a: Ints, b: Ints, shift: object) -> Ints:
    """Multiply and round half up: ``floor(a*b / 2**shift + 1/2)``, 0 <= shift <= 126, an integer or an array.

    Raises
    ------
    OverflowError
        The result does not fit 64 bits.
    """
    shift = integers(shift)
    if shift.size and (shift.min() < 0 or shift.max() > 126):
        raise ValueError(f"shift {shift}: must be 0 to 126")
    high, low = product(a, b)
    one = np.uint64(1)
    places = shift.astype(np.uint64)
    in_low = shift <= 64
    half_low = np.where(in_low, (one << np.minimum(places, 63) >> one) << (places >> 6), np.uint64(0))
    half_high = np.where(in_low, np.int64(0), np.int64(1) << np.clip(shift - 65, 0, 62))
    rounded = low + half_low
    high = high + half_high + (rounded < low)
    short = np.minimum(shift, 63)
    joined = (rounded >> short.astype(np.uint64)).astype(np.int64)
    upper = (high << 1) << (63 - short)
    result = np.where(shift < 64, joined | upper, high >> np.clip(shift - 64, 0, 63))
    if np.any(high >> np.minimum(shift, 63) != result >> 63):
        raise OverflowError("a rounded product does not fit 64 bits")
    return result


def saturate(value: Ints, form: Fixed) -> Ints:
    """Limit ``value`` to the raw range of ``form``."""
    return np.clip(value, form.min, form.max)


def check(value: Ints, form: Fixed, name: str) -> Ints:
    """Check that every element of ``value`` fits ``form``, and return it.

    Raises
    ------
    OverflowError
        One does not; the message names signal, value and format.
    """
    if value.size:
        least, most = int(value.min()), int(value.max())
        if least < form.min or most > form.max:
            worst = least if least < form.min else most
            raise OverflowError(f"{name} = {worst}: outside {form} ({form.min} to {form.max})")
    return value
