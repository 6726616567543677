# SPDX-License-Identifier: Apache-2.0
"""Testbench of the AXI system, :class:`nms.rtl.bus.axi.NearMemorySampler`.

Parameters: ``config``; ``outstanding``: reads that the memory accepts at once, no limit by default.
"""
