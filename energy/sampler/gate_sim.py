# SPDX-License-Identifier: Apache-2.0
"""Values of all nets of a mapped netlist, cycle by cycle, from those of its registers, memories and inputs.

All cycles are evaluated at once: a net is one integer with a bit for each cycle. Where a netlist has kept
a register's name, its values are those of the RTL simulation in the same cycles; what the netlist would put
into the register next is compared with what the RTL put there, and so is what it gives to other nets with a
name in the RTL, which proves that both do the same. Delays are zero, as in the RTL: no glitches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Bit = int | str
Value = Callable[..., int]
Name = tuple[str, int]
"""A net's name, and its place in it."""

GATES = {
    "$_NOT_": "(m ^ {A})",
    "$_BUF_": "{A}",
    "$_AND_": "({A} & {B})",
    "$_OR_": "({A} | {B})",
    "$_XOR_": "({A} ^ {B})",
    "$_NAND_": "(m ^ ({A} & {B}))",
    "$_NOR_": "(m ^ ({A} | {B}))",
    "$_XNOR_": "(m ^ {A} ^ {B})",
    "$_ANDNOT_": "({A} & (m ^ {B}))",
    "$_ORNOT_": "({A} | (m ^ {B}))",
    "$_MUX_": "({A} & (m ^ {S}) | {B} & {S})",
}
"""Yosys' gates, of which the functions of a library's cells consist, on integers; ``m`` has all bits set."""


@dataclass(frozen=True)
class Function:
    """An output of a cell as a function of input pins."""

    pins: tuple[str, ...]
    value: Value


@dataclass
class CellKind:
    """A cell of the library: its outputs as functions, of a flip-flop those of its state."""

    inputs: tuple[str, ...]
    functions: dict[str, Function] = field(default_factory=dict)
    next: Function | None = None
    direct: dict[str, bool] = field(default_factory=dict)
    """Outputs of a flip-flop; whether they show the state or its inverse."""


def kinds(modules: Mapping[str, Any]) -> dict[str, CellKind]:
    """The cells of a library from their modules in Yosys' JSON; those with latches are left out."""
    found = {}
    for name, module in modules.items():
        kind = _kind(module)
        if kind is not None:
            found[name] = kind
    return found


def _kind(module: Mapping[str, Any]) -> CellKind | None:
    inputs = {p["bits"][0]: n for n, p in module["ports"].items() if p["direction"] == "input"}
    outputs = {n: p["bits"][0] for n, p in module["ports"].items() if p["direction"] == "output"}
    drivers: dict[Bit, tuple[str, dict[str, Bit]]] = {}
    states: set[Bit] = set()
    data: Bit | None = None
    for cell in module["cells"].values():
        wires = {pin: bits[0] for pin, bits in cell["connections"].items()}
        if cell["type"] in GATES:
            drivers[wires["Y"]] = (cell["type"], wires)
        elif cell["type"].startswith(("$_DFF_", "$_DFFSR_")):
            if data not in (None, wires["D"]):
                return None
            states.add(wires["Q"])  # a cell with two outputs has one for each, of the same data
            data = wires["D"]
        else:
            return None

    def text(bit: Bit, used: set[str]) -> str:
        if bit in ("0", "1"):
            return "0" if bit == "0" else "m"
        if bit in states:
            used.add("state")
            return "state"
        if bit in inputs:
            used.add(inputs[bit])
            return "p_" + inputs[bit]
        gate, wires = drivers[bit]
        return GATES[gate].format(**{pin: text(wire, used) for pin, wire in wires.items() if pin != "Y"})

    def function(bit: Bit) -> Function:
        used: set[str] = set()
        body = text(bit, used)
        pins = tuple(sorted(used - {"state"}))
        arguments = ", ".join(["m", *["state"] * ("state" in used), *(f"p_{pin}" for pin in pins)])
        return Function((*["state"] * ("state" in used), *pins), eval(f"lambda {arguments}: {body}"))

    try:
        kind = CellKind(tuple(inputs.values()))
        for name, bit in outputs.items():
            made = function(bit)
            kind.functions[name] = made
            if states:
                if made.pins != ("state",):
                    return None
                kind.direct[name] = made.value(1, 1) == 1
        if data is not None:
            kind.next = function(data)
        return kind
    except (KeyError, SyntaxError):
        return None


