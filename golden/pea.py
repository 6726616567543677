# SPDX-License-Identifier: Apache-2.0
"""The PE array: exact distances, and what is taken from each row of them (contract, section 5)."""

import numpy as np

from nms.contract.config import Config
from nms.contract.errors import UserError
from nms.golden.fixed import Ints, bit_length, integers


def distances(images: object) -> Ints:
    """``D_ij = sum_d (x_id - x_jd)^2`` of uint8 images (N, pixels): (N, N), zero diagonal.

    ``|x|^2 + |y|^2 - 2 x.y`` in float64, which is exact: every partial sum is an integer below 2^53.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 2:
        raise UserError(f"images {images.dtype} {images.shape}: must be uint8 (images, pixels)")
    x = images.astype(np.float64)
    gram = x @ x.T
    squares = np.diag(gram)
    return (squares[:, None] + squares[None, :] - 2 * gram).astype(np.int64)


def _others(distance: object) -> Ints:
    """(N, N-1): row i without D_ii, j ascending."""
    distance = integers(distance)
    count = len(distance)
    return distance[~np.eye(count, dtype=bool)].reshape(count, count - 1)


def rows(config: Config, distance: object) -> tuple[Ints, Ints, Ints]:
    """(minimum, scale L, ties m) of each row over j != i, each (N,).

    Raises
    ------
    OverflowError
        A distance wider than DW bits.
    """
    others = _others(distance)
    minimum = others.min(axis=1)
    most = others.max(axis=1)
    if int(most.max()).bit_length() > config.derived.distance_width:
        raise OverflowError(f"distance = {most.max()}: more than {config.derived.distance_width} bits")
    return minimum, bit_length(most - minimum), (others == minimum[:, None]).sum(axis=1, dtype=np.int64)


def normalised(config: Config, distance: object) -> Ints:
    """``dn = (D - minimum) << (DW - L)``, u0.DW, (N, N-1), j ascending without i."""
    minimum, scale, _ = rows(config, distance)
    shift = config.derived.distance_width - scale
    return (_others(distance) - minimum[:, None]) << shift[:, None]
