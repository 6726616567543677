# SPDX-License-Identifier: Apache-2.0
"""Evaluate all nets of a mapped netlist, cycle by cycle, from its registers, memories and inputs.

All cycles are evaluated at once: a net is one integer with a bit for each cycle. Where a netlist has kept
a register's name, its values are those of the RTL simulation in the same cycles. What the netlist would put
into the register next is compared with what the RTL put there; so is every other net that has a name in the
description. Equality of both proves that netlist and RTL do the same. Delays are zero, as in the RTL: there
are no glitches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Bit = int | str
"""A net of one bit: its number in Yosys' JSON, or "0", "1", "x", "z"."""

Name = tuple[str, int]
"""A net's name, and the index of the bit in it."""

Evaluate = Callable[[Sequence[int]], int]
"""A function of several nets: bit t of the result belongs to cycle t, as bit t of each argument does."""

Operand = int | Evaluate
"""A part of a function: the index of an argument, or a function of all arguments."""

UNNAMED = "$"
"""Mark of the names of nets that have none in the description. Among them are next values of registers, which
in a netlist may be anything while the register holds its value; the registers themselves are compared."""

ONES = 0
"""Index of the argument that has all bits set."""


def _and(a: Operand, b: Operand) -> Operand:
    if isinstance(a, int):
        return (lambda v: v[a] & v[b]) if isinstance(b, int) else (lambda v: v[a] & b(v))
    return _and(b, a) if isinstance(b, int) else (lambda v: a(v) & b(v))


def _or(a: Operand, b: Operand) -> Operand:
    if isinstance(a, int):
        return (lambda v: v[a] | v[b]) if isinstance(b, int) else (lambda v: v[a] | b(v))
    return _or(b, a) if isinstance(b, int) else (lambda v: a(v) | b(v))


def _xor(a: Operand, b: Operand) -> Operand:
    if isinstance(a, int):
        return (lambda v: v[a] ^ v[b]) if isinstance(b, int) else (lambda v: v[a] ^ b(v))
    return _xor(b, a) if isinstance(b, int) else (lambda v: a(v) ^ b(v))


def _not(a: Operand) -> Operand:
    return _xor(ONES, a)


GATES: dict[str, Callable[..., Operand]] = {
    "$_NOT_": lambda A: _not(A),
    "$_BUF_": lambda A: A,
    "$_AND_": lambda A, B: _and(A, B),
    "$_OR_": lambda A, B: _or(A, B),
    "$_XOR_": lambda A, B: _xor(A, B),
    "$_NAND_": lambda A, B: _not(_and(A, B)),
    "$_NOR_": lambda A, B: _not(_or(A, B)),
    "$_XNOR_": lambda A, B: _not(_xor(A, B)),
    "$_ANDNOT_": lambda A, B: _and(A, _not(B)),
    "$_ORNOT_": lambda A, B: _or(A, _not(B)),
    "$_MUX_": lambda A, B, S: _or(_and(A, _not(S)), _and(B, S)),
}
"""Yosys' gates, of which the functions of a library's cells consist, from their operands by pin."""


@dataclass(frozen=True)
class CellFunction:
    """An output of a cell, or the next state of a flip-flop, as a function of input pins.

    Parameters
    ----------
    uses_state : whether the flip-flop's own state is an argument as well
    pins : input pins, sorted
    evaluate : the function; its arguments are all bits set, then the state if it is used, then the pins
    """

    uses_state: bool
    pins: tuple[str, ...]
    evaluate: Evaluate


@dataclass
class CellLogic:
    """What a cell of the library computes.

    Members
    -------
    functions : of each output, in a flip-flop of its state
    next_state : of a flip-flop, else ``None``
    state_outputs : outputs of a flip-flop, and whether they show the state (or its inverse)
    clock : the clock pin of a flip-flop
    opens : of a clock gate, whether the clock passes at the end of the cycle, else ``None``
    gated : output of a clock gate
    """

    functions: dict[str, CellFunction] = field(default_factory=dict)
    next_state: CellFunction | None = None
    state_outputs: dict[str, bool] = field(default_factory=dict)
    clock: str = ""
    opens: CellFunction | None = None
    gated: str = ""


