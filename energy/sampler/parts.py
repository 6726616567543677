# SPDX-License-Identifier: Apache-2.0
"""The parts into which energies are divided."""

FITTED_PARTS = ("registers", "combinational")
"""Parts that are fitted to toggles."""

NETLIST_PARTS = (*FITTED_PARTS, "clock", "leakage")
"""Parts of a netlist's energy."""

SAMPLER_PARTS = ("registers", "combinational", "clock", "memory", "leakage")
"""Parts of a block's energy in a phase, in the order in which they are shown."""
