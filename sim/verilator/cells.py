# SPDX-License-Identifier: Apache-2.0
"""Blocks that are placed many times, verilated once and called once a clock cycle.

Verilator's own hierarchical blocks are evaluated several times a cycle, as it cannot know whether an output
depends on an input of the same cycle. Where none does (:func:`has_registered_outputs`), one call at the
rising edge of the clock is enough: inputs in, one step, outputs out. Such a block is built with every
``posedge clk`` changed to ``edge clk``, so that one evaluation is one cycle, and a module of its name and
ports stands for it in the whole.

A block whose state and inputs have stood still for a cycle stays as it is until an input changes. That is
looked for after :data:`STILL` cycles with the same inputs, and then the block is not evaluated.
"""

import re

from nms.sim.verilator.context import Port
from nms.sim.verilator.protocol import INSTANCE, MODULE, Header, select_reachable

STILL = 64
"""Cycles with the same inputs after which it is worth comparing the state."""

NAME = re.compile(r"\\\S+|(?<![\w'$\\])[A-Za-z_]\w*")
ASSIGN = re.compile(r"^  assign (.*?) = (.*?);$", re.MULTILINE | re.DOTALL)
COMBINATIONAL = re.compile(r"^  always @\*\s*(?:begin\n.*?^  end$|[^\n;]*;)", re.MULTILINE | re.DOTALL)
ASSIGNED = re.compile(r"^ +((?:\\\S+|\w+) *(?:\[.*?\] *)?|{.*?} *)= ", re.MULTILINE)
PLACED = re.compile(r"^  [\w$]+ (?:\\\S+|[\w$]+) +\((.*?)^  \);", re.MULTILINE | re.DOTALL)
EDGE = re.compile(r"@\(posedge (.+?) ?\)")
CONNECTED = re.compile(r"\.\w+\((.*?)\),?$", re.MULTILINE)


def has_registered_outputs(body: str, header: Header) -> bool:
    """Whether no output of a module depends on an input of the same cycle, judged by its text.

    Cautious: every net at an inner module may depend on every other there, clock and reset apart (Amaranth's
    reset is synchronous).
    """
    sources: dict[str, set[str]] = {}

    def depends(targets: set[str], on: set[str]) -> None:
        for target in targets:
            sources.setdefault(target, set()).update(on - {"clk", "rst"})

    for left, right in ASSIGN.findall(body):
        depends(set(NAME.findall(left)), set(NAME.findall(right)))
    for block in COMBINATIONAL.findall(body):
        assigned = {name for left in ASSIGNED.findall(block) for name in NAME.findall(left)}
        depends(assigned, set(NAME.findall(block)))
    for connections in PLACED.findall(body):
        nets = {name for net in CONNECTED.findall(connections) for name in NAME.findall(net)}
        depends(nets, nets)
    reached = waiting = {name for name, port in header.ports.items() if port.direction == "output"}
    while waiting:
        waiting = {source for name in waiting for source in sources.get(name, ())} - reached
        reached = reached | waiting
    inputs = {name for name, port in header.ports.items() if port.direction == "input"} - {"clk", "rst"}
    return not reached & inputs


def select_cells(verilog: str, headers: dict[str, Header], repeated: list[str]) -> list[str]:
    """Those of the ``repeated`` modules that can be called: registered, no port above 64 bits.

    A gated clock in a module, or in one below, rules it out: its latch must see the inputs before the edge.
    """
    bodies = {match[1]: match.group() for match in MODULE.finditer(verilog)}
    return [
        name
        for name in repeated
        if {"clk", "rst"} <= headers[name].ports.keys()
        and all(port.width <= 64 for port in headers[name].ports.values())
        and set(EDGE.findall(select_reachable(verilog, name))) <= {"clk"}
        and has_registered_outputs(bodies[name], headers[name])
    ]


def step_on_each_edge(verilog: str) -> str:
    """The text in which each edge of the clock is a cycle."""
    return verilog.replace("@(posedge clk)", "@(edge clk)")


