# SPDX-License-Identifier: Apache-2.0
"""Time a mapped netlist with OpenSTA, if it is installed: cell delays and slews, without wires.

OpenSTA reads a subset of Verilog, so the netlist is written again for it with plain names. Each memory
becomes a cell of its own, whose timing is assumed (``ACCESS``, ``SETUP``).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nms.sim import process
from nms.sim.child_environment import make_environment
from nms.synth.netlist import MEMORY, Bit, Netlist, NetlistModule, parse_number

PROGRAM = "sta"
PERIOD = 10.0
"""Clock period in nanoseconds; the longest path is the period less the slack, whatever the period."""

ACCESS, SETUP = 2.0, 0.2
"""Assumed timing of a memory in nanoseconds: from clock or address to data, and setup of its inputs."""

READ, WRITE = ("RD_ADDR", "RD_EN"), ("WR_ADDR", "WR_DATA", "WR_EN")


def available() -> bool:
    """Whether OpenSTA is installed."""
    return shutil.which(PROGRAM) is not None


def version() -> str | None:
    """OpenSTA's version, or ``None`` if it is not installed."""
    if not available():
        return None
    done = subprocess.run(
        [PROGRAM, "-version"], env=make_environment(), capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


class _Writer:
    """Writes the netlist as plain Verilog, its memories as Liberty; knows what the plain names mean."""

    def __init__(self, netlist: Netlist) -> None:
        self.netlist = netlist
        self.memories: list[str] = []
        self.modules = {name: f"m{k}" for k, name in enumerate(netlist.modules)}
        self.plain = {
            module: {name: f"g{k}" for k, name in enumerate(m.cells)} for module, m in netlist.modules.items()
        }

    def verilog(self) -> str:
        """All modules of the netlist."""
        return "\n".join(line for module in self.netlist.modules.values() for line in self._module(module))

    def _module(self, module: NetlistModule) -> Iterator[str]:
        nets: dict[Bit, str] = {"0": "1'b0", "1": "1'b1", "x": "1'b0", "z": "1'b0"}
        assigned = []
        lines = []
        for port, found in module.ports.items():
            plain = self._port(port)
            lines.append(f"  {found['direction']} [{len(found['bits']) - 1}:0] {plain};")
            for k, bit in enumerate(found["bits"]):
                if bit in nets:
                    assigned.append(f"  assign {plain}[{k}] = {nets[bit]};")
                else:
                    nets[bit] = f"{plain}[{k}]"
        wires: set[str] = set()

        def net(bit: Bit) -> str:
            if bit not in nets:
                nets[bit] = f"n{bit}"
                wires.add(nets[bit])
            return nets[bit]

        cells = []
        for name, cell in module.cells.items():
            pins, plain = cell["connections"], self.plain[module.name][name]
            if cell["type"] == MEMORY:
                kind = self._memory(cell["parameters"], pins)
                joined = [f".{pin}_{k}({net(b)})" for pin, k, b in _pins(pins)]
            elif cell["type"] in self.modules:
                kind = self.modules[cell["type"]]
                joined = [
                    f".{self._port(p)}({{{', '.join(map(net, reversed(b)))}}})" for p, b in pins.items()
                ]
            else:
                kind = cell["type"]
                joined = [f".{pin}({net(bits[0])})" for pin, bits in pins.items()]
            cells.append(f"  {kind} {plain} ({', '.join(joined)});")
        yield f"module {self.modules[module.name]} ({', '.join(map(self._port, module.ports))});"
        yield from lines
        yield from (f"  wire {wire};" for wire in sorted(wires))
        yield from assigned
        yield from cells
        yield "endmodule"

    @staticmethod
    def _port(name: str) -> str:
        return "p_" + re.sub(r"\W", "_", name)

    def _memory(self, parameters: dict[str, str], pins: dict[str, list[Bit]]) -> str:
        kind = f"memory{len(self.memories)}"
        width, address = parse_number(parameters["WIDTH"]), parse_number(parameters["ABITS"])
        clocked = [digit == "1" for digit in reversed(parameters["RD_CLK_ENABLE"])]
        text = [f"  cell ({kind}) {{ area : 0; interface_timing : true;"]
        for pin, k, _ in _pins(pins):
            name = f"{pin}_{k}"
            port = k // (width if pin == "RD_DATA" else address if pin == "RD_ADDR" else 1)
            if pin.endswith("CLK"):
                text.append(f"    pin ({name}) {{ direction : input; clock : true; capacitance : 0; }}")
            elif pin == "RD_DATA" and clocked[port]:
                text.append(_arc(name, "output", f"RD_CLK_{port}", "rising_edge", ACCESS))
            elif pin == "RD_DATA":
                lines = " ".join(f"RD_ADDR_{port * address + a}" for a in range(address))
                text.append(_arc(name, "output", lines, "combinational", ACCESS))
            elif pin in READ and not clocked[port]:
                text.append(f"    pin ({name}) {{ direction : input; capacitance : 0; }}")
            else:
                clock = "RD_CLK_" + str(port) if pin in READ else "WR_CLK_0"
                text.append(_arc(name, "input", clock, "setup_rising", SETUP))
        self.memories.append("\n".join([*text, "  }"]))
        return kind

    def liberty(self) -> str:
        """Liberty of the memories."""
        units = 'time_unit : "1ns"; capacitive_load_unit (1, pf); delay_model : table_lookup;'
        return f"library (memories) {{\n  {units}\n" + "\n".join(self.memories) + "\n}\n"


def _pins(pins: dict[str, list[Bit]]) -> Iterator[tuple[str, int, Bit]]:
    """The pins of a memory, bit by bit, without those that are tied off."""
    for pin in (*READ, *WRITE, "RD_DATA", "RD_CLK", "WR_CLK"):
        yield from ((pin, k, bit) for k, bit in enumerate(pins[pin]))


def _arc(pin: str, direction: str, related: str, kind: str, delay: float) -> str:
    table = f'(scalar) {{ values ("{delay}"); }}'
    if direction == "input":
        values = f"rise_constraint {table} fall_constraint {table}"
    else:
        slew = '(scalar) { values ("0.05"); }'
        values = f"cell_rise {table} cell_fall {table} rise_transition {slew} fall_transition {slew}"
    sense = " timing_sense : non_unate;" if direction == "output" else ""
    return (
        f"    pin ({pin}) {{ direction : {direction}; capacitance : 0; "
        f'timing () {{ related_pin : "{related}"; timing_type : {kind};{sense} {values}}} }}'
    )


def analyse(netlist: Netlist, clocks_itself: bool, work: Path) -> dict[str, Any] | None:
    """Worst path in ns, where it starts and ends, and Fmax in MHz; ``None`` without OpenSTA or delays.

    The clock is ideal. Inputs arrive with its edge through the smallest buffer; outputs must be stable at the
    next edge. ``clocks_itself`` is that of the block, :class:`nms.rtl.lib.hierarchy.Block`; ``work`` keeps
    the files.

    Raises
    ------
    ToolError
        OpenSTA failed or reports no path.
    """
    if not netlist.library.timed or not available():
        return None
    writer = _Writer(netlist)
    work.mkdir(exist_ok=True)
    (work / "timing.v").write_text(writer.verilog())
    (work / "memories.lib").write_text(writer.liberty())
    clock = "p_aclk" if clocks_itself else "p_clk"
    (work / "timing.tcl").write_text(
        "\n".join(
            [
                *(f"read_liberty {os.path.relpath(file, work)}" for file in netlist.library.files),
                *(["read_liberty memories.lib"] if writer.memories else []),
                "read_verilog timing.v",
                f"link_design {writer.modules[netlist.top.name]}",
                "set_cmd_units -time ns",
                f"create_clock -name clock -period {PERIOD} [get_ports {clock}]",
                "set inputs {}",
                "foreach p [all_inputs] {",
                f'  if {{![string match "{clock}*" [get_name $p]]}} {{ lappend inputs $p }}',
                "}",
                "set_input_delay 0 -clock clock $inputs",
                f"set_driving_cell -lib_cell {netlist.library.buffer} $inputs",
                "set_output_delay 0 -clock clock [all_outputs]",
                "report_checks -path_delay max -format full -digits 4",
                "exit",
            ]
        )
        + "\n"
    )
    said = process.run("OpenSTA", [PROGRAM, "-no_init", "-exit", "timing.tcl"], work)
    (work / "timing.log").write_text(said)
    slack = re.search(r"^\s+(-?[\d.]+)\s+slack", said, re.MULTILINE)
    if slack is None:
        raise process.make_error("OpenSTA", 0, said)
    worst = PERIOD - float(slack[1])
    start, end = (re.search(rf"^{which}point: (\S+)", said, re.MULTILINE) for which in ("Start", "End"))
    assert start is not None
    assert end is not None
    return {
        "worst_path_ns": round(worst, 3),
        "fmax_mhz": round(1000 / worst, 1),
        "from": _resolve_name(start[1], netlist, writer),
        "to": _resolve_name(end[1], netlist, writer),
    }


def _resolve_name(plain: str, netlist: Netlist, writer: _Writer) -> str:
    """The register, port or memory that a plain instance path stands for."""
    module, names = netlist.top, []
    for part in plain.split("/"):
        name = next((name for name, p in writer.plain[module.name].items() if p == part), None)
        if name is None:
            return plain.removeprefix("p_")
        names.append(module.register_name(name))
        module = netlist.modules.get(module.cells[name]["type"], module)
    return ".".join(names)
