# SPDX-License-Identifier: Apache-2.0
"""Trivial blocks that the tests of the simulation library run."""

from typing import Any

from amaranth import Module, Signal
from amaranth.hdl import Assert
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from nms.rtl.lib.hierarchy import Block, instantiate


class Incrementer(Block):
    """``o_y`` is ``i_x`` + ``step`` modulo 2^width, one item in one register."""

    def __init__(self, width: int = 8, step: int = 1, module: str = "incrementer"):
        self.module = module
        self.parameters = (width, step)
        self.width, self.step = width, step
        super().__init__({"i_x": In(stream.Signature(width)), "o_y": Out(stream.Signature(width))})

    def testbench_parameters(self) -> dict[str, Any]:
        return {"step": self.step, "count": 20}

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
            stage = instantiate(m, f"stage{index}", Incrementer(), platform)
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


class Meter(Block):
    """``o_y`` is the sum of the items of ``i_x`` so far, minus 3; it restarts after every tenth item."""

    def __init__(self) -> None:
        self.module = "meter"
        self.parameters = ()
        super().__init__({"i_x": In(stream.Signature(8)), "o_y": Out(stream.Signature(16))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total = Signal(16)
        count = Signal(4)
        m.d.comb += self.i_x.ready.eq(self.o_y.ready | ~self.o_y.valid)
        with m.If(self.i_x.ready):
            m.d.sync += self.o_y.valid.eq(self.i_x.valid)
            with m.If(self.i_x.valid):
                m.d.sync += self.o_y.payload.eq(total + self.i_x.payload - 3)
                with m.If(count < 9):
                    m.d.sync += [count.eq(count + 1), total.eq(total + self.i_x.payload)]
                with m.Else():
                    m.d.sync += [count.eq(0), total.eq(0)]
        return m


class Plain(Block):
    """Has no registers, a port without bits, and one that is constant."""

    def __init__(self) -> None:
        self.module = "plain"
        self.parameters = ()
        super().__init__(
            {
                "i_x": In(stream.Signature(4, always_ready=True)),
                "o_y": Out(stream.Signature(0)),
                "o_z": Out(4),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [self.o_z.eq(~self.i_x.payload), self.o_y.valid.eq(self.i_x.valid)]
        return m


class Twins(Block):
    """Two incrementers under one name; ``steps`` says what each adds."""

    def __init__(self, *steps: int) -> None:
        self.module = "twins"
        self.parameters = steps
        self.steps = steps
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for index, step in enumerate(self.steps):
            instantiate(m, f"twin{index}", Incrementer(step=step), platform)
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
