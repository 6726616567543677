# SPDX-License-Identifier: Apache-2.0
"""Packets of bytes from words of one width to words of another."""

from math import gcd

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out


class Gearbox(wiring.Component):
    """Packets of ``length`` bytes: ``i`` words of ``a`` bytes, ``o`` words of ``b`` bytes, one a cycle.

    The first byte is the lowest. A packet starts a new word on both sides; the bytes of its last word
    beyond ``length`` are ignored in ``i`` and 0 in ``o``, where ``keep`` has a bit for each byte that
    belongs to the packet and ``last`` marks the last word. ``length`` > 0 is constant while bytes are
    inside. Words of different widths are held: then ``ready`` and ``valid`` depend on registers alone.

    Parameters
    ----------
    a, b : bytes of a word
    width : bits of ``length``
    """

    def __init__(self, a: int, b: int, width: int) -> None:
        self.a, self.b = a, b
        super().__init__(
            {
                "length": In(width),
                "i": In(stream.Signature(8 * a)),
                "o": Out(stream.Signature(StructLayout({"data": 8 * b, "keep": b, "last": 1}))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        given, left = Signal.like(self.length), Signal.like(self.length)  # bytes of this packet
        word, give = Signal(8 * self.b), Signal()
        m.d.comb += [
            left.eq(self.length - given),
            self.o.p.last.eq(left <= self.b),
            self.o.p.keep.eq(Cat(left > byte for byte in range(self.b))),
            self.o.p.data.eq(word & Cat(bit.replicate(8) for bit in self.o.p.keep)),
            give.eq(self.o.valid & self.o.ready),
        ]
        with m.If(give):
            m.d.sync += given.eq(Mux(self.o.p.last, 0, given + self.b))
        if self.a == self.b:
            m.d.comb += [
                word.eq(self.i.payload),
                self.o.valid.eq(self.i.valid),
                self.i.ready.eq(self.o.ready),
            ]
        else:
            m.d.comb += word.eq(self._hold(m, give))
        return m

    def _hold(self, m: Module, give: Value) -> Signal:
        """Bytes from words that were taken, until words of them are given; returns them, the next first."""
        unit = gcd(self.a, self.b)
        a, b = self.a // unit, self.b // unit
        room = 2 * a + b  # so that a word is taken while one is given
        held = Signal(8 * unit * room)
        fill = Signal(range(room + 1))  # units
        taken = Signal.like(self.length)  # bytes of this packet
        take = Signal()
        m.d.comb += [
            self.i.ready.eq((fill <= room - a) & (taken < self.length)),
            self.o.valid.eq(Mux(self.o.p.last, (taken >= self.length) & (fill != 0), fill >= b)),
            take.eq(self.i.valid & self.i.ready),
        ]
        base = Signal.like(fill)
        rest = Signal.like(held)
        m.d.comb += [
            base.eq(Mux(give, fill - b, fill)),
            rest.eq(Mux(give, held >> (8 * self.b), held)),
        ]
        with m.If(take):
            m.d.sync += [
                held.eq(rest | (self.i.payload << (base * (8 * unit)))[: len(held)]),
                fill.eq(base + a),
                taken.eq(Mux(self.length - taken > self.a, taken + self.a, self.length)),
            ]
        with m.Elif(give):
            m.d.sync += [held.eq(rest), fill.eq(base)]
        with m.If(give & self.o.p.last):
            m.d.sync += [held.eq(0), fill.eq(0), taken.eq(0)]
        return held