def read_cells(modules: Mapping[str, Any]) -> dict[str, CellLogic]:
    """The cells of a library from their modules in Yosys' JSON; of cells with latches, clock gates alone."""
    cells = {name: _read_cell(module) for name, module in modules.items()}
    return {name: logic for name, logic in cells.items() if logic is not None}


def _read_cell(module: Mapping[str, Any]) -> CellLogic | None:
    inputs = {p["bits"][0]: n for n, p in module["ports"].items() if p["direction"] == "input"}
    outputs = {n: p["bits"][0] for n, p in module["ports"].items() if p["direction"] == "output"}
    drivers: dict[Bit, tuple[str, dict[str, Bit]]] = {}
    states: set[Bit] = set()
    latches: list[dict[str, Bit]] = []
    data: Bit | None = None
    clock: Bit | None = None
    for cell in module["cells"].values():
        wires = {pin: bits[0] for pin, bits in cell["connections"].items()}
        if cell["type"] in GATES:
            drivers[wires["Y"]] = (cell["type"], wires)
        elif cell["type"].startswith(("$_DFF_", "$_DFFSR_")):
            if data not in (None, wires["D"]):
                return None
            states.add(wires["Q"])  # a cell with two outputs has one for each, of the same data
            data, clock = wires["D"], wires["C"]
        elif cell["type"] == "$_DLATCH_N_":
            latches.append(wires)
        else:
            return None

    def sources(bit: Bit) -> set[Bit]:
        """The inputs and states that a net follows."""
        if bit in ("0", "1"):
            return set()
        if bit in states or bit in inputs:
            return {bit}
        return set().union(*(sources(wire) for pin, wire in drivers[bit][1].items() if pin != "Y"))

    def function(bit: Bit) -> CellFunction:
        used = sources(bit)
        uses_state = bool(used & states)
        pins = sorted(inputs[wire] for wire in used - states)
        first = ONES + 1 + uses_state
        places: dict[Bit, int] = {wire: first + pins.index(inputs[wire]) for wire in used - states}
        places |= {"1": ONES, **{state: ONES + 1 for state in states}}

        def operand(wire: Bit) -> Operand:
            if wire == "0":
                return _not(ONES)
            if wire in places:
                return places[wire]
            gate, wires = drivers[wire]
            return GATES[gate](**{pin: operand(source) for pin, source in wires.items() if pin != "Y"})

        found = operand(bit)
        evaluate = (lambda v: v[found]) if isinstance(found, int) else found
        return CellFunction(uses_state, tuple(pins), evaluate)

    try:
        if latches:
            [latch], [(gated, bit)] = latches, outputs.items()
            kind, wires = drivers[bit]
            if states or kind != "$_AND_" or {wires["A"], wires["B"]} != {latch["E"], latch["Q"]}:
                return None
            return CellLogic(clock=inputs[latch["E"]], opens=function(latch["D"]), gated=gated)
        logic = CellLogic(clock=inputs.get(clock, ""))
        for name, bit in outputs.items():
            logic.functions[name] = function(bit)
            if states:
                if not logic.functions[name].uses_state or logic.functions[name].pins:
                    return None
                logic.state_outputs[name] = logic.functions[name].evaluate((1, 1)) == 1
        if data is not None:
            logic.next_state = function(data)
        return logic
    except (KeyError, ValueError):  # a net that nothing drives, or more than a clock gate has
        return None


@dataclass(frozen=True)
class GateValues:
    """Values of a netlist's nets, and how they compare with the RTL's.

    Members
    -------
    values : of each net, an integer with a bit for each cycle, the first lowest
    unknown : nets driven by registers or memories whose values the RTL does not tell, and those that follow
        from them
    mismatches : registers into which the netlist puts something else than the RTL, and named nets, ports
        among them, whose values differ
    compared : registers whose next values were compared
    opens : of each net that a clock gate drives, in which cycles its gate lets the clock pass at their end;
        in all of them, if its enable is unknown
    """

    values: dict[int, int]
    unknown: set[int]
    mismatches: list[str]
    compared: int
    opens: dict[Bit, int]

    @property
    def coverage(self) -> float:
        """Share of the nets whose values are known."""
        return 1 - len(self.unknown) / len(self.values)


