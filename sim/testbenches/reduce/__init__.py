# SPDX-License-Identifier: Apache-2.0
"""Testbench of the reduction, :class:`nms.rtl.reduction.reduce.Reduce`.

Parameters: ``config``, and with ``disturbance`` what its driver does wrong
(:class:`nms.sim.models.disturbance.Disturbance`).
"""
