# SPDX-License-Identifier: Apache-2.0
"""Testbench of the grid sampler, :class:`nms.rtl.selection.grid.Grid`.

Parameters: ``config``.
"""
