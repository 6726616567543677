# SPDX-License-Identifier: Apache-2.0
"""Testbench of the start values, :class:`nms.rtl.lib.prng.Seeds`.

Parameters: ``config``.
"""
