# SPDX-License-Identifier: Apache-2.0
"""Synthesis with open tools.

In dataflow order: ``targets`` (what to synthesise for), ``elaborate`` (Verilog to RTLIL), ``liberty`` and
``clock_gates`` (cell libraries, whose files the modules ``liberty_*`` read), ``mapping`` (to cells),
``netlist`` (area and depth), ``timing`` (OpenSTA), ``placement`` (ECP5 instead of cells), ``metrics``
(records and baselines), ``flow`` (all of these). ``yosys`` runs Yosys; ``tools`` finds the tools.
"""

import os

__path__ = [os.path.realpath(folder) for folder in __path__]
# A checkout holds this folder at its top and a link to it in ``nms``; messages name the real one.
