# SPDX-License-Identifier: Apache-2.0
"""Testbench of the lean search, :class:`nms.rtl.lean.search.LeanSearch`.

Parameters: ``config``.
"""
