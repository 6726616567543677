# SPDX-License-Identifier: Apache-2.0
"""Energy of a sampler by block and phase, from toggles counted in simulation."""

PARTS = ("registers", "combinational", "clock", "memory", "leakage")
"""What the energy of a block in a phase is divided into."""
