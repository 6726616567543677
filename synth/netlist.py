# SPDX-License-Identifier: Apache-2.0
"""Count the cells of a mapped netlist and find its logic depth, by module and over the hierarchy."""

from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nms.synth.liberty import CellLibrary

MEMORY = "$mem_v2"
"""Yosys' cell for a memory; memories are not mapped."""

Bit = int | str
Arrival = tuple[int, str]
"""Levels of cells, and the register, memory or port where the path starts or ends."""


@dataclass(frozen=True)
class LogicPath:
    """A longest path: cells between two registers, memories or ports, and Yosys' names of these."""

    levels: int
    start: str
    end: str


@dataclass(frozen=True)
class ModuleArcs:
    """Logic depth of a module as seen from outside, in levels of cells, by port and index.

    Members
    -------
    launch : from a register to an output
    capture : from an input to a register
    through : from an input to an output without a register between them, by output and input
    inner : the deepest path of the module
    """

    launch: dict[tuple[str, int], Arrival] = field(default_factory=dict)
    capture: dict[tuple[str, int], Arrival] = field(default_factory=dict)
    through: dict[tuple[str, int], dict[tuple[str, int], int]] = field(default_factory=dict)
    inner: LogicPath = LogicPath(0, "", "")


def parse_number(parameter: str) -> int:
    """Parse a parameter in Yosys' JSON, which is written in binary digits."""
    return int(parameter, 2)


class NetlistModule:
    """One module of the netlist."""

    def __init__(self, name: str, text: dict[str, Any], netlist: "Netlist") -> None:
        self.name, self.netlist, self.ports = name, netlist, text["ports"]
        self.cells: dict[str, Any] = text["cells"]
        self.names: dict[Bit, str] = {}
        for net, found in text["netnames"].items():
            for position, bit in enumerate(found["bits"]):
                if bit not in self.names or (self.names[bit].startswith("$") and not found["hide_name"]):
                    self.names[bit] = f"{net}[{position}]" if len(found["bits"]) > 1 else net

    @property
    def memory_bits(self) -> int:
        """Bits of the module's own memories."""
        sizes = [cell["parameters"] for cell in self.cells.values() if cell["type"] == MEMORY]
        return sum(parse_number(size["SIZE"]) * parse_number(size["WIDTH"]) for size in sizes)

    def register_name(self, name: str) -> str:
        """Name of the net that a cell drives, if it has one in the design; else the cell's own name."""
        cell = self.cells[name]
        known = self.netlist.library.cells.get(cell["type"])
        driven = (
            [cell["connections"][pin][0] for pin in known.outputs if pin in cell["connections"]]
            if known
            else []
        )
        named = self.names.get(driven[0], name) if driven else name
        return name if named.startswith("$") else named

    @cached_property
    def kinds(self) -> Counter[str]:
        """Number of cells and inner modules by type."""
        return Counter(cell["type"] for cell in self.cells.values())

    @cached_property
    def gated_flip_flops(self) -> int:
        """Number of the module's own flip-flops whose clock comes through one of its clock gates."""
        known = self.netlist.library.cells
        cells = [
            (known[cell["type"]], cell["connections"])
            for cell in self.cells.values()
            if cell["type"] in known
        ]
        clocks = {pins[pin][0] for kind, pins in cells if kind.is_clock_gate for pin in kind.outputs}
        return sum(
            any(bits[0] in clocks for bits in pins.values()) for kind, pins in cells if not kind.is_clock_gate
        )

    @cached_property
    def arcs(self) -> ModuleArcs:
        """Logic depth as seen from outside."""
        return _Depth(self).find_arcs()


