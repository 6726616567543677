# SPDX-License-Identifier: Apache-2.0
"""Faults of the hardware, put into its Verilog on purpose to prove that the testbenches can fail."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from nms.sim.models.seeds import derive
from nms.sim.verilator.protocol import MODULE


class Fault(Enum):
    """What can be wrong with a module."""

    CONSTANT = "a bit of a constant flipped"
    ADDER = "an adder made a subtractor"
    HANDSHAKE = "an output handshake signal stuck"
    STUCK = "a bit of a register stuck"
    OFF_BY_ONE = "a comparison off by one"
    SWAPPED = "the operands of an operation swapped"


LITERAL = re.compile(r"(?<![\w$])(\d+)'h([0-9a-f]+)")
ASSIGNMENT = re.compile(r"^ *(?:assign )?(?P<left>[^=<>\n]+?) +<?= (?P<right>.+);$")
DECLARATION = re.compile(r"^ *(?:input|output|wire|reg|module)\b")
REGISTER = re.compile(r"^ *reg (?:\[(\d+):0\] )?(\\\S+ |\w+)(?: = [^;]*)?;$")
UPDATE = re.compile(r"^(?P<left> *(?P<name>\\\S+ |\w+) +<= )(?P<right>.+);$")
HANDSHAKE = re.compile(r"^ *output (\w+__(?:ready|valid));$", re.MULTILINE)
WIRE = re.compile(r"^  assign (\\\S+ ) = ")
RESET = re.compile(r"^ *if \(\w*rst\) begin$")
OPERATOR = re.compile(r" (\+|-|<<|>>|<=|>=|<|>|==|!=|\?|:|\*|&|\||\^|&&|\|\|) ")
NEIGHBOUR = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
ORDERED = {"-", "<", "<=", ">", ">="}

Widths = Mapping[str, int]
Change = tuple[str, str]
"""A changed line, and what was changed."""


@dataclass(frozen=True)
class FaultSite:
    """One way to put a fault into a text: characters ``start`` to ``end`` become ``replacement``."""

    module: str
    description: str
    start: int
    end: int
    replacement: str


def _operation(line: str) -> tuple[str, str, str, str] | None:
    """Left side with ``=``, operand, operator, operand of an assignment of exactly one binary operation."""
    match = ASSIGNMENT.match(line)
    if match is None or DECLARATION.match(line):
        return None
    right = match["right"]
    outer = []
    for operator in OPERATOR.finditer(right):
        before = right[: operator.start()]
        if all(before.count(opening) == before.count(closing) for opening, closing in ("()", "[]", "{}")):
            outer.append(operator)
    if len(outer) != 1 or outer[0][1] in ("?", ":"):
        return None
    return line[: match.start("right")], right[: outer[0].start()], outer[0][1], right[outer[0].end() :]


def _constants(line: str, widths: Widths) -> Iterator[Change]:
    assignment = ASSIGNMENT.match(line)
    if assignment is None or DECLARATION.match(line):
        return
    for match in LITERAL.finditer(line, assignment.start("right")):
        width, value = int(match[1]), int(match[2], 16)
        if value == 0 and "assign" not in line:
            continue  # a default in a process, which is mostly overruled
        for bit in range(width):
            literal = f"{width}'h{value ^ 1 << bit:0{len(match[2])}x}"
            yield line[: match.start()] + literal + line[match.end() :], f"{match.group()} -> {literal}"


def _adders(line: str, widths: Widths) -> Iterator[Change]:
    operation = _operation(line)
    if operation and operation[2] == "+":
        left, a, _, b = operation
        yield f"{left}{a} - {b};", f"{a} + {b} -> {a} - {b}"


def _comparisons(line: str, widths: Widths) -> Iterator[Change]:
    operation = _operation(line)
    if operation is None:
        return
    left, a, operator, b = operation
    if operator in NEIGHBOUR:
        yield f"{left}{a} {NEIGHBOUR[operator]} {b};", f"{a} {operator} {b} -> {NEIGHBOUR[operator]}"
    literal = LITERAL.fullmatch(b)
    if operator in ("==", "!=") and literal:
        width = int(literal[1])
        other = f"{width}'h{(int(literal[2], 16) + 1) % (1 << width):x}"
        yield f"{left}{a} {operator} {other};", f"{a} {operator} {b} -> {other}"


def _swaps(line: str, widths: Widths) -> Iterator[Change]:
    operation = _operation(line)
    if operation and operation[2] in ORDERED:
        left, a, operator, b = operation
        yield f"{left}{b} {operator} {a};", f"{a} {operator} {b} -> {b} {operator} {a}"


def _stuck(line: str, widths: Widths) -> Iterator[Change]:
    match = UPDATE.match(line)
    if match is None or match["name"].strip() not in widths:
        return
    name = match["name"].strip()
    width = widths[name]
    for bit in range(width):
        mask = f"{width}'h{1 << bit:x}"
        for value, gate in enumerate((f"& ~{mask}", f"| {mask}")):
            yield f"{match['left']}({match['right']}) {gate};", f"{name}[{bit}] stuck at {value}"


def _unread(line: str, body: str) -> bool:
    """Whether a line assigns a wire that is only declared elsewhere."""
    match = WIRE.match(line)
    return match is not None and body.count(match[1]) == 2


LINES: dict[Fault, Callable[[str, Widths], Iterator[Change]]] = {
    Fault.CONSTANT: _constants,
    Fault.ADDER: _adders,
    Fault.OFF_BY_ONE: _comparisons,
    Fault.SWAPPED: _swaps,
    Fault.STUCK: _stuck,
}
"""The faults that change one line."""


def _cut(body: str, port: str, value: int) -> str:
    """The module with this output port cut off from what drives it, and held at ``value``."""
    head, _, rest = body.partition(");")
    rest = re.sub(rf"(?<![\w$.\\]){port}(?![\w$])", f"{port}_cut", rest)
    rest = rest.replace(f"output {port}_cut;", f"output {port};")
    end = rest.rindex("endmodule")
    return f"{head});{rest[:end]}  assign {port} = 1'h{value};\n{rest[end:]}"


def find_sites(text: str, module: str, fault: Fault) -> Iterator[FaultSite]:
    """All ways to put this fault into the module or one nested in it (``module__inner``), in text order."""
    for match in MODULE.finditer(text):
        name, body = match[1], match.group()
        if name != module and not name.startswith(f"{module}__"):
            continue
        if fault is Fault.HANDSHAKE:
            for port in HANDSHAKE.findall(body):
                for value in (0, 1):
                    cut = _cut(body, port, value)
                    yield FaultSite(name, f"{port} stuck at {value}", match.start(), match.end(), cut)
            continue
        lines = body.split("\n")
        widths = {m[2].strip(): int(m[1] or 0) + 1 for m in map(REGISTER.match, lines) if m}
        start = match.start()
        for above, line in zip(["", *lines], lines, strict=False):
            # the reset value of a payload may be anything, and some names are never read
            reset = fault is Fault.CONSTANT and RESET.match(above)
            if not reset and not _unread(line, body):
                for changed, description in LINES[fault](line, widths):
                    yield FaultSite(name, description, start, start + len(line), changed)
            start += len(line) + 1


def inject(text: str, module: str, fault: Fault, seed: int) -> tuple[str, str]:
    """Put one fault into a module of a Verilog text that Yosys wrote; the seed chooses where.

    Returns the changed text and a description of the change. Not every fault can be seen from
    outside: a flipped bit may lie in a branch that is never taken.

    Raises
    ------
    ValueError
        The module offers no place for this fault.
    """
    found = list(find_sites(text, module, fault))
    if not found:
        raise ValueError(f"module {module}: no place for {fault.value}")
    site = found[int(derive(seed, fault.name).integers(len(found)))]
    changed = text[: site.start] + site.replacement + text[site.end :]
    return changed, f"{site.module}: {fault.value}: {site.description}"
