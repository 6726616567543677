# SPDX-License-Identifier: Apache-2.0
"""Testbench of the keys of the picks, :class:`nms.rtl.selection.picks.Picks`.

Parameters: ``config``.
"""
