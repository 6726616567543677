# SPDX-License-Identifier: Apache-2.0
"""Power of a netlist as OpenSTA reports it: a cross-check of :mod:`nms.energy.sampler.netlist_energy`.

OpenSTA 2.0 reads neither SAIF nor VCD, and an activity set on inner pins has no effect (``set_power_activity
-pins`` fails, ``set_power_pin_activity`` changes no figure). But the switching power of a cell is
proportional to the activity of the nets that it drives. So OpenSTA reports each cell at one transition a
cycle everywhere, and the caller multiplies by the counted rate.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nms.energy.sampler.power_library import PowerLibrary
from nms.sim import process
from nms.synth import liberty_file
from nms.synth.liberty_plain import write_plain
from nms.synth.timing import PROGRAM

ROW = re.compile(r"^\s*(\S+)\s+(\S+)\s+(\S+)\s+\S+ c(\d+)$", re.MULTILINE)
WIRES = re.compile(r"^\s*default_wire_load\s*:.*?;", re.MULTILINE)
"""The attribute that would add a wire's capacitance to every net."""


@dataclass(frozen=True)
class CellPower:
    """Power of one cell in watts with one transition a cycle on every net, and the nets that it drives."""

    drives: tuple[int, ...]
    sequential: bool
    internal: float
    switching: float
    leakage: float


def _write_structural(
    module: Mapping[str, Any], library: PowerLibrary
) -> tuple[str, dict[int, dict[str, Any]]]:
    """The cells of a module as plain Verilog with numbered nets and cells, and the cells by number."""
    cells = {n: c for n, c in enumerate(module["cells"].values()) if c["type"] in library.cells}
    lines, nets, driven = [], set(), set()
    for number, cell in cells.items():
        pins = []
        for pin, (bit,) in cell["connections"].items():
            if not isinstance(bit, int):
                pins.append(f".{pin}(1'b{bit if bit in '01' else 0})")
                continue
            nets.add(bit)
            pins.append(f".{pin}(n{bit})")
            if library.cells[cell["type"]].pins[pin].direction != "input":
                driven.add(bit)
        lines.append(f"  {cell['type']} c{number} ({', '.join(pins)});")
    given = sorted(nets - driven)
    head = [f"module top ({', '.join(f'n{bit}' for bit in given)});", *(f"  input n{bit};" for bit in given)]
    wires = [f"  wire n{bit};" for bit in sorted(driven)]
    return "\n".join([*head, *wires, *lines, "endmodule", ""]), cells


def report_power(
    module: Mapping[str, Any], library: PowerLibrary, period: float, work: Path
) -> list[CellPower]:
    """Power of every cell of a module with one transition a cycle on every net, without wires.

    Parameters
    ----------
    module : of Yosys' JSON; what is not a cell of the library is left out
    period : of the clock, in seconds
    work : a folder for the files

    Raises
    ------
    ToolError
        OpenSTA fails or does not report every cell.
    """
    text, cells = _write_structural(module, library)
    (work / "power.v").write_text(text)
    script = []
    for number, file in enumerate(library.files):
        text = write_plain(liberty_file.load(file), power=True)
        (work / f"{number}.lib").write_text(WIRES.sub("", text))
        script.append(f"read_liberty {number}.lib")
    clock = next(
        cell["connections"][library.cells[cell["type"]].clock][0]
        for cell in cells.values()
        if library.cells[cell["type"]].sequential
    )
    script += [
        "read_verilog power.v",
        "link_design top",
        f"create_clock -name clk -period {period * 1e9:g} [get_ports n{clock}]",
        "set_input_delay 0 -clock clk [all_inputs]",
        "set_power_activity -global -activity 1",
        "report_power -instances [get_cells *] -digits 9",
    ]
    (work / "power.tcl").write_text("\n".join(script) + "\n")
    printed = process.run("OpenSTA", [PROGRAM, "-no_init", "-exit", "power.tcl"], work)
    rows = {int(number): tuple(map(float, values)) for *values, number in ROW.findall(printed)}
    if rows.keys() != cells.keys():
        raise process.make_error("OpenSTA", 0, printed)
    found = []
    for number, cell in cells.items():
        known = library.cells[cell["type"]]
        drives = tuple(
            bits[0]
            for pin, bits in cell["connections"].items()
            if known.pins[pin].direction != "input" and isinstance(bits[0], int)
        )
        internal, switching, leakage = rows[number]
        found.append(CellPower(drives, known.sequential, internal, switching, leakage))
    return found
