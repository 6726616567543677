# SPDX-License-Identifier: Apache-2.0
"""Testbench of the distances between reduced images, :class:`nms.rtl.lean.distances.Distances`.

Parameters: ``config``.
"""
