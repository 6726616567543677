# SPDX-License-Identifier: Apache-2.0
"""The whole sampler in float64: from images to kept indices."""

from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.contract.settings import Pick
from nms.golden.exact.affinity import Affinities, affinities
from nms.golden.exact.distance import distances, feature_distances
from nms.golden.exact.embedding import draw_start, embed
from nms.golden.exact.picks import choose
from nms.golden.exact.reduction import reduce
from nms.golden.metrics import kl_divergence, trustworthiness


@dataclass(frozen=True)
class Result:
    """Everything that a run computes, and two measures of the map's quality."""

    distance: np.ndarray  # (N, N) int64; of reduced images times a power of two, the unit of 1/beta
    search: Affinities
    affinity: np.ndarray  # (N, N) P'
    embedding_init: np.ndarray  # (N, 2)
    embedding: np.ndarray  # (N, 2)
    kept: np.ndarray  # (K,) int64, ascending
    kl_divergence: float
    trustworthiness: float


def run(
    images: np.ndarray,
    keep: int,
    target: float = 15.0,
    iterations: int = 300,
    seed: int = 1,
    y0: np.ndarray | None = None,
    method: str = "newton",
    side: int = 0,
    grey: bool = False,
    pick: int = Pick.CENTRE,
) -> Result:
    """Sample a batch: from images to kept indices.

    Parameters
    ----------
    images : (N, ...) uint8, of those that are reduced (N, height, width[, channels])
    keep : K, images to keep
    target : perplexity
    iterations : gradient iterations
    seed : for the start and for ``method="de"``
    y0 : (N, 2) start, instead of drawing one
    method : of the perplexity search, see :func:`nms.golden.exact.affinities`
    side, grey : of the grid of means to which images are reduced, see
        :func:`nms.golden.exact.reduction.reduce`; with ``side`` 0 they are taken as they are
    pick : what a cell keeps first, see :func:`nms.golden.exact.picks.choose`

    Raises
    ------
    UserError
        See :func:`nms.golden.exact.distances`, :func:`nms.golden.exact.affinities` and
        :func:`nms.golden.exact.sample`.
    """
    if not 1 <= keep <= len(images):
        raise UserError(f"keep {keep}: must be 1 to {len(images)} (images)")
    if side:
        distance = feature_distances(reduce(images, side, grey).reshape(len(images), -1))
    else:
        distance = distances(images)
    search = affinities(distance, target, method, seed)
    y0 = draw_start(len(images), seed) if y0 is None else y0
    if y0.shape != (len(images), 2):
        raise UserError(f"y0 of shape {y0.shape}: must be ({len(images)}, 2)")
    joint = search.joint
    y = embed(joint, y0, iterations)
    return Result(
        distance=distance,
        search=search,
        affinity=joint,
        embedding_init=y0,
        embedding=y,
        kept=choose(pick, y, keep, distance, joint),
        kl_divergence=kl_divergence(joint, y),
        trustworthiness=trustworthiness(distance, y),
    )
