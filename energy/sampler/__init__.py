# SPDX-License-Identifier: Apache-2.0
"""Energy of a sampler by block and phase, from toggles counted in simulation.

In dataflow order: ``power_reader`` (what Liberty files say of power, with ``power_rails``), ``power_cells``
(this for a cell) and ``power_library`` (for all), ``technology`` (nodes, and scaling between them),
``netlists`` (blocks mapped to the library), ``gate_sim`` (values of a netlist's nets), ``netlist_energy``
(their toggles to joules), ``gate_reference`` (energy of blocks at gate level, kept by ``cache``), ``fit``
(joules per toggle of the RTL), ``calibration`` (all these for a configuration),
``on_chip_memory`` (joules per access), ``estimate`` (a run, by block and phase), ``results`` and ``plot``
(the files of ``nms energy sampler``). ``opensta`` is a cross-check for the tests.
"""
