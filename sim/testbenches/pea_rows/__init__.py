# SPDX-License-Identifier: Apache-2.0
"""Testbench of the scan of the rows, :class:`nms.rtl.array.pea_rows.RowScan`; it plays the distance memory.

Parameters: ``config``.
"""
