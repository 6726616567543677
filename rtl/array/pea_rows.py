# SPDX-License-Identifier: Apache-2.0
"""Rows of the distance memory before the search: minimum, span and ties; and single distances."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.array.walk import TRIANGLE_LATENCY, TriangleWalk, pair_shape, triangle
from nms.rtl.lib.fixed import bit_length
from nms.rtl.lib.flow import delay
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.signatures import Payloads

PAIR_LATENCY = TRIANGLE_LATENCY + 3
"""Cycles from a pair to its distance in the memory: order, address, sum, memory."""


class RowScan(Block):
    """Minimum, scale and ties of all rows in order (contract, section 5); and reading of single distances.

    For row i, over j != i: ``minimum`` = min_j D_ij, ``scale`` = bitlen(max_j D_ij - minimum), ``ties`` = the
    number of j with D_ij = minimum.

    Parameters
    ----------
    config : ``images`` and ``pixels`` give the widths

    Members
    -------
    count : N, constant while rows are scanned
    scan : begins with row 0, a pulse; rows 0 to N - 1 follow
    o_rows : ``{row, minimum, scale, ties}``, the rows in order
    i_read : a pair ``{row, column}``, taken while no rows are scanned
    pair_enable : with ``picks``, the pair that ``i_read`` shows is wanted, while none is taken; its distance
        is there ``PAIR_LATENCY`` cycles later at ``read_data``, on the diagonal anything
    o_read : its distance, 0 on the diagonal
    read_enable, read_address, read_data : port of the distance memory; data one cycle later
    write_enable, write_address, write_data : ``{minimum, scale}`` of a row into the table of the search, in
        the cycle before the row is offered

    Latency
    -------
    A row takes N + 8 cycles, a single distance 6.

    Throughput
    ----------
    One row at a time: the next one begins when ``o_rows`` was taken.

    Reset
    -----
    Nothing is scanned or read.
    """

    module = "pea_scan"

    def __init__(self, config: Config) -> None:
        self.config, derived = config, config.derived
        self.parameters = (config,)
        payloads = Payloads(config)
        super().__init__(
            {
                "count": In(derived.count_width),
                "scan": In(1),
                "o_rows": Out(stream.Signature(payloads.row)),
                "i_read": In(stream.Signature(payloads.pair)),
                "o_read": Out(stream.Signature(payloads.distance)),
                "read_enable": Out(1),
                "read_address": Out(pair_shape(config)),
                "read_data": In(payloads.distance),
                "write_enable": Out(1),
                "write_address": Out(payloads.index),
                "write_data": Out(payloads.scale),
            }
            | ({"pair_enable": In(1)} if config.picks else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.walk = walk = TriangleWalk(self.config)
        row = Signal(self.config.derived.index_width)
        data = Signal.like(self.read_data)
        m.d.sync += data.eq(self.read_data)
        flags = delay(m, Cat(walk.valid, walk.first, walk.valid & walk.last), 2, reset_less=False)
        valid, first, last = flags[0], flags[1], flags[2]
        smallest, largest, span = Signal.like(data), Signal.like(data), Signal.like(data)
        ties = Signal(self.config.derived.count_width)
        with m.If(valid):
            with m.If(first | (data < smallest)):
                m.d.sync += [smallest.eq(data), ties.eq(1)]
            with m.Elif(data == smallest):
                m.d.sync += ties.eq(ties + 1)
            with m.If(first | (data > largest)):
                m.d.sync += largest.eq(data)

        low, high = Signal.like(row), Signal.like(row)
        address, begin = Signal.like(self.read_address), triangle(m, high)
        found = self.o_rows.payload
        if self.config.picks:  # pair after pair; else the one that was taken
            m.d.sync += address.eq(begin + delay(m, low, TRIANGLE_LATENCY))
            wanted = delay(m, self.pair_enable, PAIR_LATENCY - 1, reset_less=False)
        m.d.comb += [
            walk.count.eq(self.count),
            walk.row.eq(row),
            walk.advance.eq(1),
            self.read_enable.eq(walk.valid),
            self.read_address.eq(walk.address),
            self.write_address.eq(row),
            self.write_data.minimum.eq(smallest),
            self.write_data.scale.eq(bit_length(span)),
        ]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.scan):
                    m.d.sync += row.eq(0)
                    m.next = "ROW"
                with m.Else():
                    m.d.comb += self.i_read.ready.eq(1)
                    pair = self.i_read.payload
                    m.d.sync += [
                        low.eq(Mux(pair.row < pair.column, pair.row, pair.column)),
                        high.eq(Mux(pair.row < pair.column, pair.column, pair.row)),
                    ]
                    with m.If(self.i_read.valid):
                        m.next = "ADDRESS"
                    if self.config.picks:
                        m.d.comb += [self.read_enable.eq(wanted), self.read_address.eq(address)]
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
                m.d.comb += self.write_enable.eq(1)
                m.d.sync += [
                    found.row.eq(row),
                    found.minimum.eq(smallest),
                    found.scale.eq(bit_length(span)),
                    found.ties.eq(ties),
                    self.o_rows.valid.eq(1),
                ]
                m.next = "SEND"
            with m.State("SEND"), m.If(self.o_rows.ready):
                m.d.sync += [self.o_rows.valid.eq(0), row.eq(row + 1)]
                m.next = "ROW"
                with m.If(row + 1 == self.count):
                    m.next = "IDLE"
            with m.State("ADDRESS"):
                m.next = "SQUARE"
            with m.State("SQUARE"):
                m.next = "COLUMN"
            with m.State("COLUMN"):
                if not self.config.picks:
                    m.d.sync += address.eq(begin + low)
                m.next = "READ"
            with m.State("READ"):
                m.d.comb += [self.read_enable.eq(1), self.read_address.eq(address)]
                m.next = "DATA"
            with m.State("DATA"):
                m.d.sync += [
                    self.o_read.payload.eq(Mux(low == high, 0, self.read_data)),
                    self.o_read.valid.eq(1),
                ]
                m.next = "TAKEN"
            with m.State("TAKEN"), m.If(self.o_read.ready):
                m.d.sync += self.o_read.valid.eq(0)
                m.next = "IDLE"
        return m
