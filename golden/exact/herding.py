# SPDX-License-Identifier: Apache-2.0
"""Herding in float64: of feature vectors, those whose running mean follows the mean of all.

Herding (Welling, 2009; with kernels Chen et al., 2010) takes one after the other the i with the largest
``mean_j k(x_i, x_j) - 1/(t+1) sum_c k(x_i, x_c)`` over the t vectors c taken before. With the kernel
``k(x, y) = -|x - y|**2`` this is the vector that brings the mean of the t + 1 taken nearest to the mean of
all, which Rebuffi et al. (2017) use to choose exemplars.
"""

import numpy as np


def choose(features: np.ndarray, keep: int) -> np.ndarray:
    """Choose ``keep`` of the vectors (N, D), each once, the first of equals: their indices, ascending."""
    centred = features - features.mean(axis=0)
    total = np.zeros(centred.shape[1])
    left = np.ones(len(centred), bool)
    for _ in range(keep):
        error = ((total + centred) ** 2).sum(axis=1)
        chosen = int(np.where(left, error, np.inf).argmin())
        left[chosen] = False
        total += centred[chosen]
    return np.flatnonzero(~left)
