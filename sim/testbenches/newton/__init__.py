# SPDX-License-Identifier: Apache-2.0
"""Testbench of Newton's reciprocal, :class:`nms.rtl.lib.newton.Newton`.

Parameters: ``config``; ``kernel``: true for the reciprocal of the embedding instead of the search's;
``count``: random values, 200 by default.
"""
