# SPDX-License-Identifier: Apache-2.0
"""Testbench of the lean map, :class:`nms.rtl.lean.map.LeanMap`.

Parameters: ``config``; ``long``: iterations of one more map of a whole batch, none by default.
"""
