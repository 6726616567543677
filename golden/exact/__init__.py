# SPDX-License-Identifier: Apache-2.0
"""DE-SNE sampling in float64: what the fixed-point sampler approximates.

DE-SNE is t-distributed stochastic neighbour embedding (t-SNE) whose perplexity search is a differential
evolution. Images -> squared distances -> perplexity search -> symmetrised affinities -> embedding -> grid ->
kept indices. Distances and the grid are exact integers; everything between is float64. Beside it stand the
parts of samplers that look at reduced images: :mod:`nms.golden.exact.reduction` and
:mod:`nms.golden.exact.herding`.
"""

from nms.golden.exact.affinity import Affinities, affinities, perplexity
from nms.golden.exact.distance import distances, feature_distances, off_diagonal, with_diagonal
from nms.golden.exact.embedding import draw_start, embed, gradient
from nms.golden.exact.grid import apportion, assign_cells, fine_side, hardware_side, sample
from nms.golden.exact.pipeline import Result, run
from nms.golden.exact.search import STOP

__all__ = [
    "STOP",
    "Affinities",
    "Result",
    "affinities",
    "apportion",
    "assign_cells",
    "distances",
    "draw_start",
    "embed",
    "feature_distances",
    "fine_side",
    "gradient",
    "hardware_side",
    "off_diagonal",
    "perplexity",
    "run",
    "sample",
    "with_diagonal",
]