def remove_modules(verilog: str, names: list[str], top: str) -> str:
    """The text from ``top`` down, without the modules ``names`` and what only they place."""
    bodies = {match[1]: match.group() for match in MODULE.finditer(verilog)}
    wanted = [top]
    for name in wanted:
        wanted += [
            inner
            for inner in INSTANCE.findall(bodies[name])
            if inner in bodies and inner not in wanted and inner not in names
        ]
    return "\n".join(body for name, body in bodies.items() if name in wanted) + "\n"


def _sides(header: Header) -> tuple[dict[str, Port], dict[str, Port]]:
    ports = {name: port for name, port in header.ports.items() if name != "clk"}
    return (
        {name: port for name, port in ports.items() if port.direction == "input"},
        {name: port for name, port in ports.items() if port.direction == "output"},
    )


def _verilog_type(port: Port) -> str:
    return "int unsigned" if port.width <= 32 else "longint unsigned"


def _c_type(port: Port) -> str:
    return "unsigned int" if port.width <= 32 else "unsigned long long"


def write_stand_in(header: Header) -> str:
    """The module that stands for a cell in the whole."""
    name = header.module
    inputs, outputs = _sides(header)
    results = ", ".join(f"output {_verilog_type(port)} {out}" for out, port in outputs.items())
    given = ", ".join(f"input {_verilog_type(port)} {put}" for put, port in inputs.items())
    taken = ", ".join(f"{out}_new" for out in outputs)
    lines = [
        f"module {name}(input clk"
        + "".join(f", input [{port.width - 1}:0] {put}" for put, port in inputs.items())
        + "".join(f", output reg [{port.width - 1}:0] {out}" for out, port in outputs.items())
        + ");",
        f'  import "DPI-C" function chandle {name}_make(input string name, {results});',
        f'  import "DPI-C" function void {name}_step(input chandle cell_, {given}, {results});',
        "  chandle cell_;",
        *(f"  {_verilog_type(port)} {out}_new;" for out, port in outputs.items()),
        "  initial begin",
        f'    cell_ = {name}_make($sformatf("%m"), {taken});',
        *(f"    {out} = {out}_new[{port.width - 1}:0];" for out, port in outputs.items()),
        "  end",
        "  always @(posedge clk) begin",
        f"    {name}_step(cell_, {', '.join(inputs)}, {taken});",
        *(f"    {out} <= {out}_new[{port.width - 1}:0];" for out, port in outputs.items()),
        "  end",
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


def write_glue(header: Header) -> str:
    """The C++ between a cell's model (``Verilator --prefix V<module>``) and its stand-in."""
    name = header.module
    inputs, outputs = _sides(header)
    results = ", ".join(f"{_c_type(port)}* {out}" for out, port in outputs.items())
    given = ", ".join(f"{_c_type(port)} {put}" for put, port in inputs.items())
    same = " & ".join(f"(cell.{put} == {put})" for put in inputs)
    put_in = " ".join(f"cell.{put} = {put};" for put in inputs)
    take_out = " ".join(f"*{out} = cell.{out};" for out in outputs)
    return f"""\
// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "V{name}.h"
#include "V{name}___024root.h"

namespace {{

struct Cell : V{name} {{
    explicit Cell(const char* name) : V{name}(name) {{}}
    unsigned still = 0;
    unsigned char state[sizeof(V{name}___024root)];
}};

}}  // namespace

extern "C" void* {name}_make(const char* name, {results}) {{
    auto& cell = *new Cell(name);
    cell.eval();
    {take_out}
    return &cell;
}}

extern "C" void {name}_step(void* handle, {given}, {results}) {{
    constexpr unsigned BEFORE = {STILL}, AFTER = BEFORE + 2;  // both with the same level of the clock
    auto& cell = *static_cast<Cell*>(handle);
    if (!({same})) {{
        cell.still = 0;
        {put_in}
    }}
    if (cell.still < AFTER) {{
        cell.clk ^= 1;
        cell.eval();
        if (++cell.still == BEFORE) std::memcpy(cell.state, cell.rootp, sizeof cell.state);
        if (cell.still == AFTER && std::memcmp(cell.state, cell.rootp, sizeof cell.state)) cell.still = 0;
    }}
    {take_out}
}}
"""
