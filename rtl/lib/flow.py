# SPDX-License-Identifier: Apache-2.0
"""Streams: delays, registers, queues, a multiplier, and joins of several streams."""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any, TypeVar

from amaranth import Cat, Module, Shape, Signal, Value, ValueLike
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.rtl.lib.fixed import product, product_latency
from nms.rtl.lib.ram import FIFO

AnyValue = TypeVar("AnyValue", bound=Value)


def follow(m: Module, valid: Value, cycles: int, advance: ValueLike = 1) -> Value:
    """``valid`` and what it was 1 to ``cycles`` moves before, a bit each; they hold while ``advance`` is 0.

    Bit k is high where an item comes to the register of stage k of a pipeline. Registers of data that load
    only then keep still while the pipeline is empty, and a clock gate can serve those of a stage.
    """
    held = Signal(cycles)
    coming = Cat(valid, held)
    with m.If(advance):
        m.d.sync += held.eq(coming)
    return coming


def delay(
    m: Module, value: AnyValue, cycles: int, moves: Value | None = None, reset_less: bool = True
) -> AnyValue:
    """``value``, ``cycles`` later; what is valid must be reset, data need not.

    Bit k of ``moves`` is the enable of the register of stage k; without, all load in every cycle.
    """
    for stage in range(cycles):
        held = Signal(value.shape(), reset_less=reset_less)
        with m.If(1 if moves is None else moves[stage]):
            m.d.sync += held.eq(value)
        value = held
    return value


class Register(wiring.Component):
    """One pipeline register, ``i`` to ``o`` one cycle later, one item a cycle."""

    def __init__(self, payload: ShapeLike) -> None:
        super().__init__({"i": In(stream.Signature(payload)), "o": Out(stream.Signature(payload))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.i.ready.eq(self.o.ready | ~self.o.valid)
        with m.If(self.i.ready):
            m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload)]
        return m


class Queue(wiring.Component):
    """First in, first out, ``depth`` items, one cycle of latency at least, one item a cycle.

    Beside a pipeline of L registers a queue of L + 1 items carries what the pipeline does not need.
    It is preferred to L registers because a memory toggles one word a cycle instead of all L.
    """

    def __init__(self, payload: ShapeLike, depth: int) -> None:
        self.width, self.depth = Shape.cast(payload).width, depth
        super().__init__({"i": In(stream.Signature(payload)), "o": Out(stream.Signature(payload))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = FIFO(width=self.width, depth=self.depth)
        m.d.comb += [
            fifo.w_data.eq(self.i.payload),
            fifo.w_en.eq(self.i.valid),
            self.i.ready.eq(fifo.w_rdy),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
        ]
        return m


class Skid(wiring.Component):
    """Two pipeline registers, ``i`` to ``o`` one cycle later, one item a cycle; no path leads through.

    ``ready`` of ``i`` comes from a register as well: it cuts the way of a stall. The second register
    takes the item that is under way when a stall begins.
    """

    def __init__(self, payload: ShapeLike) -> None:
        super().__init__({"i": In(stream.Signature(payload)), "o": Out(stream.Signature(payload))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spare = Signal(self.i.payload.shape(), reset_less=True)
        waits = Signal()
        m.d.comb += self.i.ready.eq(~waits)
        with m.If(self.i.ready):
            m.d.sync += spare.eq(self.i.payload)
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += [
                self.o.valid.eq(self.i.valid | waits),
                self.o.payload.eq(self.i.payload),
                waits.eq(0),
            ]
            with m.If(waits):
                m.d.sync += self.o.payload.eq(spare)
        with m.Elif(self.i.ready):
            m.d.sync += waits.eq(self.i.valid)
        return m


class Multiply(wiring.Component):
    """``product = a * b``, exact and unsigned, ``product_latency(a, b)`` cycles later, one a cycle.

    Parameters
    ----------
    a, b : bits of the factors
    beside : what travels with each product

    Members
    -------
    i : stream of ``{a, b, beside}``
    o : stream of ``{product, beside}``
    """

    def __init__(self, a: int, b: int, beside: ShapeLike) -> None:
        self.latency = product_latency(a, b)
        super().__init__(
            {
                "i": In(stream.Signature(StructLayout({"a": a, "b": b, "beside": beside}))),
                "o": Out(stream.Signature(StructLayout({"product": a + b, "beside": beside}))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += [advance.eq(self.o.ready | ~self.o.valid), self.i.ready.eq(advance)]
        valid = follow(m, self.i.valid, self.latency, advance)
        moves = valid & advance.replicate(len(valid))
        m.d.comb += [
            self.o.valid.eq(valid[-1]),
            self.o.payload.product.eq(product(m, self.i.payload.a, self.i.payload.b, moves)),
            self.o.payload.beside.eq(delay(m, Value.cast(self.i.payload.beside), self.latency, moves)),
        ]
        return m


def move_together(m: Module, sources: Sequence[Any], sinks: Sequence[Any]) -> Signal:
    """Move one item from every source stream into every sink stream in the same cycle, or none.

    Payloads are the caller's. Returns the signal that is high in the cycles in which items move. A
    sink's ``valid`` waits for the others' ``ready``, so sinks must not make ``ready`` wait for ``valid``.
    """
    go = Signal()
    m.d.comb += go.eq(reduce(and_, [s.valid for s in sources] + [s.ready for s in sinks]))
    m.d.comb += [s.ready.eq(go) for s in sources] + [s.valid.eq(go) for s in sinks]
    return go
