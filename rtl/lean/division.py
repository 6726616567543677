# SPDX-License-Identifier: Apache-2.0
"""Division of unsigned integers, two bits of the quotient a cycle."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

DIGITS = 2
"""Bits of the quotient that come in a cycle."""


def divide_on(high: Value, low: Value, denominator: Value, digits: int) -> tuple[Value, Value]:
    """``high`` and ``low`` after ``digits`` steps of a restoring division.

    The numerator is high * 2^len(low) + low, with high < denominator. Each step takes the top bit of
    ``low`` to the remainder in ``high`` and leaves a bit of the quotient at the bottom.
    """
    width = len(high)
    for _ in range(digits):
        rest = Cat(low[-1], high)
        less = rest - denominator
        fits = ~less[-1]
        high, low = Mux(fits, less[:width], rest[:width]), Cat(fits, low[:-1])
    return high, low


class Division(wiring.Component):
    """``quotient = floor((high * 2^bits + low) / denominator)``, of the lowest ``bits`` bits.

    Parameters
    ----------
    denominator : bits of the denominator
    bits : the most bits of a quotient, even

    Members
    -------
    start : begins, a pulse
    high, low : the numerator, with ``start``; high < denominator
    steps : cycles to take, with ``start``. Of a quotient of fewer than ``bits`` bits, two for each step,
        ``low`` has its bits at the top, and zeros below
    denominator : constant from ``start`` to ``done``
    done : a pulse, ``steps`` + 1 cycles after ``start``
    quotient : from ``done`` to the next ``start``
    """

    def __init__(self, denominator: int, bits: int) -> None:
        self.bits = bits
        super().__init__(
            {
                "start": In(1),
                "high": In(denominator),
                "low": In(bits),
                "steps": In(range(bits // DIGITS + 1)),
                "denominator": In(denominator),
                "done": Out(1),
                "quotient": Out(bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        high, low = Signal.like(self.high, reset_less=True), Signal.like(self.low, reset_less=True)
        left = Signal.like(self.steps)
        rest, quotient = divide_on(high, low, self.denominator, DIGITS)
        with m.If(self.start):
            m.d.sync += [high.eq(self.high), low.eq(self.low), left.eq(self.steps)]
        with m.Elif(left.any()):
            m.d.sync += [high.eq(rest), low.eq(quotient), left.eq(left - 1)]
        m.d.sync += self.done.eq(left == 1)
        m.d.comb += self.quotient.eq(low)
        return m
