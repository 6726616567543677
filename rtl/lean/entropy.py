# SPDX-License-Identifier: Apache-2.0
"""From the sums of an evaluation to its entropy, and from the sum of the weights to its reciprocal."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import Assert
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.contract.config import LeanConfig
from nms.rtl.lean.division import DIGITS, Division
from nms.rtl.lean.tables import LOG, look_up
from nms.rtl.lib.fixed import bit_length

RECIPROCAL = 24
"""r = 2^24 / S."""


class Entropy(wiring.Component):
    """H = log2 S + T/S and r = 2^24 / S, rounded, by one division (contract, sections 19 and 20).

    Parameters
    ----------
    config : ``images`` and the formats
    s, t : bits of S and T

    Members
    -------
    start : begins, a pulse
    invert : with ``start``: whether r is wanted, not H
    s, t : S of at least 1, T; constant from ``start`` as long as the results are needed
    done : a pulse; entropy or reciprocal is there until the next ``start``
    entropy : H
    reciprocal : r
    """

    def __init__(self, config: LeanConfig, s: int, t: int) -> None:
        self.one = config.profile.weight.fraction
        self.width = config.profile.entropy.width
        self.division = Division(s, RECIPROCAL - self.one + DIGITS)
        super().__init__(
            {
                "start": In(1),
                "invert": In(1),
                "s": In(s),
                "t": In(t),
                "done": Out(1),
                "entropy": Out(self.width),
                "reciprocal": Out(RECIPROCAL - self.one + 1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.division = division = self.division
        bits, width = division.bits, self.width
        numerator = self.t << 2
        m.d.comb += [
            division.start.eq(self.start),
            division.denominator.eq(self.s),
            division.high.eq(Mux(self.invert, 1 << RECIPROCAL - bits, numerator[width:])),
            division.low.eq(Mux(self.invert, self.s >> 1, numerator[:width] << bits - width)),
            division.steps.eq(Mux(self.invert, bits // DIGITS, width // DIGITS)),
            self.done.eq(division.done),
            self.reciprocal.eq(division.quotient),
        ]
        m.d.sync += [
            Assert(~self.start | self.s[self.one :].any(), "entropy: S below 1"),
            Assert(~self.start | self.invert | (numerator[width:] < self.s), "entropy: T/S of 16 or more"),
        ]

        # log2 S: the places before the leading one, and the seven bits behind it
        log = Signal(width, reset_less=True)
        whole = Signal(range(len(self.s) - self.one))
        index = (self.s[1:] >> whole)[: (len(LOG) - 1).bit_length()]
        m.d.comb += [
            whole.eq(bit_length(self.s[self.one :]) - 1),
            self.entropy.eq(log + division.quotient[:width]),
        ]
        with m.If(self.start):
            m.d.sync += log.eq(Cat(look_up(LOG, 2, index), whole))
        return m
