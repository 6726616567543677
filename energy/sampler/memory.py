# SPDX-License-Identifier: Apache-2.0
"""Energy of on-chip memories: accesses times an energy by size."""

import math
from dataclasses import dataclass

import numpy as np

from nms.energy.sampler import scaling
from nms.energy.sampler.library import PowerLibrary


@dataclass(frozen=True)
class Macro:
    """A compiled SRAM: picojoules of a read and of a write."""

    depth: int
    width: int
    read: float
    write: float


MACROS = (
    Macro(1024, 8, 15.5961, 19.9179),
    Macro(256, 64, 49.6340, 63.4365),
    Macro(1024, 64, 91.8272, 110.9189),
)
"""IHP SG13G2 (130 nm), typical, 1.20 V, 25 C: ``internal_power`` of the rising A_CLK of
RM_IHPSG13_1P_{1024x8,256x64,1024x64}_c2_bm_bist in the IHP open PDK (IHP-GmbH/IHP-Open-PDK, Apache-2.0,
ihp-sg13g2/libs.ref/sg13g2_sram/lib)."""

NODE, VOLTAGE = 130, 1.2
"""Node (nm) and supply of the macros."""

LEAST = 1024
"""Bits from which a memory with registered reads is an SRAM; smaller ones, and those that are read without a
clock, are flip-flops with one clock gate a word."""


def _coefficients(energies: list[float]) -> np.ndarray:
    """a, b, c of a + width (b + c depth), through the three macros."""
    rows = [[1.0, m.width, m.width * m.depth] for m in MACROS]
    return np.linalg.solve(np.array(rows), np.array(energies))


READ = _coefficients([m.read for m in MACROS])
WRITE = _coefficients([m.write for m in MACROS])


class MemoryModel:
    """Joules of an access at the node and voltage of a library.

    An SRAM's access is ``a + width (b + c depth)``, fitted to :data:`MACROS`, times the factor of
    :mod:`nms.energy.sampler.scaling` for another node and the square of the voltage at the same one.
    A memory of flip-flops costs, for a write, the clock of one word and half the toggles of its outputs;
    for a read, half the toggles of the log2(depth) two-input gates that select each bit.
    """

    def __init__(self, library: PowerLibrary, node: float, voltage: float):
        scaled = (
            scaling.factor(NODE, VOLTAGE, node, library.voltage)
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

    def sram(self, depth: int, width: int, synchronous: bool) -> bool:
        """Whether a memory of this shape is an SRAM."""
        return synchronous and depth * width >= LEAST

    def access(self, depth: int, width: int, synchronous: bool, writes: bool, bits: int) -> float:
        """Joules of one access to ``bits`` of the ``width`` bits of a word."""
        if self.sram(depth, width, synchronous):
            a, b, c = WRITE if writes else READ
            return float(a + bits * (b + c * depth)) * self.scale
        if writes:
            return bits * (self.clocked + 0.5 * self.toggled)
        return bits * 0.5 * math.log2(max(depth, 2)) * self.gate
