# SPDX-License-Identifier: Apache-2.0
"""Testbench of the affinities, :class:`nms.rtl.embedding.affinity.Affinity`.

Parameters: ``config``.
"""
