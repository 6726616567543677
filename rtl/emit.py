# SPDX-License-Identifier: Apache-2.0
"""From blocks to Verilog text, each block one module and emitted once, and to the files of a core."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amaranth import ClockDomain, ClockSignal, Instance, ResetSignal, Shape, Value
from amaranth.back import verilog as backend
from amaranth.hdl import Const, Fragment
from amaranth.hdl._ir import PortDirection
from amaranth.lib import data, wiring

from nms import registers
from nms.spec.config import Config
from rtl.hierarchy import Block

os.environ["AMARANTH_USE_YOSYS"] = "builtin"  # the pinned Yosys, never one of the machine

NESTED = re.compile(r"^(module|  )( ?)\\(\w[\w.$]*) (?= ?[\\\w(])", re.MULTILINE)
"""The escaped name of a nested module, ``\\outer.inner``, where it is defined or instantiated."""

WAIVERS = Path(__file__).parent / "waivers.vlt"
"""What the linter may find in emitted Verilog, each with its reason."""

TITLE = re.compile(
    r"^// Near-memory sampler, configuration (?P<name>\w+), digest (?P<digest>\w+),", re.MULTILINE
)
"""The comment that names the configuration of emitted Verilog."""

PERIOD = 10.0
"""Nanoseconds of a clock cycle in the timing constraint."""

CHECKS = re.compile(
    r"^  always @\(posedge \S+\) begin\n"
    r"(?:    if \(.*\) begin\n      if \(!.*\)\n        \$write\(.*\);\n      assert \(.*\);\n    end\n)+"
    r"  end\n",
    re.MULTILINE,
)
"""The assertions of a module."""

GUARD = "NMS_ASSERT"
"""The macro that turns assertions on. Without it, the text is plain Verilog, for synthesis as it is."""

EMPTY = re.compile(r"^  wire \[-1:0\] .*;\n", re.MULTILINE)
"""A name for a payload's field of no bits; in Verilog it would have two."""


def ports(block: Block) -> dict[str, tuple[Value, wiring.Flow]]:
    """The block's interface as Verilog ports, except members of no bits and constant ones."""
    found = {}
    for path, member, value in block.signature.flatten(block):
        value = Value.cast(value)
        if len(value) and not isinstance(value, Const):
            found["__".join(map(str, path))] = (value, member.flow)
    return found


