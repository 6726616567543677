# SPDX-License-Identifier: Apache-2.0
"""Verilator: building, running, and what is put into Verilog text to check, trace or break it."""
