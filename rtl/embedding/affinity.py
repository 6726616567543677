# SPDX-License-Identifier: Apache-2.0
"""Affinities: conditional probabilities from weights, made symmetric in the embedding's memory."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.lib.fixed import half_up
from nms.rtl.lib.flow import Multiply, delay
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import SHIFT, Payloads


class Affinity(Block):
    """Symmetric affinities of all pairs from the rows' weights (contract, section 10).

    ``P'_ij = half_up(p_j|i + p_i|j, 1)``, ``p_j|i = half_up(w*y, fw + B + e - fa)``.

    A scaling writes the diagonal's 0. A weight above the diagonal leaves p where P' will be; one below it
    sends P' to both places. The memory has images * ceil(images / te_lanes) words of ``te_lanes`` elements;
    element j of row i is in lane j mod te_lanes of the row's word j / te_lanes.

    Parameters
    ----------
    config : ``images``, ``te_lanes`` and the formats

    Members
    -------
    count : N, constant from the first scaling to ``done``
    i_scalings : (y, e) of rows 0 .. count - 1 in order
    i_weights : after each scaling the count - 1 weights of the row, j ascending without i
    done : the last row is in the memory, a pulse
    enable, row, block : a word of the memory that is wanted, for the times after ``done``, until the next
        scaling, and not while a read is taken
    word : that word, whose elements at columns >= count are undefined
    i_read : a pair ``{row, column}``, for the same times
    o_read : its element

    Latency
    -------
    Without pauses count * (3 count - 1) / 2 cycles and :attr:`latency` to ``done``; one cycle from ``enable``
    to ``word``; three from a pair to its element.

    Throughput
    ----------
    A scaling and a weight above the diagonal take one cycle, a weight below it two. A pair is taken when
    the element before was.

    Reset
    -----
    Nothing is under way; the memory keeps what it has.

    Raises
    ------
    In simulation, a p of 2 or more, a read before ``done`` and an element that is read while it is written
    fail assertions.
    """

    module = "affinity"

    def __init__(self, config: Config) -> None:
        payloads, profile = Payloads(config), config.profile
        self.config = config
        self.parameters = (config.images, config.formats, config.te_lanes)
        self.lanes = config.te_lanes
        self.blocks = -(-config.images // self.lanes)
        self.multiply = Multiply(
            profile.weight.width,
            profile.reciprocal.width,
            StructLayout({"place": payloads.pair, "shift": SHIFT}),
        )
        super().__init__(
            {
                "count": In(config.derived.count_width),
                "done": Out(1),
                "i_scalings": In(stream.Signature(payloads.scaling)),
                "i_weights": In(stream.Signature(payloads.weight)),
                "enable": In(1),
                "row": In(range(config.images)),
                "block": In(range(self.blocks)),
                "word": Out(ArrayLayout(payloads.affinity, self.lanes)),
                "i_read": In(stream.Signature(payloads.pair)),
                "o_read": Out(stream.Signature(payloads.affinity)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a weight above the diagonal to its place in the memory."""
        return self.multiply.latency + 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.multiply = multiply = self.multiply
        # No element is read while it is written (asserted below), so that synthesis need not keep the old one
        m.submodules.memory = memory = RAM(
            shape=self.word.shape(), depth=self.config.images * self.blocks, attrs={"no_rw_check": 1}
        )
        write, read = memory.write_port(granularity=1), memory.read_port()
        self._feed(m)

        # The element in work: p_j|i of row i, column j, and below the diagonal a second step
        pair = Payloads(self.config).pair
        there = Signal()
        second = Signal()
        finished = Signal()
        here = Signal(pair)
        p = Signal(self.config.profile.affinity.width)
        below = here.column < here.row
        came = multiply.o.payload.beside
        came_below = came.place.column < came.place.row
        m.d.comb += [
            finished.eq(second | ~below),
            multiply.o.ready.eq(~there | finished),
        ]
        enter = multiply.o.ready & multiply.o.valid
        computing = multiply.o.valid | there
        with m.If(there):
            m.d.sync += [second.eq(~finished), there.eq(~finished)]
        probability = self._probability()
        with m.If(enter):
            m.d.sync += [there.eq(1), here.eq(came.place), p.eq(probability)]
        m.d.sync += Assert(~enter | (probability < (1 << len(p))), "affinity: p of 2 or more")

        # What was read: first the half of the word where an element is, then the element
        fetched, near, asked_lane = Signal(), Signal(), Signal(range(self.lanes))
        lane = Mux(fetched, asked_lane, self._lane(here.row))
        fine = max(len(lane) - 1, 0)
        group = Signal(len(p) << fine, reset_less=True)
        m.d.sync += group.eq(Value.cast(read.data).word_select(lane[fine:], len(group)))
        element = group.word_select(delay(m, lane[:fine], 1), len(p))

        # Above the diagonal p stays where P' will be; below, both halves are known
        is_last = (here.row + 1 == self.count) & (here.column + 2 == self.count)
        done = delay(m, there & finished & is_last, 2, reset_less=False)
        there, second = delay(m, there, 2, reset_less=False), delay(m, second, 2)
        here, p, below = delay(m, here, 2), delay(m, p, 2), delay(m, below, 2)
        mean = half_up(p + delay(m, element, 1), 1)
        target_row, target_column = Mux(second, here.column, here.row), Mux(second, here.row, here.column)
        # The last element of a row also fills the lanes behind it, which the embedding reads with it
        lanes = Mux(target_column + 1 == self.count, (1 << self.lanes) - 1, 1)
        m.d.comb += [
            write.addr.eq(self._address(target_row, target_column)),
            write.data.eq(Cat(Mux(below, mean, p)[: len(p)] for _ in range(self.lanes))),
            write.en.eq(Mux(there, lanes << self._lane(target_column), 0)),
        ]
        m.d.sync += self.done.eq(done)

        # The read port: the element above the diagonal, else a single read, else the embedding
        transfer = self.i_read.valid & self.i_read.ready
        asked = self.i_read.payload
        meets = write.en.bit_select(self._lane(came.place.row), 1) & (write.addr == read.addr)
        m.d.sync += [
            Assert(~(transfer & computing), "affinity: a read before done"),
            Assert(~(enter & came_below & meets), "affinity: an element is read while it is written"),
        ]
        m.d.comb += [
            self.i_read.ready.eq(~(fetched | near | self.o_read.valid)),
            read.en.eq((enter & came_below) | transfer | self.enable),
            self.word.eq(read.data),
        ]
        with m.If(enter & came_below):
            m.d.comb += read.addr.eq(self._address(came.place.column, came.place.row))
        with m.Elif(transfer):
            m.d.comb += read.addr.eq(self._address(asked.row, asked.column))
        with m.Else():
            m.d.comb += read.addr.eq(self.row * self.blocks + self.block)
        m.d.sync += [fetched.eq(transfer), near.eq(fetched)]
        with m.If(transfer):
            m.d.sync += asked_lane.eq(self._lane(asked.column))
        with m.If(near):
            m.d.sync += [self.o_read.valid.eq(1), self.o_read.payload.eq(element)]
        with m.Elif(self.o_read.ready):
            m.d.sync += self.o_read.valid.eq(0)
        return m

    def _feed(self, m: Module) -> None:
        """Scalings and weights to the multiplier: first the diagonal's 0 of a row, then the row."""
        into = self.multiply.i
        scaling = Signal(self.i_scalings.payload.shape())
        open_ = Signal()
        column = Signal(range(self.config.images + 1))
        before, last = Signal.like(column), Signal.like(column)  # the column before the diagonal, the last
        m.d.comb += into.payload.beside.shift.eq(scaling.shift)
        with m.If(open_):
            m.d.comb += [
                self.i_weights.ready.eq(into.ready),
                into.valid.eq(self.i_weights.valid),
                into.payload.a.eq(self.i_weights.payload),
                into.payload.b.eq(scaling.reciprocal),
                into.payload.beside.place.row.eq(scaling.row),
                into.payload.beside.place.column.eq(column),
            ]
            with m.If(self.i_weights.valid & into.ready):
                m.d.sync += [column.eq(column + 1 + (column == before)), open_.eq(column != last)]
        with m.Else():
            row = self.i_scalings.payload.row
            m.d.comb += [
                self.i_scalings.ready.eq(into.ready),
                into.valid.eq(self.i_scalings.valid),
                into.payload.beside.place.row.eq(row),
                into.payload.beside.place.column.eq(row),
            ]
            with m.If(self.i_scalings.valid & into.ready):
                m.d.sync += [
                    scaling.eq(self.i_scalings.payload),
                    column.eq(row == 0),
                    before.eq(row - 1),
                    last.eq(self.count - 1 - (row + 1 == self.count)),
                    open_.eq(1),
                ]

    def _probability(self) -> Value:
        """``half_up(w*y, n + e)`` with n = fw + B - fa, as ``(floor(w*y / 2^(n - 1 + e)) + 1) >> 1``."""
        profile = self.config.profile
        halves = self.multiply.o.payload.product.shift_right(
            profile.weight.fraction + profile.reciprocal.fraction - profile.affinity.fraction - 1
        )
        return ((halves >> self.multiply.o.payload.beside.shift) + 1).shift_right(1)

    def _lane(self, column: Value) -> Value:
        """The lane of a column."""
        return column[: (self.lanes - 1).bit_length()]

    def _address(self, row: Value, column: Value) -> Value:
        """The word of an element."""
        return row * self.blocks + column[(self.lanes - 1).bit_length() :]
