# SPDX-License-Identifier: Apache-2.0
"""Testbench of the search for near-duplicates, :class:`nms.rtl.reduction.near_duplicates.NearDuplicates`.

Parameters: ``config``.
"""
