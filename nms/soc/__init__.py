# SPDX-License-Identifier: Apache-2.0
"""The sampler in a system on chip of LiteX: processor or bridge, DRAM controller, program, simulation."""
