# SPDX-License-Identifier: Apache-2.0
"""What a mapped netlist consists of, and its logic depth: both by module, and summed over the hierarchy."""

from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nms.synth.liberty import Library

MEMORY = "$mem_v2"
"""Yosys' cell for a memory, which is not mapped."""

Bit = int | str
Arrival = tuple[int, str]
"""Levels of cells, and the register, memory or port where the path starts."""


@dataclass(frozen=True)
class Path:
    """The deepest path: cells in a row between two registers, memories or ports, as Yosys names them."""

    levels: int
    start: str
    end: str


@dataclass(frozen=True)
class Arcs:
    """How a module looks from outside: levels to an output from a register, from an input to a register,
    and from an input to an output without any; ``inner`` is the deepest path that ends inside."""

    launch: dict[tuple[str, int], Arrival] = field(default_factory=dict)
    capture: dict[tuple[str, int], Arrival] = field(default_factory=dict)
    through: dict[tuple[str, int], dict[tuple[str, int], int]] = field(default_factory=dict)
    inner: Path = Path(0, "", "")


def number(parameter: str) -> int:
    """A parameter in Yosys' JSON, binary digits."""
    return int(parameter, 2)


class Module:
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
        return sum(number(size["SIZE"]) * number(size["WIDTH"]) for size in sizes)

    def register(self, name: str) -> str:
        """A cell by what it drives, if that has a name of its own."""
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
        """Number of cells and of inner modules of each type."""
        return Counter(cell["type"] for cell in self.cells.values())

    @cached_property
    def arcs(self) -> Arcs:
        """Depth as seen from outside."""
        return _Depth(self).arcs()


class _Depth:
    """Longest paths of one module, by a pass over its nets in topological order."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.sources: dict[Bit, list[tuple[Bit, int]]] = {}
        self.starts: dict[Bit, Arrival] = {}
        self.ends: dict[Bit, list[Arrival]] = {}
        library = module.netlist.library
        for name, cell in module.cells.items():
            kind, pins = cell["type"], cell["connections"]
            known = library.cells.get(kind)
            if kind == MEMORY:
                self._remember(name, cell["parameters"], pins)
            elif known is None:
                self._place(name, module.netlist.modules[kind].arcs, pins)
            elif known.sequential:
                register = module.register(name)
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
        self.order = self._sorted()

    def _remember(self, name: str, parameters: dict[str, str], pins: dict[str, list[Bit]]) -> None:
        """Ports of a memory end paths and start them; unclocked data follow their address by one level."""
        width, address = number(parameters["WIDTH"]), number(parameters["ABITS"])
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

    def _place(self, name: str, arcs: Arcs, pins: dict[str, list[Bit]]) -> None:
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

    def _sorted(self) -> list[Bit]:
        """The driven nets, each after those that it depends on.

        Raises
        ------
        RuntimeError
            A loop without a register.
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
                    raise RuntimeError(f"module {self.module.name}: a loop without a register")
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
        """Levels from each input that the output follows without a register."""
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

    def arcs(self) -> Arcs:
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
        following = self._following(inputs)
        paths = [
            Path(reached[bit][0] + levels, reached[bit][1], end)
            for bit, ends in self.ends.items()
            if bit in reached
            for levels, end in ends
        ]
        paths += [Path(*reached[bit], port) for (port, _), bit in outputs.items() if bit in reached]
        paths += [
            Path(inner.levels, f"{name}.{inner.start}", f"{name}.{inner.end}")
            for name, cell in self.module.cells.items()
            if cell["type"] in self.module.netlist.modules
            for inner in [self.module.netlist.modules[cell["type"]].arcs.inner]
        ]
        return Arcs(
            launch={place: registered[bit] for place, bit in outputs.items() if bit in registered},
            capture={inputs[bit]: required[bit] for bit in inputs if bit in required},
            through={p: self._through(bit, inputs) for p, bit in outputs.items() if bit in following},
            inner=max(paths, key=lambda path: path.levels, default=Path(0, "", "")),
        )

    def _following(self, inputs: dict[Bit, tuple[str, int]]) -> set[Bit]:
        """Nets that follow an input without a register."""
        found: set[Bit] = set(inputs)
        for bit in self.order:
            if any(source in found for source, _ in self.sources[bit]):
                found.add(bit)
        return found


class Netlist:
    """A netlist of library cells, memories and modules, from Yosys' JSON."""

    def __init__(self, text: dict[str, Any], top: str, library: Library) -> None:
        self.library = library
        self.modules: dict[str, Module] = {}
        for name, module in text["modules"].items():
            if not int(module["attributes"].get("blackbox", "0"), 2):
                self.modules[name] = Module(name, module, self)
        self.top = self.modules[top]

    def below(self, name: str) -> "Netlist":
        """The netlist whose top is the module ``name``, with what that places."""
        part = copy(self)
        part.top = self.modules[name]
        part.modules = {inner: self.modules[inner] for inner in part.instances()}
        return part

    def instances(self) -> Counter[str]:
        """How often each module is there below the top, the top itself included."""
        found: Counter[str] = Counter()

        def count(module: Module, times: int) -> None:
            found[module.name] += times
            for kind, more in module.kinds.items():
                if kind in self.modules:
                    count(self.modules[kind], times * more)

        count(self.top, 1)
        return found

    def own(self, module: Module) -> dict[str, Any]:
        """What one module has itself, without its inner modules; areas in the library's unit."""
        known = self.library.cells
        cells = {kind: n for kind, n in module.kinds.items() if kind in known}
        registers = {kind: n for kind, n in cells.items() if known[kind].sequential}
        return {
            "cells": sum(cells.values()),
            "area": sum(n * known[kind].area for kind, n in cells.items()),
            "area_flip_flops": sum(n * known[kind].area for kind, n in registers.items()),
            "flip_flops": sum(registers.values()),
            "memory_bits": module.memory_bits,
        }

    def modules_own(self) -> dict[str, Any]:
        """Each module without its inner ones, as :meth:`figures` of it, with the number of its instances."""
        found = {}
        for name, times in sorted(self.instances().items()):
            own = self.own(self.modules[name])
            found[name] = {"instances": times, **own, "nand2": round(own["area"] / self.library.nand2, 1)}
        return found

    def figures(self) -> dict[str, Any]:
        """Of the whole: cells, area (the library's unit and NAND2 equivalents), registers, memory bits, and
        the logic depth with the path that has it."""
        total, deepest = self.total(), self.top.arcs.inner
        return {
            **total,
            "nand2": round(total["area"] / self.library.nand2, 1),
            "depth": deepest.levels,
            "deepest_path": {"from": deepest.start, "to": deepest.end},
        }

    def total(self) -> dict[str, Any]:
        """The same of the whole."""
        sums: Counter[str] = Counter()
        for name, times in self.instances().items():
            for key, value in self.own(self.modules[name]).items():
                sums[key] += times * value
        return dict(sums)
