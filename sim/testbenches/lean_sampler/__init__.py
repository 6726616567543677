# SPDX-License-Identifier: Apache-2.0
"""Testbench of the lean sampler's core, :class:`nms.rtl.lean.sampler.LeanSampler`: images in, tables out."""
