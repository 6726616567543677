# SPDX-License-Identifier: Apache-2.0
"""``nms energy``: of a sampler by block and phase, and of the memory traffic around it."""

PARTS = ("registers", "combinational", "clock", "memory", "leakage")
"""What the energy of a block in a phase is divided into."""