@dataclass(frozen=True)
class Evaluated:
    """What the evaluation found.

    Members
    -------
    values : of each net, an integer with a bit for each cycle, the first lowest
    unknown : nets that registers or memories drive whose values the RTL does not tell, and those that follow
        from them
    wrong : registers into which the netlist puts something else than the RTL, and nets with a name, ports
        among them, that have another value there
    checked : registers compared
    """

    values: dict[int, int]
    unknown: set[int]
    wrong: list[str]
    checked: int

    @property
    def coverage(self) -> float:
        """Share of the nets whose values are known."""
        return 1 - len(self.unknown) / len(self.values)


class Evaluator:
    """A module of a netlist, sorted once.

    Parameters
    ----------
    module : of Yosys' JSON, as written after mapping
    cells : what the cells do
    """

    def __init__(self, module: Mapping[str, Any], cells: Mapping[str, CellKind]):
        self.module, self.cells = module, cells
        self.names: dict[Bit, list[Name]] = {}
        for name, net in module["netnames"].items():
            if not net["hide_name"]:
                for place, bit in enumerate(net["bits"]):
                    self.names.setdefault(bit, []).append((name.removeprefix("\\"), place))
        self.steps: list[tuple[Bit, Value, tuple[Bit, ...]]] = []
        self.registers: list[tuple[str, CellKind, dict[str, Bit]]] = []
        waiting: dict[Bit, tuple[Value, tuple[Bit, ...]]] = {}
        for name, cell in module["cells"].items():
            kind = cells.get(cell["type"])
            if kind is None:
                continue
            wires = {pin: bits[0] for pin, bits in cell["connections"].items()}
            if kind.next is not None:
                self.registers.append((name, kind, wires))
                continue
            for output, function in kind.functions.items():
                if output in wires:
                    waiting[wires[output]] = (function.value, tuple(wires[pin] for pin in function.pins))
        self._sort(waiting)

    def _sort(self, waiting: dict[Bit, tuple[Value, tuple[Bit, ...]]]) -> None:
        done: set[Bit] = set()
        for root in waiting:
            stack = [root]
            while stack:
                bit = stack[-1]
                if bit in done or bit not in waiting:
                    stack.pop()
                    continue
                open_ = [source for source in waiting[bit][1] if source in waiting and source not in done]
                if open_:
                    stack.append(open_[0])
                    continue
                done.add(bit)
                self.steps.append((bit, *waiting[bit]))
                stack.pop()

    def run(self, known: Mapping[Name, int], time: "Timeline") -> Evaluated:
        """Evaluate the cycles of ``time``, with the values of ``known`` in them."""
        full = (1 << time.cycles) - 1
        values: dict[Bit, int] = {"0": 0, "1": full, "x": 0, "z": 0}
        unknown: set[Bit] = set()
        driven = {bit for bit, _, _ in self.steps}
        for bit, names in self.names.items():
            if isinstance(bit, int) and bit not in driven:
                for name in names:
                    if name in known:
                        values[bit] = known[name]
                        break
        for _, kind, wires in self.registers:
            shown = [(wires[pin], direct) for pin, direct in kind.direct.items() if pin in wires]
            found = [values[bit] if direct else full ^ values[bit] for bit, direct in shown if bit in values]
            for bit, direct in shown:
                if found:
                    values.setdefault(bit, found[0] if direct else full ^ found[0])
        for bit, value, sources in self.steps:
            if any(source in unknown or source not in values for source in sources):
                unknown |= {source for source in sources if source not in values} | {bit}
                for source in sources:
                    values.setdefault(source, 0)
            values[bit] = value(full, *(values[source] for source in sources))
        for _, kind, wires in self.registers:
            for pin in kind.direct:
                if pin in wires and wires[pin] not in values:
                    unknown.add(wires[pin])
                    values[wires[pin]] = 0
        wrong, checked = [], 0
        for register, kind, wires in self.registers:
            state = self._state(kind, wires, values, unknown)
            assert kind.next is not None
            inputs = [wires[pin] for pin in kind.next.pins if pin != "state"]
            if state is None or any(pin in unknown or pin not in values for pin in inputs):
                continue
            checked += 1
            given = [state] * ("state" in kind.next.pins) + [values[pin] for pin in inputs]
            if (kind.next.value(full, *given) ^ (state >> 1)) & time.changes:
                wrong.append(register)
        for bit in driven - unknown:
            named = [name for name in self.names.get(bit, ()) if name in known]
            wrong += [f"{net}[{at}]" for net, at in named if (known[net, at] ^ values[bit]) & time.shown]
        numbers = {bit: value for bit, value in values.items() if isinstance(bit, int)}
        return Evaluated(numbers, {bit for bit in unknown if isinstance(bit, int)}, wrong, checked)

    @staticmethod
    def _state(
        kind: CellKind, wires: Mapping[str, Bit], values: Mapping[Bit, int], unknown: set[Bit]
    ) -> int | None:
        for pin, direct in kind.direct.items():
            if pin in wires and wires[pin] in values and wires[pin] not in unknown:
                value = values[wires[pin]]
                return value if direct else values["1"] ^ value
        return None


