# SPDX-License-Identifier: Apache-2.0
"""The tables of the lean search and map (contract, sections 19 and 21), a few hundred small integers."""

import math

import numpy as np

MANTISSA = np.array([math.floor(2.0 ** (k / 256) * 256 + 0.5) for k in range(256)], np.int64)
"""``2^f`` with 8 fraction bits, by the 8 fraction bits of u."""

WEIGHT = np.array([math.floor(2.0 ** (-k / 64) * 256 + 0.5) for k in range(64)], np.int64)
"""``2^-f`` with 8 fraction bits, by the 6 fraction bits of z."""

LOG = np.array([math.floor(math.log2(1 + (k + 0.5) / 128) * 256 + 0.5) for k in range(128)], np.int64)
"""``log2 m`` with 8 fraction bits in the middle of each 128th of 1 <= m < 2."""

KERNEL = np.array([math.floor(2**15 / (128 + k + 0.5) + 0.5) for k in range(128)], np.int64)
"""``1/m`` with 8 fraction bits in the middle of each 128th of 1 <= m < 2."""
