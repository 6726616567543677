# SPDX-License-Identifier: Apache-2.0
"""Testbench of the distance phase, :class:`nms.rtl.array.pea_distances.DistancePhase`.

It plays the image memory and the processing elements (PEs), cycle by cycle.

Parameters: ``config``.
"""
