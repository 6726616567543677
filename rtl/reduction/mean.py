# SPDX-License-Identifier: Apache-2.0
"""Means of complete boxes: ``floor((sum + floor(n / 2)) / n)`` in eight bits, two a cycle."""

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import SamplerConfig
from nms.rtl.reduction.bank import BOX_SUMS, SUMS
from nms.rtl.reduction.shape import DIVISORS

STAGES = 4
"""Registers of the division behind that of its operands."""


class Means(wiring.Component):
    """Divides the sums of boxes from two banks in turn, channel after channel.

    Parameters
    ----------
    config : ``side``

    Members
    -------
    split : a box has a sum for each of three channels
    divisors : numbers of bytes of boxes
    run : low: the next box is of bank 0
    i_even, i_odd : complete boxes of the banks
    o_bytes : means, ``last`` with an image's last; one a cycle
    """

    def __init__(self, config: SamplerConfig) -> None:
        super().__init__(
            {
                "split": In(1),
                "divisors": In(DIVISORS),
                "run": In(1),
                "i_even": In(stream.Signature(BOX_SUMS)),
                "i_odd": In(stream.Signature(BOX_SUMS)),
                "o_bytes": Out(stream.Signature(StructLayout({"data": 8, "last": 1}))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        odd, channel, is_last = Signal(), Signal(2), Signal()
        box, there, advance = Signal(BOX_SUMS), Signal(), Signal()
        m.d.comb += [
            box.eq(Mux(odd, self.i_odd.payload, self.i_even.payload)),
            there.eq(Mux(odd, self.i_odd.valid, self.i_even.valid)),
            advance.eq(self.o_bytes.ready | ~self.o_bytes.valid),
            is_last.eq(~self.split | (channel == 2)),
            self.i_even.ready.eq(advance & is_last & ~odd),
            self.i_odd.ready.eq(advance & is_last & odd),
        ]
        with m.If(~self.run):
            m.d.sync += [odd.eq(0), channel.eq(0)]
        with m.Elif(there & advance):
            m.d.sync += channel.eq(Mux(is_last, 0, channel + 1))
            with m.If(is_last & ~box.stays):
                m.d.sync += odd.eq(~odd)

        divisor = self.divisors[Cat(box.wide, box.tall)]
        sums = Array([*(box.sums[c] for c in SUMS.members), box.sums.c2])
        dividend = Signal(len(box.sums.c0))
        m.d.comb += dividend.eq(sums[channel] + (divisor >> 1))
        valid, last = there, box.last & is_last
        for stage in range(STAGES + 1):
            valid, last, dividend, divisor = self._register(m, stage, advance, valid, last, dividend, divisor)
            if stage < STAGES:
                dividend = _divide(_divide(dividend, divisor), divisor)
        m.d.comb += [
            self.o_bytes.valid.eq(valid),
            self.o_bytes.payload.data.eq(dividend[:8]),
            self.o_bytes.payload.last.eq(last),
        ]
        return m

    @staticmethod
    def _register(
        m: Module, stage: int, advance: Value, valid: Value, *values: Value
    ) -> tuple[Signal, Signal, Signal, Signal]:
        """All of a division, one cycle later."""
        there = Signal(name=f"valid_{stage}")
        held = [
            Signal(len(value), name=f"{name}_{stage}", reset_less=True)
            for name, value in zip(("last", "dividend", "divisor"), values, strict=True)
        ]
        with m.If(advance):
            m.d.sync += there.eq(valid)
            with m.If(valid):
                m.d.sync += [to.eq(value) for to, value in zip(held, values, strict=True)]
        return there, held[0], held[1], held[2]


def _divide(dividend: Value, divisor: Value) -> Value:
    """One bit of the quotient: the rest moves up, and leaves its place at the lower end to that bit."""
    width = len(divisor)
    rest = dividend[-width - 1 :]
    difference = rest - divisor
    fits = ~difference[-1]
    return Cat(fits, dividend[: -width - 1], Mux(fits, difference, rest)[:width])
