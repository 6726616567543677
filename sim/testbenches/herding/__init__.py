# SPDX-License-Identifier: Apache-2.0
"""Testbench of herding, :class:`nms.rtl.selection.herding.Herding`; it plays the memory of distances.

Parameters: ``config``.
"""