class Emitter:
    """Collects the blocks that are placed while a block is elaborated (a :class:`rtl.hierarchy.Placer`)."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}

    def add(self, block: Block) -> None:
        """Record a block under its module name, unless one of its kind is.

        Raises
        ------
        ValueError
            Another block of that name has other parameters.
        """
        known = self.blocks.setdefault(block.module, block)
        if (type(known), known.parameters) != (type(block), block.parameters):
            raise ValueError(f"module {block.module}: placed with {known.parameters} and {block.parameters}")

    def instance(self, block: Block, domain: str) -> Instance:
        """An ``Instance`` of the block's module, clocked by ``domain``, on the block's interface signals."""
        self.add(block)
        block._MustUse__used = True  # emitted once for all its likes, so most are never elaborated
        connections = [
            ("i" if flow is wiring.In else "o", name, value) for name, (value, flow) in ports(block).items()
        ]
        return Instance(
            block.module,
            ("i", "clk", ClockSignal(domain)),
            ("i", "rst", ResetSignal(domain, allow_reset_less=True)),
            *connections,
        )


def _instances(fragment: Fragment) -> list[str]:
    """The modules that a fragment instantiates, at any depth, in order, each once."""
    if isinstance(fragment, Instance):
        return [fragment.type]
    names = [name for inner, *_ in fragment.subfragments for name in _instances(inner)]
    return list(dict.fromkeys(names))


def _convert(block: Block, fragment: Fragment) -> str:
    """The Verilog of one block alone."""
    interface = {}
    if not block.clocks_itself:
        sync = ClockDomain("sync")
        fragment.add_domains(sync)
        interface = {"clk": (sync.clk, PortDirection.Input), "rst": (sync.rst, PortDirection.Input)}
    for name, (value, flow) in ports(block).items():
        interface[name] = (value, PortDirection.Input if flow is wiring.In else PortDirection.Output)
    text, _ = backend.convert_fragment(
        fragment, interface, block.module, emit_src=False, strip_internal_attrs=True
    )
    text = text[text.index("\nmodule ") + 1 :]
    text = EMPTY.sub("", text)
    text = CHECKS.sub(lambda found: f"`ifdef {GUARD}\n{found[0]}`endif\n", text)
    return NESTED.sub(lambda found: found[1] + found[2] + found[3].replace(".", "__") + " ", text)


class Design:
    """A block and all blocks placed below it, elaborated once; both by module name."""

    def __init__(self, top: Block):
        self.top = top
        emitter = Emitter()
        emitter.add(top)
        self.blocks = emitter.blocks
        self.fragments: dict[str, Fragment] = {}
        self._texts: dict[str, str] = {}
        while waiting := [name for name in self.blocks if name not in self.fragments]:
            self.fragments[waiting[0]] = Fragment.get(self.blocks[waiting[0]], emitter)

    def verilog(self, module: str | None = None) -> str:
        """Complete Verilog of one of the blocks (the top by default) and of all below it, each once.

        The block's own module comes first, the others in the order in which elaboration meets them.
        Every block has the ports ``clk`` and ``rst`` (synchronous, active high), used or not, then its
        interface: member ``p`` of ``x`` is the port ``x__p``. A module ``inner`` that is nested in the
        block ``outer`` is named ``outer__inner``. The text depends on the blocks alone.
        """
        wanted = [module or self.top.module]
        for name in wanted:
            wanted += [inner for inner in _instances(self.fragments[name]) if inner not in wanted]
            if name not in self._texts:
                self._texts[name] = _convert(self.blocks[name], self.fragments[name])
        return "\n".join(self._texts[name] for name in wanted)


def verilog(block: Block) -> str:
    """Complete Verilog of a block and of all blocks placed below it (:meth:`Design.verilog`)."""
    return Design(block).verilog()


def sampler_verilog(config: Config) -> str:
    """The whole sampler in Verilog, under a comment that names the configuration."""
    from rtl.sampler import Sampler  # here, so that a single block is emitted without all the others

    return _titled(config, Sampler(config))


def system_verilog(config: Config) -> str:
    """The sampler with its buses (``near_memory_sampler``) in Verilog, titled as the sampler is."""
    from rtl.axi import NearMemorySampler

    return _titled(config, NearMemorySampler(config))


def _titled(config: Config, block: Block) -> str:
    title = f"// Near-memory sampler, configuration {config.name}, digest {config.digest}, as generated."
    return f"// SPDX-License-Identifier: Apache-2.0\n{title}\n\n{verilog(block)}"


def _fields(shape: Any, offset: int = 0, prefix: str = "") -> list[dict[str, Any]]:
    """The fields of a structure, flat: ``point.x`` is field x of field point."""
    found = []
    for name, field in shape:
        path = prefix + str(name)
        if isinstance(field.shape, data.Layout):
            found += _fields(field.shape, offset + field.offset, path + ".")
        else:
            bits = Shape.cast(field.shape)
            found.append(
                {"name": path, "offset": offset + field.offset, "width": bits.width, "signed": bits.signed}
            )
    return found


def interface(block: Block) -> dict[str, Any]:
    """A block's ports, and its streams with the layout of their payloads.

    ``direction`` of a stream is that of its payload. Field ``offset`` counts bits from the lowest.
    """
    streams = []
    for path, member, _ in block.signature.flatten(block):
        if path[-1] == "payload":
            shape = Shape.cast(member.shape)
            payload: dict[str, Any] = {"width": shape.width, "signed": shape.signed}
            if isinstance(member.shape, data.Layout):
                payload["fields"] = _fields(member.shape)
            direction = "input" if member.flow is wiring.In else "output"
            streams.append(
                {"name": "__".join(map(str, path[:-1])), "direction": direction, "payload": payload}
            )
    given: list[dict[str, Any]] = [
        {"name": name, "direction": "input", "width": 1, "signed": False} for name in ("clk", "rst")
    ]
    ports = given + _pins(block)
    return {"module": block.module, "clock": "clk", "reset": "rst", "ports": ports, "streams": streams}


def _pins(block: Block) -> list[dict[str, Any]]:
    """The ports of a block's interface, in their order."""
    pins = []
    for path, member, _ in block.signature.flatten(block):
        shape = Shape.cast(member.shape)
        direction = "input" if member.flow is wiring.In else "output"
        name = "__".join(map(str, path))
        pins.append({"name": name, "direction": direction, "width": shape.width, "signed": shape.signed})
    return pins


BUSES = {
    "s_axil": ("AXI4-Lite", "subordinate"),
    "m_axi": ("AXI4", "manager"),
    "m_axis": ("AXI4-Stream", "transmitter"),
}
"""Interfaces of the system by the prefix of their ports: protocol and role."""