class GateSimulator:
    """A module of a netlist, sorted once and run on any number of cycles.

    Parameters
    ----------
    module : of Yosys' JSON, as written after mapping
    cells : what the library's cells compute (:func:`read_cells`); all other cells count as unknown
    """

    def __init__(self, module: Mapping[str, Any], cells: Mapping[str, CellLogic]):
        self.names: dict[Bit, list[Name]] = {}
        for name, net in module["netnames"].items():
            if not net["hide_name"]:
                for place, bit in enumerate(net["bits"]):
                    self.names.setdefault(bit, []).append((name.removeprefix("\\"), place))
        self.steps: list[tuple[Bit, Evaluate, tuple[Bit, ...]]] = []
        """Nets, each after those that it follows, with their functions and the functions' arguments."""
        self.registers: list[tuple[str, CellLogic, dict[str, Bit]]] = []
        self.gates: dict[Bit, tuple[Evaluate, tuple[Bit, ...]]] = {}
        """Functions that open clock gates, and their arguments, by the net of the gated clock."""
        waiting: dict[Bit, tuple[Evaluate, tuple[Bit, ...]]] = {}
        for name, cell in module["cells"].items():
            logic = cells.get(cell["type"])
            if logic is None:
                continue
            wires = {pin: bits[0] for pin, bits in cell["connections"].items()}
            if logic.next_state is not None:
                self.registers.append((name, logic, wires))
                continue
            if logic.opens is not None:
                sources = tuple(wires[pin] for pin in logic.opens.pins)
                self.gates[wires[logic.gated]] = (logic.opens.evaluate, sources)
                continue
            for output, function in logic.functions.items():
                if output in wires:
                    waiting[wires[output]] = (function.evaluate, tuple(wires[pin] for pin in function.pins))
        self._sort(waiting)

    def _sort(self, waiting: dict[Bit, tuple[Evaluate, tuple[Bit, ...]]]) -> None:
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

    def run(self, known: Mapping[Name, int], time: "Timeline") -> GateValues:
        """Evaluate the cycles of ``time``; ``known`` are the RTL's values in them (:meth:`Timeline.pack`)."""
        ones = (1 << time.cycles) - 1
        values: dict[Bit, int] = {"0": 0, "1": ones, "x": 0, "z": 0}
        unknown: set[Bit] = set()
        driven = {bit for bit, _, _ in self.steps}
        for bit, names in self.names.items():
            if isinstance(bit, int) and bit not in driven:
                for name in names:
                    if name in known:
                        values[bit] = known[name]
                        break
        for _, logic, wires in self.registers:
            shown = [(wires[pin], direct) for pin, direct in logic.state_outputs.items() if pin in wires]
            found = [values[bit] if direct else ones ^ values[bit] for bit, direct in shown if bit in values]
            for bit, direct in shown:
                if found:
                    values.setdefault(bit, found[0] if direct else ones ^ found[0])
        for bit, evaluate, sources in self.steps:
            missing = [source for source in sources if source not in values]
            if missing or not unknown.isdisjoint(sources):
                unknown.update(missing, [bit])
                values |= dict.fromkeys(missing, 0)
            values[bit] = evaluate((ones, *[values[source] for source in sources]))
        for _, logic, wires in self.registers:
            for pin in logic.state_outputs:
                if pin in wires and wires[pin] not in values:
                    unknown.add(wires[pin])
                    values[wires[pin]] = 0
        opens = {
            net: evaluate((ones, *[values[source] for source in sources]))
            for net, (evaluate, sources) in self.gates.items()
            if all(source in values and source not in unknown for source in sources)
        }
        mismatches, compared = [], 0
        for register, logic, wires in self.registers:
            state = self._state(logic, wires, values, unknown)
            following = logic.next_state
            assert following is not None
            inputs = [wires[pin] for pin in following.pins]
            if state is None or any(bit in unknown or bit not in values for bit in inputs):
                continue
            clock = wires.get(logic.clock)
            if clock in self.gates and clock not in opens:
                continue
            compared += 1
            own = [state] if following.uses_state else []
            change = following.evaluate((ones, *own, *[values[bit] for bit in inputs])) ^ state
            if clock in opens:
                change &= opens[clock]
            if (change ^ state ^ (state >> 1)) & time.changes:
                mismatches.append(register)
        for bit in driven - unknown:
            named = [name for name in self.names.get(bit, ()) if name in known and UNNAMED not in name[0]]
            mismatches += [f"{net}[{at}]" for net, at in named if (known[net, at] ^ values[bit]) & time.shown]
        numbers = {bit: value for bit, value in values.items() if isinstance(bit, int)}
        unclear = {bit for bit in unknown if isinstance(bit, int)}
        opens = {net: opens.get(net, ones) for net in self.gates}
        return GateValues(numbers, unclear, mismatches, compared, opens)

    @staticmethod
    def _state(
        logic: CellLogic, wires: Mapping[str, Bit], values: Mapping[Bit, int], unknown: set[Bit]
    ) -> int | None:
        for pin, direct in logic.state_outputs.items():
            if pin in wires and wires[pin] in values and wires[pin] not in unknown:
                value = values[wires[pin]]
                return value if direct else values["1"] ^ value
        return None


