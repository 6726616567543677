# SPDX-License-Identifier: Apache-2.0
"""Testbench of the embedding unit (TE), :class:`nms.rtl.embedding.te.TE`.

Parameters: ``config``; ``long``: iterations of one more embedding of real images, none by default.
"""
