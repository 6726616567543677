# SPDX-License-Identifier: Apache-2.0
"""Sample whole data sets: form groups, select the images of each, run them on many processes."""

from nms.sampling.bit_true import BitTrue
from nms.sampling.groups import Groups, count_to_keep, group_by_batch, group_by_class
from nms.sampling.select import Method, Selection, select
from nms.sampling.whole import SamplingResult, sample

__all__ = [
    "BitTrue",
    "Groups",
    "Method",
    "SamplingResult",
    "Selection",
    "count_to_keep",
    "group_by_batch",
    "group_by_class",
    "sample",
    "select",
]
