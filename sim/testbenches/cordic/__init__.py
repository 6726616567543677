# SPDX-License-Identifier: Apache-2.0
"""Testbench of the CORDIC units: :class:`nms.rtl.lib.cordic.Rotate`, ``Decay`` and ``Vector``.

The widths of the ports tell which of them it is.

Parameters: ``config``; ``last``: the last shift index; ``count``: random values, 200 by default.
"""
