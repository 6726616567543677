# SPDX-License-Identifier: Apache-2.0
"""Mapping to the cells of a library. Memories stay what they are and are counted in bits."""

import json
from pathlib import Path
from typing import Any

from synth import liberty, timing, yosys
from synth.liberty import Library
from synth.netlist import Netlist
from synth.targets import Target

NETLIST = "netlist.v"
CELLS = "used_cells.v"
LOAD = 10.0
"""Femtofarads at the outputs while abc sizes and buffers: a few inputs of small gates."""

SCRIPT = (
    "read_rtlil elaborated.il",
    "setattr -unset init w:*",
    "synth -top {top} -nofsm -run coarse:fine",
    "memory_map -rom-only",
    "opt -fast -full",
    "techmap",
    "opt -fast",
    "dfflibmap {cells}",
    "abc {cells}{constraint}",
    "setundef -zero",
    "opt_clean -purge",
    "write_json netlist.json",
    f"write_verilog -noattr {NETLIST}",
)
"""Yosys' commands."""


def map_cells(module: str, target: Target, clocks_itself: bool, work: Path) -> tuple[Library, dict[str, Any]]:
    """From ``elaborated.il`` in ``work`` to the netlist, and its figures; OpenSTA, if present, times it."""
    library = liberty.read(target.name, target.liberty, work)
    to_gates(module, library, work)
    netlist = Netlist(json.loads((work / "netlist.json").read_text()), module, library)
    used = {kind for found in netlist.modules.values() for kind in found.kinds} & set(library.cells)
    (work / CELLS).write_text(library.verilog(used))
    deepest = netlist.top.arcs.inner
    figures = {
        **netlist.figures(),
        "depth": deepest.levels,
        "deepest_path": {"from": deepest.start, "to": deepest.end},
        "timing": timing.analyse(netlist, clocks_itself, work),
    }
    return library, figures


def to_gates(module: str, library: Library, work: Path) -> None:
    """From ``elaborated.il`` in ``work`` to ``netlist.json`` and Verilog.

    Tables that are never written become gates. Registers have no initial values, as those of silicon. With a
    library that knows time, abc buffers high fan-outs and sizes gates without a target of its own.
    """
    constraint = ""
    if library.timed:
        (work / "constr").write_text(f"set_driving_cell {library.buffer}\nset_load {LOAD}\n")
        constraint = " -constr constr"
    values = {"top": module, "cells": library.arguments, "constraint": constraint}
    yosys.run([line.format(**values) for line in SCRIPT], work)
