# SPDX-License-Identifier: Apache-2.0
"""Map a block to the cells of a library. Memories are not mapped, but counted in bits."""

import json
from pathlib import Path
from typing import Any

from nms.contract.errors import UserError
from nms.synth import clock_gates, liberty, timing, yosys
from nms.synth.clock_gates import ClockGate
from nms.synth.liberty import CellLibrary
from nms.synth.netlist import Netlist
from nms.synth.targets import Target

NETLIST = "netlist.v"
CELLS = "used_cells.v"
SIMULATION_MODEL = "simulation_model.v"
SPEED = "strash;&get,-n;&fraig,-x;&put;scorr;map,-B,0.9;topo;buffer,-c;upsize;dnsize;stime,-p"
"""Script of abc for a library with delays: its usual one without the passes dc2 and dch, which save area but
turn Yosys' prefix adders into carry chains."""

LOAD = 10.0
"""Load of the outputs in femtofarads while abc sizes and buffers: a few inputs of small gates."""

SCRIPT = (
    "read_rtlil elaborated.il",
    "setattr -unset init w:*",
    "synth -top {top} -nofsm -run coarse:fine",
    "memory_map -rom-only",
    "opt -fast -full",
    "techmap",
    "opt -fast",
    "{gating}",
    "dfflibmap {cells}",
    "abc {cells}{timed}",
    "setundef -zero",
    "opt_clean -purge",
    "write_json netlist.json",
    f"write_verilog -noattr {NETLIST}",
)
"""Commands of Yosys."""


def map_block(
    module: str, target: Target, clocks_itself: bool, work: Path
) -> tuple[CellLibrary, dict[str, Any]]:
    """Map ``elaborated.il`` in ``work`` to cells; return the library, and the figures of the netlist.

    In the figures, ``modules`` has each module without its inner modules; ``below`` has each inner module
    with its own inner modules, timed alone. OpenSTA times the netlist if it is installed. ``clocks_itself``
    is that of the block, :class:`nms.rtl.lib.hierarchy.Block`.

    Raises
    ------
    UserError
        A Liberty file is missing or unusable, or the target asks for clock gates and there are none to use.
    ToolError
        A tool failed.
    """
    library = liberty.read(target.name, target.liberty, work)
    map_netlist(module, library, work, choose_gate(target, library))
    netlist = Netlist(json.loads((work / "netlist.json").read_text()), module, library)
    if target.clock_gating and not netlist.sum_figures()["gated_flip_flops"]:
        raise UserError(
            f"{module}: --clock-gating gates no flip-flop; "
            f"needs {clock_gates.LEAST} or more with the same enable in a block"
        )
    used = {kind for found in netlist.modules.values() for kind in found.kinds} & set(library.cells)
    for kind in sorted(used):
        if not library.cells[kind].area:
            library.places[kind].fail("has no area; must have one, since the netlist has the cell")
    (work / CELLS).write_text(library.verilog(used))
    figures = {
        **netlist.figures(),
        "modules": netlist.figures_by_module(),
        "timing": timing.analyse(netlist, clocks_itself, work),
        "below": {
            name: {**part.figures(), "timing": timing.analyse(part, False, work / name)}
            for name in sorted(netlist.modules)
            if name != module
            for part in [netlist.subnetlist(name)]
        },
    }
    return library, figures


def choose_gate(target: Target, library: CellLibrary) -> ClockGate | None:
    """The clock gate to map with: the library's first, none if it has none or the target wants none.

    Raises
    ------
    UserError
        The target asks for clock gates, and the library has none.
    """
    if target.clock_gating and not library.clock_gates:
        raise UserError(
            f"target {target.name!r}: --clock-gating needs a cell with clock_gating_integrated_cell : "
            "latch_posedge; the library has none"
        )
    return library.clock_gates[0] if library.clock_gates and target.clock_gating is not False else None


def map_netlist(module: str, library: CellLibrary, work: Path, gate: ClockGate | None = None) -> None:
    """Map ``elaborated.il`` in ``work`` to ``netlist.json`` and Verilog.

    Tables that are never written become gates. Registers have no initial values, as in silicon. With a
    library that has delays, abc buffers high fan-outs and sizes gates, without a target delay. With a
    clock ``gate``, registers that share an enable are clocked through one in place of multiplexers.
    """
    timed = ""
    if library.timed:
        (work / "constr").write_text(f"set_driving_cell {library.buffer}\nset_load {LOAD}\n")
        timed = f" -constr constr -script +{SPEED}"
    gating = "; ".join(clock_gates.make_script(gate, work)) if gate is not None else ""
    values = {"top": module, "cells": library.arguments, "timed": timed, "gating": gating}
    yosys.run([line.format(**values) for line in SCRIPT], work)


def write_simulation_model(library: CellLibrary, work: Path) -> str:
    """Write the netlist that :func:`map_block` left in ``work`` as Verilog to simulate, and return its text.

    Each cell is replaced by its function as the library gives it, and nothing is simplified. A simulator
    compiles expressions far faster than hundreds of thousands of module instances.
    """
    yosys.run(
        [
            "read_json netlist.json",
            *liberty.make_reading_script(library.files, library.clock_gates, work),
            "flatten",
            "opt_clean -purge",
            f"write_verilog -noattr {SIMULATION_MODEL}",
        ],
        work,
    )
    return (work / SIMULATION_MODEL).read_text()
