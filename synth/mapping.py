# SPDX-License-Identifier: Apache-2.0
"""Mapping to the cells of a library. Memories stay what they are and are counted in bits."""

import json
from pathlib import Path
from typing import Any

from nms.synth import liberty, timing, yosys
from nms.synth.liberty import Library
from nms.synth.netlist import Netlist
from nms.synth.targets import Target

NETLIST = "netlist.v"
CELLS = "used_cells.v"
EXPRESSIONS = "expressions.v"
SPEED = "strash;&get,-n;&fraig,-x;&put;scorr;map,-B,0.9;topo;buffer,-c;upsize;dnsize;stime,-p"
"""What abc does with a library that knows time: its usual script but for two passes, dc2 and dch, which save
area and make chains of the carries of Yosys' prefix adders."""

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
    "abc {cells}{timed}",
    "setundef -zero",
    "opt_clean -purge",
    "write_json netlist.json",
    f"write_verilog -noattr {NETLIST}",
)
"""Yosys' commands."""


def map_cells(module: str, target: Target, clocks_itself: bool, work: Path) -> tuple[Library, dict[str, Any]]:
    """From ``elaborated.il`` in ``work`` to the netlist, and its figures; OpenSTA, if present, times it.

    ``modules`` are the figures of each module without its inner ones; ``below`` are those of each inner
    module with its own inner ones, timed alone.
    """
    library = liberty.read(target.name, target.liberty, work)
    to_gates(module, library, work)
    netlist = Netlist(json.loads((work / "netlist.json").read_text()), module, library)
    used = {kind for found in netlist.modules.values() for kind in found.kinds} & set(library.cells)
    (work / CELLS).write_text(library.verilog(used))
    figures = {
        **netlist.figures(),
        "modules": netlist.modules_own(),
        "timing": timing.analyse(netlist, clocks_itself, work),
        "below": {
            name: {**part.figures(), "timing": timing.analyse(part, False, work / name)}
            for name in sorted(netlist.modules)
            if name != module
            for part in [netlist.below(name)]
        },
    }
    return library, figures


def to_gates(module: str, library: Library, work: Path) -> None:
    """From ``elaborated.il`` in ``work`` to ``netlist.json`` and Verilog.

    Tables that are never written become gates. Registers have no initial values, as those of silicon. With a
    library that knows time, abc buffers high fan-outs and sizes gates without a target of its own.
    """
    timed = ""
    if library.timed:
        (work / "constr").write_text(f"set_driving_cell {library.buffer}\nset_load {LOAD}\n")
        timed = f" -constr constr -script +{SPEED}"
    values = {"top": module, "cells": library.arguments, "timed": timed}
    yosys.run([line.format(**values) for line in SCRIPT], work)


def expressions(library: Library, work: Path) -> str:
    """The netlist that :func:`map_cells` left in ``work``, to simulate: each cell is its function.

    The functions are those that the library gives them, and nothing is simplified. A simulator takes these
    far quicker than instances of modules by the hundred thousand.
    """
    yosys.run(
        [
            "read_json netlist.json",
            *(f"read_liberty -overwrite {liberty.SKIPPED} {file.name}" for file in library.files),
            "flatten",
            "opt_clean -purge",
            f"write_verilog -noattr {EXPRESSIONS}",
        ],
        work,
    )
    return (work / EXPRESSIONS).read_text()