class _Depth:
    """Longest paths of one module, by a pass over its nets in topological order."""

    def __init__(self, module: NetlistModule) -> None:
        self.module = module
        self.sources: dict[Bit, list[tuple[Bit, int]]] = {}
        self.starts: dict[Bit, Arrival] = {}
        self.ends: dict[Bit, list[Arrival]] = {}
        library = module.netlist.library
        for name, cell in module.cells.items():
            kind, pins = cell["type"], cell["connections"]
            known = library.cells.get(kind)
            if kind == MEMORY:
                self._add_memory(name, cell["parameters"], pins)
            elif known is None:
                self._add_instance(name, module.netlist.modules[kind].arcs, pins)
            elif known.sequential:
                register = module.register_name(name)
                for pin in known.outputs:
                    if pin in pins:
                        self.starts[pins[pin][0]] = (0, register)
                for pin in known.inputs:
                    if pin in pins:
                        self.ends.setdefault(pins[pin][0], []).append((0, register))
            else:
                inputs = [(pins[pin][0], 1) for pin in known.inputs if pin in pins]
                for pin in known.outputs:
                    if pin in pins:
                        self.sources[pins[pin][0]] = inputs
        self.order = self._sort()

    def _add_memory(self, name: str, parameters: dict[str, str], pins: dict[str, list[Bit]]) -> None:
        """A memory's ports end and start paths; data of an unclocked port follow the address by one level."""
        width, address = parse_number(parameters["WIDTH"]), parse_number(parameters["ABITS"])
        for port, clocked in enumerate(reversed(parameters["RD_CLK_ENABLE"])):
            data = pins["RD_DATA"][port * width : (port + 1) * width]
            lines = pins["RD_ADDR"][port * address : (port + 1) * address]
            for bit in data:
                self.starts[bit] = (0, name)
                if clocked == "0":
                    self.sources[bit] = [(line, 1) for line in lines]
            if clocked == "1":
                for bit in [*lines, pins["RD_EN"][port]]:
                    self.ends.setdefault(bit, []).append((0, name))
        for bit in pins["WR_ADDR"] + pins["WR_DATA"] + pins["WR_EN"]:
            self.ends.setdefault(bit, []).append((0, name))

    def _add_instance(self, name: str, arcs: ModuleArcs, pins: dict[str, list[Bit]]) -> None:
        for (port, k), (levels, start) in arcs.launch.items():
            if port in pins:
                self.starts[pins[port][k]] = (levels, f"{name}.{start}")
        for (port, k), (levels, end) in arcs.capture.items():
            if port in pins:
                self.ends.setdefault(pins[port][k], []).append((levels, f"{name}.{end}"))
        for (port, k), inputs in arcs.through.items():
            if port in pins:
                self.sources[pins[port][k]] = [
                    (pins[p][b], levels) for (p, b), levels in inputs.items() if p in pins
                ]

    def _sort(self) -> list[Bit]:
        """The driven nets, each after the nets that it depends on.

        Raises
        ------
        RuntimeError
            There is a combinational loop.
        """
        order: list[Bit] = []
        state: dict[Bit, int] = {}
        for root in self.sources:
            stack = [root]
            while stack:
                bit = stack[-1]
                if state.get(bit, 0) == 2:
                    stack.pop()
                    continue
                state[bit] = 1
                waiting = [b for b, _ in self.sources[bit] if b in self.sources and state.get(b, 0) != 2]
                if any(state.get(b) == 1 for b in waiting):
                    raise RuntimeError(f"module {self.module.name}: there is a combinational loop")
                if waiting:
                    stack.extend(waiting[:1])
                else:
                    state[bit] = 2
                    order.append(bit)
                    stack.pop()
        return order

    def _forward(self, starts: dict[Bit, Arrival]) -> dict[Bit, Arrival]:
        found = dict(starts)
        for bit in self.order:
            reached = [
                (found[source][0] + levels, found[source][1])
                for source, levels in self.sources[bit]
                if source in found
            ]
            if bit in found:
                reached.append(found[bit])
            if reached:
                found[bit] = max(reached)
        return found

    def _backward(self) -> dict[Bit, Arrival]:
        found = {bit: max(ends) for bit, ends in self.ends.items()}
        for bit in reversed(self.order):
            if bit in found:
                levels, end = found[bit]
                for source, more in self.sources[bit]:
                    found[source] = max(found.get(source, (-1, "")), (levels + more, end))
        return found

    def _through(self, output: Bit, inputs: dict[Bit, tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Levels from each input that reaches the output without a register."""
        if output in inputs:
            return {inputs[output]: 0}
        found = {output: 0}
        cone, stack = {output}, [output]
        while stack:
            for source, _ in self.sources.get(stack.pop(), ()):
                if source not in cone:
                    cone.add(source)
                    stack.append(source)
        for bit in reversed(self.order):
            if bit in cone and bit in found:
                for source, levels in self.sources[bit]:
                    found[source] = max(found.get(source, 0), found[bit] + levels)
        return {inputs[bit]: levels for bit, levels in found.items() if bit in inputs}

    def find_arcs(self) -> ModuleArcs:
        """The module as seen from outside."""
        ports = self.module.ports.items()
        inputs = {
            bit: (port, k)
            for port, p in ports
            if p["direction"] == "input"
            for k, bit in enumerate(p["bits"])
        }
        outputs = {
            (port, k): bit
            for port, p in ports
            if p["direction"] == "output"
            for k, bit in enumerate(p["bits"])
        }
        registered, required = self._forward(self.starts), self._backward()
        reached = self._forward(self.starts | {bit: (0, port) for bit, (port, _) in inputs.items()})
        reachable = self._reach(inputs)
        paths = [
            LogicPath(reached[bit][0] + levels, reached[bit][1], end)
            for bit, ends in self.ends.items()
            if bit in reached
            for levels, end in ends
        ]
        paths += [LogicPath(*reached[bit], port) for (port, _), bit in outputs.items() if bit in reached]
        paths += [
            LogicPath(inner.levels, f"{name}.{inner.start}", f"{name}.{inner.end}")
            for name, cell in self.module.cells.items()
            if cell["type"] in self.module.netlist.modules
            for inner in [self.module.netlist.modules[cell["type"]].arcs.inner]
        ]
        return ModuleArcs(
            launch={place: registered[bit] for place, bit in outputs.items() if bit in registered},
            capture={inputs[bit]: required[bit] for bit in inputs if bit in required},
            through={p: self._through(bit, inputs) for p, bit in outputs.items() if bit in reachable},
            inner=max(paths, key=lambda path: path.levels, default=LogicPath(0, "", "")),
        )

    def _reach(self, inputs: dict[Bit, tuple[str, int]]) -> set[Bit]:
        """Nets that an input reaches without a register."""
        found: set[Bit] = set(inputs)
        for bit in self.order:
            if any(source in found for source, _ in self.sources[bit]):
                found.add(bit)
        return found


class Netlist:
    """A netlist of library cells, memories and modules, from Yosys' JSON."""

    def __init__(self, text: dict[str, Any], top: str, library: CellLibrary) -> None:
        self.library = library
        self.modules: dict[str, NetlistModule] = {}
        for name, module in text["modules"].items():
            if not int(module["attributes"].get("blackbox", "0"), 2):
                self.modules[name] = NetlistModule(name, module, self)
        self.top = self.modules[top]

    def subnetlist(self, name: str) -> "Netlist":
        """The netlist whose top is the module ``name``, with all modules below it."""
        part = copy(self)
        part.top = self.modules[name]
        part.modules = {inner: self.modules[inner] for inner in part.count_instances()}
        return part

    def count_instances(self) -> Counter[str]:
        """Number of instances of each module, the top included."""
        found: Counter[str] = Counter()

        def count(module: NetlistModule, times: int) -> None:
            found[module.name] += times
            for kind, more in module.kinds.items():
                if kind in self.modules:
                    count(self.modules[kind], times * more)

        count(self.top, 1)
        return found

    def own_figures(self, module: NetlistModule) -> dict[str, Any]:
        """Figures of one module without its inner modules; areas in the library's unit."""
        known = self.library.cells
        cells = {kind: n for kind, n in module.kinds.items() if kind in known}
        gates = {kind: n for kind, n in cells.items() if known[kind].is_clock_gate}
        registers = {kind: n for kind, n in cells.items() if known[kind].sequential and kind not in gates}
        return {
            "cells": sum(cells.values()),
            "area": sum(n * known[kind].area for kind, n in cells.items()),
            "area_flip_flops": sum(n * known[kind].area for kind, n in registers.items()),
            "flip_flops": sum(registers.values()),
            "gated_flip_flops": module.gated_flip_flops,
            "clock_gates": sum(gates.values()),
            "memory_bits": module.memory_bits,
        }

    def figures_by_module(self) -> dict[str, Any]:
        """Figures of each module without its inner modules, and the number of its instances."""
        found = {}
        for name, times in sorted(self.count_instances().items()):
            own = self.own_figures(self.modules[name])
            found[name] = {"instances": times, **own, "nand2": round(own["area"] / self.library.nand2, 1)}
        return found

    def figures(self) -> dict[str, Any]:
        """Figures of the whole: cells, area (in the library's unit and in NAND2 equivalents), flip-flops and
        the share with a gated clock, memory bits, and the logic depth with its path."""
        total, deepest = self.sum_figures(), self.top.arcs.inner
        return {
            **total,
            "gated_share": round(total["gated_flip_flops"] / max(total["flip_flops"], 1), 4),
            "nand2": round(total["area"] / self.library.nand2, 1),
            "depth": deepest.levels,
            "deepest_path": {"from": deepest.start, "to": deepest.end},
        }

    def sum_figures(self) -> dict[str, Any]:
        """Figures of :meth:`own_figures`, summed over all instances."""
        sums: Counter[str] = Counter()
        for name, times in self.count_instances().items():
            for key, value in self.own_figures(self.modules[name]).items():
                sums[key] += times * value
        return dict(sums)
