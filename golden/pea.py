# SPDX-License-Identifier: Apache-2.0
"""The array of processing elements (PEA): exact distances and their normalisation (contract, section 5)."""

import numpy as np

from nms.contract.config import Config
from nms.contract.errors import UserError
from nms.golden.fixed import Ints, bit_length, integers
from nms.golden.gram import gram


def distances(images: object) -> Ints:
    """Compute ``D_ij = sum_d (x_id - x_jd)^2`` of uint8 images (N, pixels): (N, N), zero diagonal.

    ``|x|^2 + |y|^2 - 2 x.y`` is exact in float64, see :func:`nms.golden.gram.gram`.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 2:
        raise UserError(f"images {images.dtype} {images.shape}: must be uint8 (images, pixels)")
    products = gram(images)
    squares = np.diag(products)
    return (squares[:, None] + squares[None, :] - 2 * products).astype(np.int64)


def _others(distance: object) -> Ints:
    """Row i without D_ii, j ascending: (N, N-1)."""
    distance = integers(distance)
    count = len(distance)
    return distance[~np.eye(count, dtype=bool)].reshape(count, count - 1)


def summarise_rows(config: Config, distance: object) -> tuple[Ints, Ints, Ints]:
    """Find minimum, scale L and ties m of each row over j != i, (N,) each.

    Raises
    ------
    OverflowError
        A distance has more than DW bits.
    """
    others = _others(distance)
    minimum = others.min(axis=1)
    most = others.max(axis=1)
    if int(most.max()).bit_length() > config.derived.distance_width:
        raise OverflowError(f"distance = {most.max()}: more than {config.derived.distance_width} bits")
    return minimum, bit_length(most - minimum), (others == minimum[:, None]).sum(axis=1, dtype=np.int64)


def normalise(config: Config, distance: object) -> Ints:
    """Normalise the distances: ``dn = (D - minimum) << (DW - L)``, u0.DW, (N, N-1), j ascending without i."""
    minimum, scale, _ = summarise_rows(config, distance)
    shift = config.derived.distance_width - scale
    return (_others(distance) - minimum[:, None]) << shift[:, None]
