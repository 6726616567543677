# SPDX-License-Identifier: Apache-2.0
"""Testbench of the whole sampler, :class:`nms.rtl.sampler.Sampler`.

Parameters: ``config``.
"""