class Timeline:
    """The cycles of intervals (start, stop) as bits of integers.

    Each begins at a multiple of 64, with the cycle before ``start``, so that its first change counts.
    """

    def __init__(self, intervals: Sequence[tuple[int, int]]):
        lengths = [stop - start for start, stop in intervals]
        words = [-(-(length + 1) // 64) for length in lengths]
        self.first = np.concatenate([[0], np.cumsum(words)[:-1]]).astype(int)
        self.words = int(sum(words))
        self.cycles = 64 * self.words
        self.places = np.concatenate(
            [64 * at + np.arange(n + 1) for at, n in zip(self.first, lengths, strict=True)]
        )
        cycles = np.concatenate([np.arange(start - 1, stop) for start, stop in intervals])
        self.rows = np.searchsorted(np.unique(cycles), cycles)
        """Of each place, which of the cycles that are in any interval it shows."""
        self.shown = self._mask([length + 1 for length in lengths])
        """All cycles of intervals, and those before them."""
        self.changes = self._mask(lengths)
        """Cycles that are followed by another one of the same interval."""

    def _mask(self, lengths: Sequence[int]) -> int:
        return sum(((1 << n) - 1) << (64 * int(at)) for at, n in zip(self.first, lengths, strict=True))

    def pack(self, values: Mapping[Name, np.ndarray]) -> dict[Name, int]:
        """Each net's values (cycles that are in any interval or just before one,) as an integer."""
        return {name: self._pack(column) for name, column in values.items()}

    def _pack(self, column: np.ndarray) -> int:
        spread = np.zeros(self.cycles, np.uint8)
        spread[self.places] = column[self.rows]
        return int.from_bytes(np.packbits(spread, bitorder="little").tobytes(), "little")

    def toggles(self, values: Sequence[int]) -> np.ndarray:
        """(intervals, nets): how often each net changes within each interval."""
        return self.count([value ^ (value >> 1) for value in values])

    def count(self, values: Sequence[int]) -> np.ndarray:
        """(intervals, nets): before how many of each interval's changes each net is high."""
        if not values:
            return np.zeros((len(self.first), 0), np.int64)
        size = 8 * self.words
        changed = b"".join((value & self.changes).to_bytes(size, "little") for value in values)
        counts = np.bitwise_count(np.frombuffer(changed, np.uint64).reshape(len(values), self.words))
        return np.add.reduceat(counts.astype(np.int64), self.first, axis=1).T
