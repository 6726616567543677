# SPDX-License-Identifier: Apache-2.0
"""Switching power by OpenSTA under the same activity: the cross-check of :mod:`synth.energy.gates`.

OpenSTA 2 reads neither SAIF nor VCD; the activity of every driving pin is set by itself.
"""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synth.energy.library import PowerLibrary
from synth.timing import PROGRAM


def _structural(module: Mapping[str, Any], library: PowerLibrary) -> tuple[str, dict[int, str]]:
    """The cells of a module as plain Verilog, nets by their numbers; the driving pin of each net."""
    drivers: dict[int, str] = {}
    lines, nets = [], set()
    for number, cell in enumerate(module["cells"].values()):
        known = library.cells.get(cell["type"])
        if known is None:
            continue
        pins = []
        for pin, (bit,) in cell["connections"].items():
            if not isinstance(bit, int):
                continue  # a constant never toggles
            nets.add(bit)
            pins.append(f".{pin}(n{bit})")
            if known.pins[pin].direction != "input":
                drivers[bit] = f"c{number}/{pin}"
        lines.append(f"  {cell['type']} c{number} ({', '.join(pins)});")
    given = sorted(nets - drivers.keys())
    ports = ", ".join(f"n{bit}" for bit in given)
    head = [f"module top ({ports});", *(f"  input n{bit};" for bit in given)]
    return "\n".join(
        [*head, *(f"  wire n{bit};" for bit in sorted(drivers)), *lines, "endmodule", ""]
    ), drivers


def switching_power(
    module: Mapping[str, Any], rates: Mapping[int, float], library: PowerLibrary, period: float, work: Path
) -> float:
    """Watts to charge and discharge the nets that the module's cells drive.

    Parameters
    ----------
    rates : toggles a cycle of each net, by its number
    period : of the clock, in seconds
    work : a folder for the files; OpenSTA reads unpacked Liberty files only

    Raises
    ------
    RuntimeError
        OpenSTA prints no total.
    """
    text, drivers = _structural(module, library)
    (work / "power.v").write_text(text)
    clock = next(
        cell["connections"][library.cells[cell["type"]].clock][0]
        for cell in module["cells"].values()
        if cell["type"] in library.cells and library.cells[cell["type"]].sequential
    )
    script = [f"read_liberty {file}" for file in library.files]
    script += ["read_verilog power.v", "link_design top"]
    script += [f"create_clock -name clk -period {period * 1e9:g} [get_ports n{clock}]"]
    script += [
        f"set_power_activity -pins {pin} -activity {rates.get(bit, 0.0):.9g} -duty 0.5"
        for bit, pin in drivers.items()
    ]
    script += ["report_power -digits 6", "exit"]
    (work / "power.tcl").write_text("\n".join(script) + "\n")
    done = subprocess.run(
        [PROGRAM, "-exit", "power.tcl"], cwd=work, capture_output=True, text=True, check=False
    )
    total = re.search(r"^Total\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", done.stdout, re.MULTILINE)
    if total is None or "Error" in done.stdout + done.stderr:
        raise RuntimeError(f"OpenSTA printed no power: {(done.stdout + done.stderr)[-500:]}")
    return float(total[2])
