# SPDX-License-Identifier: Apache-2.0
"""Toggle counts: counters in the Verilog, counting intervals drawn within the phases."""
