# SPDX-License-Identifier: Apache-2.0
"""Energy of a training's memory traffic, and what a sampler beside the memory saves.

In dataflow order: ``parameters`` (the constants), ``run_traffic`` (bytes counted in a simulated run),
``training_traffic`` (bytes that each system moves in a training), ``dram`` (bytes to joules), ``comparison``
(systems, break-even, published ratios), ``sensitivity`` (which conclusions hold if the constants are wrong),
``results`` (``energy-system.json``).
"""
