# SPDX-License-Identifier: Apache-2.0
"""What leaves the project: Verilog, ports, registers, FuseSoC cores."""
