# SPDX-License-Identifier: Apache-2.0
"""Read cell libraries with Yosys' own Liberty reader, the one that mapping uses, from plain copies."""

import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nms.contract.errors import ToolError, UserError
from nms.synth import clock_gates, liberty_file, yosys
from nms.synth.clock_gates import ClockGate
from nms.synth.liberty_plain import write_plain
from nms.synth.liberty_text import Group, Place

GATES: dict[str, Callable[..., bool]] = {
    "$_NOT_": lambda a: not a,
    "$_BUF_": lambda a: a,
    "$_AND_": lambda a, b: a and b,
    "$_OR_": lambda a, b: a or b,
    "$_XOR_": lambda a, b: a != b,
}
"""Gates of which combinational functions consist once Yosys has read them."""

READ_OPTIONS = "-ignore_miss_func -ignore_miss_dir -ignore_miss_data_latch -ignore_buses"
"""Options of Yosys' reader: it skips what it does not understand of a cell, which mapping does not use."""

MODULE = re.compile(r"^module (\S+)\(.*?^endmodule\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """A cell.

    Members
    -------
    area : in the library's unit
    sequential : whether it holds state
    is_clock_gate : whether it is an integrated clock gate; these hold state, too
    is_buffer : whether its output repeats its only input
    is_nand2 : whether it is a NAND of two inputs
    """

    name: str
    area: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sequential: bool
    is_clock_gate: bool
    is_buffer: bool
    """Whether it repeats its only input."""
    is_inverter: bool
    """Whether it inverts its only input."""
    is_nand2: bool


@dataclass(frozen=True)
class CellLibrary:
    """The cells of one or more Liberty files, with plain copies of these in the folder where Yosys works.

    Members
    -------
    files : the copies
    behaviour : Verilog of every cell, from the functions and the ``ff`` groups of the files
    clock_gates : its integrated clock gates, the one that mapping uses first
    places : of the cells in the user's files
    timed : whether the files have delays
    """

    name: str
    files: tuple[Path, ...]
    cells: dict[str, Cell]
    behaviour: dict[str, str]
    clock_gates: tuple[ClockGate, ...]
    places: dict[str, Place]
    timed: bool

    @property
    def arguments(self) -> str:
        """Arguments of a Yosys command that runs in the folder of the files."""
        return " ".join(f"-liberty {file.name}" for file in self.files)

    @property
    def nand2(self) -> float:
        """Area of the smallest NAND of two inputs, in the library's unit: one NAND2 equivalent."""
        return min(cell.area for cell in self.cells.values() if cell.is_nand2)

    @property
    def buffer(self) -> str:
        """Name of the smallest buffer."""
        return min(
            (cell for cell in self.cells.values() if cell.is_buffer), key=lambda c: (c.area, c.name)
        ).name

    def verilog(self, names: Iterable[str]) -> str:
        """Behavioural modules of the named cells."""
        return "\n".join(self.behaviour[name] for name in sorted(names))


def _truth_table(module: dict[str, Any], inputs: Sequence[str]) -> list[bool] | None:
    """Truth table of a combinational module with one output, inputs counting up; else ``None``."""
    cells = list(module["cells"].values())
    outputs = [port for port, found in module["ports"].items() if found["direction"] == "output"]
    if len(outputs) != 1 or any(cell["type"] not in GATES for cell in cells):
        return None
    table = []
    for values in itertools.product((False, True), repeat=len(inputs)):
        nets: dict[Any, bool] = {"0": False, "1": True}
        nets |= {module["ports"][port]["bits"][0]: value for port, value in zip(inputs, values, strict=True)}
        waiting = cells
        while waiting:
            rest = []
            for cell in waiting:
                pins = [cell["connections"][pin][0] for pin in ("A", "B") if pin in cell["connections"]]
                if all(pin in nets for pin in pins):
                    nets[cell["connections"]["Y"][0]] = GATES[cell["type"]](*(nets[pin] for pin in pins))
                else:
                    rest.append(cell)
            if len(rest) == len(waiting):
                return None
            waiting = rest
        bit = module["ports"][outputs[0]]["bits"][0]
        if bit not in nets:
            return None
        table.append(nets[bit])
    return table


def _read_cell(name: str, module: dict[str, Any], is_clock_gate: bool) -> Cell:
    pins = {
        d: tuple(p for p, port in module["ports"].items() if port["direction"] == d)
        for d in ("input", "output")
    }
    sequential = any(
        re.match(r"\$_(DFF|DLATCH|SR|ALDFF|FF)", cell["type"]) for cell in module["cells"].values()
    )
    small = len(pins["input"]) <= 2 and not sequential
    table = _truth_table(module, pins["input"]) if small else None
    return Cell(
        name=name,
        area=float(module["attributes"].get("area", 0)),
        inputs=pins["input"],
        outputs=pins["output"],
        sequential=sequential,
        is_clock_gate=is_clock_gate,
        is_buffer=table == [False, True],
        is_inverter=table == [True, False],
        is_nand2=table == [True, True, True, False],
    )


def _has_timing(library: Group) -> bool:
    pins = (pin for cell in library.inner("cell") for pin in cell.inner("pin"))
    return any(True for pin in pins for _ in pin.inner("timing"))


def make_reading_script(files: Sequence[Path], gates: Sequence[ClockGate], work: Path) -> list[str]:
    """Commands of Yosys that read the cells of plain copies, and the models of clock gates, in ``work``."""
    cells = [f"read_liberty -overwrite {READ_OPTIONS} {file.name}" for file in files]
    return cells + clock_gates.read_models(gates, work)


def read(name: str, files: Sequence[Path], work: Path) -> CellLibrary:
    """Read Liberty files, also packed by gzip, and write plain copies of them into the folder ``work``.

    Raises
    ------
    UserError
        A file is missing or is not Liberty, or together they lack an inverter, a buffer, a NAND of two
        inputs or a flip-flop, or the area of a NAND.
    ToolError
        Yosys failed and does not blame the files.
    """
    names = ", ".join(map(str, files))
    libraries = liberty_file.load_all(files)
    copies = [work / f"cells{number}.lib" for number in range(len(libraries))]
    for copy, library in zip(copies, libraries, strict=True):
        copy.write_text(write_plain(library), encoding="utf-8")
    gates = clock_gates.find(libraries)
    try:
        script = make_reading_script(copies, gates, work)
        yosys.run(
            [*script, "opt_clean -purge", "write_json cells.json", "write_verilog -noattr cells.v"], work
        )
    except ToolError as error:
        if not error.complaint:
            raise
        raise UserError(f"liberty {names}: Yosys cannot read it: {error.complaint}") from None
    modules = json.loads((work / "cells.json").read_text())["modules"]
    gating = {gate.name for gate in gates}
    cells = {cell: _read_cell(cell, module, cell in gating) for cell, module in modules.items()}
    for kind, has in (
        ("inverter", any(cell.is_inverter for cell in cells.values())),
        ("buffer", any(cell.is_buffer for cell in cells.values())),
        ("NAND of two inputs", any(cell.is_nand2 for cell in cells.values())),
        ("flip-flop", any(cell.sequential and not cell.is_clock_gate for cell in cells.values())),
    ):
        if not has:
            raise UserError(
                f"liberty {names}: has no {kind}; "
                "needs an inverter, a buffer, a NAND of two inputs and a flip-flop"
            )
    places = {cell.name: cell.place for library in libraries for cell in library.inner("cell")}
    for cell in cells.values():
        if cell.is_nand2 and not cell.area:
            places[cell.name].fail("has no area; must have one, to count areas in NAND2 equivalents")
    return CellLibrary(
        name=name,
        files=tuple(copies),
        cells=cells,
        behaviour={m[1]: m.group() for m in MODULE.finditer((work / "cells.v").read_text())},
        clock_gates=tuple(gates),
        places=places,
        timed=any(map(_has_timing, libraries)),
    )
