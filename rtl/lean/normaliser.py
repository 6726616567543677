# SPDX-License-Identifier: Apache-2.0
"""The normaliser of the lean map: N/Z as a mantissa and a shift (contract, section 21)."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from nms.rtl.lean.lane import SCALE


class Normaliser(Component):
    """Divides, a bit a cycle, until the quotient has ten bits from its leading one on.

    v / 16 = ``numerator`` / ``divisor`` gives ``scale`` = zm and ``shift`` = ze - 6. The quotient's bit of 1
    is the first; if it is set, v is too large, and the largest scale is given.

    Parameters
    ----------
    numerator, divisor : bits of these
    shift : the largest shift

    Members
    -------
    start : a pulse, from any state
    numerator : in the cycle of ``start``
    divisor : constant from the cycle after ``start`` on, while ``busy``
    busy : scale and shift are not there yet
    scale, shift : the quotient
    """

    def __init__(self, numerator: int, divisor: int, shift: int) -> None:
        self.largest = shift
        super().__init__(
            {
                "start": In(1),
                "numerator": In(numerator),
                "divisor": In(divisor),
                "busy": Out(1),
                "scale": Out(SCALE),
                "shift": Out(range(shift + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rest = Signal(max(len(self.numerator), len(self.divisor) + 1), reset_less=True)
        unshifted = Signal(range(SCALE + 2))  # bits that come before the shift begins
        first = unshifted == SCALE + 1
        fits = rest >= self.divisor
        with m.If(self.busy):
            m.d.sync += [
                rest.eq(Mux(fits, rest - self.divisor, rest) << 1),
                self.scale.eq(Cat(fits, self.scale)),
                self.busy.eq(~self.scale[SCALE - 2]),
            ]
            with m.If(unshifted != 0):
                m.d.sync += unshifted.eq(unshifted - 1)
            with m.Else():
                m.d.sync += self.shift.eq(self.shift + 1)
            with m.If(first & fits):
                m.d.sync += [self.scale.eq((1 << SCALE) - 1), self.busy.eq(0)]
        with m.If(self.start):
            m.d.sync += [
                rest.eq(self.numerator),
                self.scale.eq(0),
                self.shift.eq(0),
                self.busy.eq(1),
                unshifted.eq(SCALE + 1),
            ]
        return m
