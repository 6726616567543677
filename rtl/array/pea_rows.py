# SPDX-License-Identifier: Apache-2.0
"""Rows of the distance memory before the search: minimum, span and ties; and single distances."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.memory import ReadPort, WritePort

from nms.rtl.array.walk import TriangleWalk, triangle
from nms.rtl.lib.fixed import bit_length
from nms.rtl.lib.flow import delay
from nms.rtl.lib.hierarchy import Block


def scan(m: Module, pea: Block, read: ReadPort, table: WritePort) -> None:
    """Minimum, scale and ties of the rows in order; and reading of single distances.

    Drives ``o_rows``, ``i_read`` and ``o_read`` of the array, the address of the distance memory's port
    ``read`` and, once a row, {minimum, scale} into ``table``.
    """
    m.submodules.scan_walk = walk = TriangleWalk(pea.config)
    row = Signal(pea.derived.index_width)
    data = Signal.like(pea.pe.distance)
    m.d.sync += data.eq(read.data)
    flags = delay(m, Cat(walk.valid, walk.first, walk.valid & walk.last), 2, reset_less=False)
    valid, first, last = flags[0], flags[1], flags[2]
    smallest, largest, span = Signal.like(data), Signal.like(data), Signal.like(data)
    ties = Signal(pea.derived.count_width)
    with m.If(valid):
        with m.If(first | (data < smallest)):
            m.d.sync += [smallest.eq(data), ties.eq(1)]
        with m.Elif(data == smallest):
            m.d.sync += ties.eq(ties + 1)
        with m.If(first | (data > largest)):
            m.d.sync += largest.eq(data)

    low, high = Signal.like(row), Signal.like(row)
    address, begin = Signal.like(read.addr), triangle(m, high)
    found = pea.o_rows.payload
    m.d.comb += [
        walk.count.eq(pea.count),
        walk.row.eq(row),
        walk.advance.eq(1),
        read.addr.eq(walk.address),
        read.en.eq(1),
        table.addr.eq(row),
        table.data.minimum.eq(smallest),
        table.data.scale.eq(bit_length(span)),
    ]
    with m.FSM():
        with m.State("IDLE"):
            with m.If(pea.scan):
                m.d.sync += row.eq(0)
                m.next = "ROW"
            with m.Else():
                m.d.comb += pea.i_read.ready.eq(1)
                pair = pea.i_read.payload
                m.d.sync += [
                    low.eq(Mux(pair.row < pair.column, pair.row, pair.column)),
                    high.eq(Mux(pair.row < pair.column, pair.column, pair.row)),
                ]
                with m.If(pea.i_read.valid):
                    m.next = "ADDRESS"
        with m.State("ROW"):  # the walk's first address is being computed
            m.next = "PRODUCT"
        with m.State("PRODUCT"):
            m.next = "START"
        with m.State("START"):
            m.d.comb += walk.start.eq(1)
            m.next = "WALK"
        with m.State("WALK"), m.If(valid & last):
            m.next = "SPAN"
        with m.State("SPAN"):
            m.d.sync += span.eq(largest - smallest)
            m.next = "FOUND"
        with m.State("FOUND"):
            m.d.comb += table.en.eq(1)
            m.d.sync += [
                found.row.eq(row),
                found.minimum.eq(smallest),
                found.scale.eq(bit_length(span)),
                found.ties.eq(ties),
                pea.o_rows.valid.eq(1),
            ]
            m.next = "SEND"
        with m.State("SEND"), m.If(pea.o_rows.ready):
            m.d.sync += [pea.o_rows.valid.eq(0), row.eq(row + 1)]
            m.next = "ROW"
            with m.If(row + 1 == pea.count):
                m.next = "IDLE"
        with m.State("ADDRESS"):
            m.next = "SQUARE"
        with m.State("SQUARE"):
            m.next = "COLUMN"
        with m.State("COLUMN"):
            m.d.sync += address.eq(begin + low)
            m.next = "READ"
        with m.State("READ"):
            m.d.comb += read.addr.eq(address)
            m.next = "DATA"
        with m.State("DATA"):
            m.d.sync += [
                pea.o_read.payload.eq(Mux(low == high, 0, read.data)),
                pea.o_read.valid.eq(1),
            ]
            m.next = "TAKEN"
        with m.State("TAKEN"), m.If(pea.o_read.ready):
            m.d.sync += pea.o_read.valid.eq(0)
            m.next = "IDLE"
