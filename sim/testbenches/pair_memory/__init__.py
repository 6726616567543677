# SPDX-License-Identifier: Apache-2.0
"""Testbench of the memory of distances, :class:`nms.rtl.lean.pairs.PairMemory`.

Parameters: ``config``.
"""
