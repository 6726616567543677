# SPDX-License-Identifier: Apache-2.0
"""Trivial blocks that the tests of the simulation library run."""

from amaranth import Module, Signal
from amaranth.hdl import Assert
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from rtl.hierarchy import Block, place


class Incrementer(Block):
    """``o_y`` is ``i_x`` + ``step`` modulo 2^width, one item in one register."""

    def __init__(self, width: int = 8, step: int = 1, module: str = "incrementer"):
        self.module = module
        self.parameters = (width, step)
        self.width, self.step = width, step
        super().__init__({"i_x": In(stream.Signature(width)), "o_y": Out(stream.Signature(width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.i_x.ready.eq(self.o_y.ready | ~self.o_y.valid)
        with m.If(self.i_x.ready):
            m.d.sync += self.o_y.valid.eq(self.i_x.valid)
            m.d.sync += self.o_y.payload.eq(self.i_x.payload + self.step)
        return m


class Chain(Block):
    """``length`` incrementers in a row; the count of items never reaches ``limit`` (an assertion)."""

    def __init__(self, length: int = 3, limit: int = 1 << 15, module: str = "chain"):
        self.module = module
        self.parameters = (length, limit)
        self.length, self.limit = length, limit
        super().__init__({"i_x": In(stream.Signature(8)), "o_y": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        last = self.i_x
        for index in range(self.length):
            stage = place(m, f"stage{index}", Incrementer(), platform)
            m.d.comb += [
                stage.i_x.payload.eq(last.payload),
                stage.i_x.valid.eq(last.valid),
                last.ready.eq(stage.i_x.ready),
            ]
            last = stage.o_y
        m.d.comb += [
            self.o_y.payload.eq(last.payload),
            self.o_y.valid.eq(last.valid),
            last.ready.eq(self.o_y.ready),
        ]
        count = Signal(16)
        m.submodules.counter = counter = Module()
        counter.d.sync += count.eq(count + (self.i_x.valid & self.i_x.ready))
        m.d.sync += Assert(count < self.limit, "too many items")
        return m


class Fickle(Block):
    """Breaks the stream protocol: withdraws ``valid`` although nobody took the item."""

    def __init__(self) -> None:
        self.module = "fickle"
        self.parameters = ()
        super().__init__({"o_y": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.o_y.valid.eq(~self.o_y.valid)
        with m.If(self.o_y.ready & self.o_y.valid):
            m.d.sync += self.o_y.payload.eq(self.o_y.payload + 1)
        return m
