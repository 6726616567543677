# SPDX-License-Identifier: Apache-2.0
"""Integrated clock gates: find them in a library, describe them to Yosys, and let a netlist use one.

Yosys' Liberty reader skips these cells, since the state table in them is no function to it. Thus they are
found by their attributes, and their behaviour is written here. ``dont_use`` does not count: it
keeps a mapper from taking a gate as logic, and a library may set it at all of its gates.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nms.synth.liberty_text import Group

MODELS = "clock_gates.v"
"""Models of the gates, in the folder where Yosys works."""

RESETS = Path(__file__).parent / "cells" / "reset_to_enable.v"
"""Map of Yosys that makes resets enables."""

LEAST = 4
"""Flip-flops that must share an enable to get a gate. A closed one costs the clock pins of one flip-flop
(SG13G2) or two (ASAP7)."""

KINDS = frozenset(f"latch_posedge{test}" for test in ("", "_precontrol", "_postcontrol"))
"""Gates for flip-flops of the rising edge: a latch that is open while the clock is low, and an AND."""

ROLES = ("clock", "enable", "test", "out")

MODEL = """\
(* area = "{area}" *)
module {name} ({pins}, {output});
  input {pins};
  output {output};
  reg held;
  always @* if (!{clock}) held = {enabled};
  assign {output} = {clock} & held;
endmodule
"""


@dataclass(frozen=True)
class ClockGate:
    """A clock gate: the clock rises at ``output`` in the cycles before whose rise an enable was high.

    Members
    -------
    area : in the library's unit
    clock, enable, output : names of pins
    tests : pins that enable as well, for a scan chain; tied low
    """

    name: str
    area: float
    clock: str
    enable: str
    output: str
    tests: tuple[str, ...] = ()

    @property
    def arguments(self) -> str:
        """Arguments of Yosys' ``clockgate``."""
        ties = "".join(f" -tie_lo {pin}" for pin in self.tests)
        return f"-pos {self.name} {self.enable}:{self.clock}:{self.output}{ties} -min_net_size {LEAST}"

    @property
    def verilog(self) -> str:
        """Its behaviour."""
        enables = (self.enable, *self.tests)
        return MODEL.format(
            area=self.area,
            name=self.name,
            pins=", ".join((self.clock, *enables)),
            clock=self.clock,
            output=self.output,
            enabled=" | ".join(enables),
        )


def find(libraries: Iterable[Group]) -> list[ClockGate]:
    """The clock gates of libraries, the one to use first: fewest pins to tie, then the smallest."""
    gates = []
    for cell in (cell for library in libraries for cell in library.inner("cell")):
        if cell.word("clock_gating_integrated_cell").lower() not in KINDS:
            continue
        pins = {
            role: [pin.name for pin in cell.inner("pin") if pin.flag(f"clock_gate_{role}_pin")]
            for role in ROLES
        }
        if all(len(pins[role]) == 1 for role in ("clock", "enable", "out")):
            [clock], [enable], [output] = (pins[role] for role in ("clock", "enable", "out"))
            area = cell.number("area") or 0.0
            gates.append(ClockGate(cell.name, area, clock, enable, output, tuple(pins["test"])))
    return sorted(gates, key=lambda gate: (len(gate.tests), gate.area, gate.name))


def read_models(gates: Sequence[ClockGate], work: Path) -> list[str]:
    """Write the models into the folder ``work``, and return the commands that read them there."""
    if not gates:
        return []
    (work / MODELS).write_text("".join(gate.verilog for gate in gates))
    names = " ".join(gate.name for gate in gates)
    return [f"read_verilog -overwrite {MODELS}", f"proc {names}", f"simplemap {names}"]


def make_script(gate: ClockGate, work: Path) -> list[str]:
    """Commands that gate clocks; they come after the last that infers flip-flops, and before ``dfflibmap``.

    ``clockgate`` skips flip-flops with a synchronous reset and forms groups by the net of the enable. So
    resets become enables first, and equal enables one net.
    """
    (work / RESETS.name).write_text(RESETS.read_text())
    return [
        f"techmap -map {RESETS.name}",
        "simplemap",
        "opt_expr",
        "opt_merge",
        "opt_clean",
        f"clockgate {gate.arguments}",
    ]
