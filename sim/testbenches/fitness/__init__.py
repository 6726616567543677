# SPDX-License-Identifier: Apache-2.0
"""Testbench of the fitness unit, :class:`nms.rtl.search.fitness.Fitness`.

Parameters: ``config``.
"""
