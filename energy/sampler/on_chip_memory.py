# SPDX-License-Identifier: Apache-2.0
"""Energy of an access to an on-chip memory, by its size: SRAM macros, and memories of flip-flops."""

import math
from dataclasses import dataclass

import numpy as np

from nms.energy.sampler import technology
from nms.energy.sampler.power_library import PowerLibrary


@dataclass(frozen=True)
class SramMacro:
    """A compiled SRAM: words, bits of a word, picojoules of a read and of a write."""

    depth: int
    width: int
    read: float
    write: float


MACROS = (
    SramMacro(1024, 8, 15.5961, 19.9179),
    SramMacro(256, 64, 49.6340, 63.4365),
    SramMacro(1024, 64, 91.8272, 110.9189),
)
"""IHP SG13G2 (130 nm), typical, 1.20 V, 25 C: ``internal_power`` of the rising A_CLK of
RM_IHPSG13_1P_{1024x8,256x64,1024x64}_c2_bm_bist in the IHP open PDK (IHP-GmbH/IHP-Open-PDK, Apache-2.0,
ihp-sg13g2/libs.ref/sg13g2_sram/lib)."""

NODE, VOLTAGE = 130, 1.2
"""Node (nm) and supply of the macros."""

SRAM_BITS = 1024
"""Bits from which a memory with registered reads is an SRAM. Smaller memories, and those that are read
without a clock, are flip-flops with one clock gate for each word."""


def _solve_coefficients(energies: list[float]) -> np.ndarray:
    """a, b, c of the energy in picojoules, a + width (b + c depth), which goes through the three macros."""
    rows = [[1.0, m.width, m.width * m.depth] for m in MACROS]
    return np.linalg.solve(np.array(rows), np.array(energies))


READ = _solve_coefficients([m.read for m in MACROS])
WRITE = _solve_coefficients([m.write for m in MACROS])
"""Coefficients of a read and of a write."""


class OnChipMemoryModel:
    """Joules of an access at the node and voltage of a library.

    An access to an SRAM costs a + bits (b + c depth) at the node of :data:`MACROS`, times
    :func:`nms.energy.sampler.technology.scale_factor` at another node, or the square of the voltages' ratio
    at the same one. In a memory of flip-flops a write costs the clock of one word and toggles of half its
    outputs; a read costs toggles of half of the log2(depth) two-input gates that select each bit.

    Parameters
    ----------
    node : of the library, in nm
    voltage : supply, in volts

    Members
    -------
    leakage_bit : watts of a bit; that of a flip-flop for all memories, an upper bound for an SRAM
    """

    def __init__(self, library: PowerLibrary, node: float, voltage: float):
        scaled = (
            technology.scale_factor(NODE, VOLTAGE, node, library.voltage)
            if node != NODE
            else ((library.voltage / VOLTAGE) ** 2)
        )
        self.scale = scaled * (voltage / library.voltage) ** 2 * 1e-12
        square = voltage**2
        registers = [
            c for c in library.cells.values() if c.sequential and any(p.clock for p in c.pins.values())
        ]
        cell = min(registers, key=lambda c: (len(c.pins), c.pins[c.clock].capacitance))
        clock, slew = cell.pins[cell.clock], library.slew
        lone = np.array([clock.capacitance])
        self.clocked = clock.capacitance * square
        if "" in clock.energy:
            self.clocked += 2 * float(clock.internal("", slew, lone)[0]) * (voltage / library.voltage) ** 2
        outputs = [p for p in cell.pins.values() if p.direction == "output" and p.energy]
        toggled = min(float(p.internal(cell.clock, slew, lone)[0]) for p in outputs if cell.clock in p.energy)
        self.toggled = toggled * (voltage / library.voltage) ** 2 + 0.5 * clock.capacitance * square
        gates = [
            float(np.mean([pin.internal(r, slew, lone)[0] for r in pin.energy]))
            + 0.5 * lone[0] * library.voltage**2
            for c in library.cells.values()
            if not c.sequential and sum(p.direction == "input" for p in c.pins.values()) == 2
            for pin in c.pins.values()
            if pin.direction == "output" and pin.energy
        ]
        self.gate = float(np.median(gates)) * (voltage / library.voltage) ** 2
        self.leakage_bit = cell.leakage * voltage / library.voltage

    def is_sram(self, depth: int, width: int, synchronous: bool) -> bool:
        """Whether a memory of this shape is an SRAM."""
        return synchronous and depth * width >= SRAM_BITS

    def access(self, depth: int, width: int, synchronous: bool, writes: bool, bits: int) -> float:
        """Joules of one access to ``bits`` of the ``width`` bits of a word."""
        if self.is_sram(depth, width, synchronous):
            a, b, c = WRITE if writes else READ
            return float(a + bits * (b + c * depth)) * self.scale
        if writes:
            return bits * (self.clocked + 0.5 * self.toggled)
        return bits * 0.5 * math.log2(max(depth, 2)) * self.gate
