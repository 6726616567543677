# SPDX-License-Identifier: Apache-2.0
"""Checkers of the stream protocol in Verilog, bound to every module with streams. They cost no Python at all.

For each stream port of each module a checker asserts at every rising clock edge that an item that
was offered (``valid``) and not taken (``ready``) is still offered with the same payload. A
synchronous reset may withdraw items, and so may a cycle with the module's input ``abort_run`` high. Streams
that the testbench drives are checked as well, and so are the AXI channels of a module with ``aclk`` and
``aresetn``, where only the reset may withdraw.
"""

import re
from dataclasses import dataclass

from nms.sim.verilator.context import Port

MODULE = re.compile(r"^module\s+(\S+?)\s*\(.*?^endmodule", re.MULTILINE | re.DOTALL)
INSTANCE = re.compile(r"^ +([\w$]+|\\\S+) +(?:#\(|[\w\\]\S* *\($)", re.MULTILINE)
PORT = re.compile(r"^\s*(input|output)\s+(?:\[(\d+):0\]\s+)?(\w+);", re.MULTILINE)
WITHDRAWALS = ("rst", "abort_run")

WATCH = "nms_window"
"""A module that others refer to by its place in the hierarchy, so that none can be built apart."""

CHECKER = """
module nms_stream_checker #(parameter WIDTH = 1, parameter NAME = "")
    (input clk, input withdrawn, input valid, input ready, input [WIDTH-1:0] payload);
  reg waiting = 0;
  reg [WIDTH-1:0] held = 0;
  always @(posedge clk) begin
    waiting <= valid & ~ready & ~withdrawn;
    held <= payload;
    if (waiting & ~withdrawn & ~valid)
      $error("stream %s: valid fell before ready (%m)", NAME);
    if (waiting & ~withdrawn & valid & (payload != held))
      $error("stream %s: payload changed before ready (%m)", NAME);
  end
endmodule
"""


@dataclass(frozen=True)
class Header:
    """The name of a module and its ports, in the order of the text."""

    module: str
    ports: dict[str, Port]


def parse_headers(verilog: str) -> dict[str, Header]:
    """All modules of a Verilog text as Yosys writes it (one declaration a port)."""
    found = {}
    for match in MODULE.finditer(verilog):
        ports = {
            name: Port("input" if direction == "input" else "output", int(high or 0) + 1)
            for direction, high, name in PORT.findall(match.group())
        }
        found[match[1]] = Header(match[1], ports)
    return found


def select_reachable(verilog: str, module: str) -> str:
    """The modules of a text that ``module`` needs, itself included, in the order of the text."""
    bodies = {match[1]: match.group() for match in MODULE.finditer(verilog)}
    wanted = [module]
    for name in wanted:
        wanted += [
            inner for inner in INSTANCE.findall(bodies[name]) if inner in bodies and inner not in wanted
        ]
    return "\n".join(body for name, body in bodies.items() if name in wanted) + "\n"


def find_repeated(verilog: str, module: str, least: int = 4) -> list[str]:
    """Modules below ``module`` that some module instantiates at least ``least`` times.

    Memories alone (a single module without any inner one) gain nothing from being built apart.
    """
    bodies = {match[1]: match.group() for match in MODULE.finditer(verilog)}
    placed = {
        inner
        for body in bodies.values()
        for inner in INSTANCE.findall(body)
        if inner in bodies and INSTANCE.findall(body).count(inner) >= least
    }
    return sorted(block for block in placed if block != module and INSTANCE.findall(bodies[block]))


def write_checkers(verilog: str) -> str:
    """SystemVerilog that binds a checker to every stream port of every module of ``verilog``.

    A stream port is a pair ``valid`` and ``ready`` of opposite directions, in a module with clock and reset.
    """
    bound = []
    for header in parse_headers(verilog).values():
        ports = header.ports
        bound += _write_channel_checkers(header)
        if not {"clk", "rst"} <= ports.keys() or header.module.startswith("\\"):
            continue
        withdrawn = " | ".join(name for name in WITHDRAWALS if name in ports)
        for name, valid in ports.items():
            stream = name.removesuffix("__valid")
            ready = ports.get(f"{stream}__ready")
            if stream == name or ready is None or ready.direction == valid.direction:
                continue
            payload = ports.get(f"{stream}__payload")
            bound.append(
                f"bind {header.module} nms_stream_checker #(.WIDTH({payload.width if payload else 1}), "
                f'.NAME("{stream}")) check_{stream} (.clk(clk), .withdrawn({withdrawn}), .valid({name}), '
                f".ready({stream}__ready), .payload({f'{stream}__payload' if payload else 1}));"
            )
    return CHECKER + "\n".join(bound) + "\n"


def _write_channel_checkers(header: Header) -> list[str]:
    """Checkers of a module's AXI channels, whose payload is all that has the channel's prefix."""
    ports, bound = header.ports, []
    for name, valid in ports.items():
        channel = name.removesuffix("valid")
        ready = ports.get(f"{channel}ready")
        if "aclk" not in ports or channel == name or ready is None or ready.direction == valid.direction:
            continue
        payload = [
            port
            for port, other in ports.items()
            if port.startswith(channel) and port != name and other.direction == valid.direction
        ]
        width = sum(ports[port].width for port in payload)
        bound.append(
            f'bind {header.module} nms_stream_checker #(.WIDTH({width or 1}), .NAME("{channel}")) '
            f"check_{channel} (.clk(aclk), .withdrawn(~aresetn), .valid({name}), .ready({channel}ready), "
            f".payload({{{', '.join(payload) or 1}}}));"
        )
    return bound
