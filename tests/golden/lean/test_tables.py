# SPDX-License-Identifier: Apache-2.0
"""The tables against 50 digits of mpmath."""

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from nms.golden.lean import tables

ENTRIES: dict[str, tuple[int, Callable[[int], mpmath.mpf]]] = {
    "MANTISSA": (256, lambda k: mpmath.mpf(2) ** (mpmath.mpf(k) / 256) * 256),
    "WEIGHT": (64, lambda k: mpmath.mpf(2) ** (-mpmath.mpf(k) / 64) * 256),
    "LOG": (128, lambda k: mpmath.log(1 + (k + mpmath.mpf(1) / 2) / 128, 2) * 256),
    "KERNEL": (128, lambda k: mpmath.mpf(2**15) / (128 + k + mpmath.mpf(1) / 2)),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_entries(name: str) -> None:
    count, value = ENTRIES[name]
    with mpmath.workdps(50):
        expected = [int(mpmath.floor(value(k) + mpmath.mpf(1) / 2)) for k in range(count)]
    table = getattr(tables, name)
    assert table.tolist() == expected
    assert table.dtype == np.int64