def system_interface(config: Config) -> dict[str, Any]:
    """What ``ports.json`` holds: ``near_memory_sampler`` as an integrator connects it.

    All ports; each bus with protocol, role and the port of each of its signals, by the protocol's names;
    the interrupt; the parameters of the generation. Under ``sampler`` the same of the block inside, which
    stands alone as well (:func:`interface`).
    """
    from rtl.axi import NearMemorySampler
    from rtl.sampler import Sampler

    block = NearMemorySampler(config)
    block._MustUse__used = True  # described, not elaborated
    sampler = Sampler(config)
    sampler._MustUse__used = True
    pins = _pins(block)
    buses = [
        {
            "name": prefix,
            "protocol": protocol,
            "role": role,
            "clock": "aclk",
            "reset": "aresetn",
            "signals": {
                pin["name"].removeprefix(f"{prefix}_").upper(): pin["name"]
                for pin in pins
                if pin["name"].startswith(f"{prefix}_")
            },
        }
        for prefix, (protocol, role) in BUSES.items()
    ]
    return {
        "module": block.module,
        "digest": config.digest,
        "parameters": config.model_dump(),
        "clock": {"name": "aclk", "edge": "rising"},
        "reset": {"name": "aresetn", "active": "low", "synchronous": True},
        "interrupt": {"name": "irq", "active": "high", "sensitive": "level"},
        "ports": pins,
        "buses": buses,
        "sampler": interface(sampler),
    }


SMOKE_TEST = """\
// SPDX-License-Identifier: Apache-2.0
// Smoke test: after reset a start with no settings is refused with error, and nothing is busy.
`timescale 1ns / 1ps
module sampler_tb;
  reg clk = 0, rst = 1, start = 0;
  wire busy, error;
  always #5 clk = ~clk;
  sampler dut (.clk(clk), .rst(rst), .start(start), .busy(busy), .error(error)%(idle)s);
  initial begin
    repeat (3) @(negedge clk);
    rst = 0;
    @(negedge clk) start = 1;
    @(negedge clk) start = 0;
    repeat (4) @(negedge clk);
    if (busy !== 0 || error !== 1) $fatal(1, "FAIL: busy=%%b error=%%b", busy, error);
    $display("PASS");
    $finish;
  end
endmodule
"""

CORE = """\
CAPI=2:
# SPDX-License-Identifier: Apache-2.0
name: "nms:sampler:%(name)s:0.1.0"
description: "Near-memory sampler, configuration %(name)s, digest %(digest)s"
filesets:
  rtl:
    files:
      - sampler.v: {file_type: verilogSource}
  constraints:
    files:
      - sampler.sdc: {file_type: SDC}
  lint:
    files:
      - waivers.vlt: {file_type: vlt}
  sim:
    files:
      - sampler_tb.v: {file_type: verilogSource}
targets:
  default:
    filesets: [rtl, constraints]
    toplevel: near_memory_sampler
  lint:
    flow: lint
    flow_options: {tool: verilator, verilator_options: [-Wall]}
    filesets: [lint, rtl]
    toplevel: near_memory_sampler
  sim:
    flow: sim
    flow_options: {tool: icarus, iverilog_options: [-g2012]}
    filesets: [rtl, sim]
    toplevel: sampler_tb
"""

CONSTRAINTS = """\
# SPDX-License-Identifier: Apache-2.0
create_clock -name aclk -period %(period).3f [get_ports aclk]
set_input_delay 0 -clock aclk [remove_from_collection [all_inputs] [get_ports aclk]]
set_output_delay 0 -clock aclk [all_outputs]
"""


def generate(config: Config, directory: Path, provenance: Mapping[str, Any]) -> list[Path]:
    """Write the sampler as a core into ``directory`` and return the files.

    ``sampler.v`` with ``near_memory_sampler`` and, in it, ``sampler``; their ports in ``ports.json``
    (:func:`system_interface`); the registers as ``registers.md``, ``nms_registers.h`` and
    ``nms_registers.rdl``; ``nms_sampler.core`` for FuseSoC with the targets lint and sim, and what they
    need; ``sampler.sdc``; ``manifest.json`` with the configuration, its digest, ``provenance`` and the
    SHA-256 of the other files. All text is made
    before the first file is written, and depends on the arguments alone.
    """
    described = system_interface(config)
    idle = "".join(
        f", .{port['name']}({port['width']}'d0)"
        for port in described["sampler"]["ports"]
        if port["direction"] == "input" and port["name"] not in ("clk", "rst", "start")
    )
    texts = {
        "sampler.v": system_verilog(config),
        "registers.md": registers.markdown(),
        "nms_registers.h": registers.header(),
        "nms_registers.rdl": registers.systemrdl(),
        "ports.json": json.dumps(described, indent=1) + "\n",
        "nms_sampler.core": CORE % {"name": config.name, "digest": config.digest},
        "sampler.sdc": CONSTRAINTS % {"period": PERIOD},
        "sampler_tb.v": SMOKE_TEST % {"idle": idle},
        "waivers.vlt": WAIVERS.read_text(),
    }
    manifest = {
        "configuration": config.model_dump(),
        "digest": config.digest,
        "provenance": dict(provenance),
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()},
    }
    texts["manifest.json"] = json.dumps(manifest, indent=1) + "\n"
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (directory / name).write_text(text)
    return [directory / name for name in texts]
