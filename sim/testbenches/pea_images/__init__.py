# SPDX-License-Identifier: Apache-2.0
"""Testbench of the two sides of the image memory, ``ImageLoader`` and ``ImageFetcher``.

Both are blocks of :mod:`nms.rtl.array.pea_images`. Their testbench plays the banks; tests ``loads`` and
``load_reset`` are for the one, ``fetches`` and ``fetch_reset`` for the other.

Parameters: ``config``.
"""
