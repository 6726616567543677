# SPDX-License-Identifier: Apache-2.0
"""Toggle counts: counters in the Verilog, counting windows drawn within the phases."""
