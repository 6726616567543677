# SPDX-License-Identifier: Apache-2.0
"""Testbench of the search phase, :class:`nms.rtl.array.pea_search.SearchPhase`.

It plays the memories and the processing elements (PEs). An element's sums stand for what reached it: the
candidate, and the normalised distances of the pass.

Parameters: ``config``.
"""
