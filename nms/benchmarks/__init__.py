# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of ``nms bench``, one subject a module: figures with the bounds claimed of them."""
