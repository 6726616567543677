# SPDX-License-Identifier: Apache-2.0
"""Sampling whole data sets in float64: groups, one group's selection, and running them all."""

from nms.sampling.groups import Groups, by_class, in_batches, to_keep
from nms.sampling.select import Method, Selection, select
from nms.sampling.whole import Sampled, sample

__all__ = [
    "Groups",
    "Method",
    "Sampled",
    "Selection",
    "by_class",
    "in_batches",
    "sample",
    "select",
    "to_keep",
]
