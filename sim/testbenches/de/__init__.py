# SPDX-License-Identifier: Apache-2.0
"""Testbench of the search, :class:`nms.rtl.search.de.DE`; it plays the processing element array (PEA).

Parameters: ``config``; ``cycles``: most cycles of a full batch by search method, none by default.
"""
