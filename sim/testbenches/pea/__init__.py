# SPDX-License-Identifier: Apache-2.0
"""Testbench of the processing element array (PEA), :class:`nms.rtl.array.pea.PEA`.

Parameters: ``config``; ``shapes``: how many batches of different shape, all by default; ``timed_pixels``:
pixels of the images by which time is measured, 64 by default.
"""