class Timeline:
    """Windows of cycles (start, stop) as bits of integers: each begins at a multiple of 64, with the cycle
    before ``start``."""

    def __init__(self, windows: Sequence[tuple[int, int]]):
        lengths = [stop - start for start, stop in windows]
        words = [-(-(length + 1) // 64) for length in lengths]
        self.first = np.concatenate([[0], np.cumsum(words)[:-1]]).astype(int)
        self.words = int(sum(words))
        self.cycles = 64 * self.words
        self.places = np.concatenate(
            [64 * at + np.arange(n + 1) for at, n in zip(self.first, lengths, strict=True)]
        )
        cycles = np.concatenate([np.arange(start - 1, stop) for start, stop in windows])
        self.rows = np.searchsorted(np.unique(cycles), cycles)
        """Of each place, which of the cycles that are in any window it shows."""
        self.shown = self._mask([length + 1 for length in lengths])
        """All cycles of windows, and those before them."""
        self.changes = self._mask(lengths)
        """Cycles that are followed by another one of the same window."""

    def _mask(self, lengths: Sequence[int]) -> int:
        return sum(((1 << n) - 1) << (64 * int(at)) for at, n in zip(self.first, lengths, strict=True))

    def integers(self, values: Mapping[Name, np.ndarray]) -> dict[Name, int]:
        """Each net's values (cycles that are in any window or just before one,) as an integer."""
        return {name: self._integer(column) for name, column in values.items()}

    def _integer(self, column: np.ndarray) -> int:
        spread = np.zeros(self.cycles, np.uint8)
        spread[self.places] = column[self.rows]
        return int.from_bytes(np.packbits(spread, bitorder="little").tobytes(), "little")

    def toggles(self, values: Sequence[int]) -> np.ndarray:
        """(windows, nets): how often each net changes within each window."""
        size = 8 * self.words
        changed = b"".join(((v ^ (v >> 1)) & self.changes).to_bytes(size, "little") for v in values)
        counts = np.bitwise_count(np.frombuffer(changed, np.uint64).reshape(len(values), self.words))
        return np.add.reduceat(counts.astype(np.int64), self.first, axis=1).T
