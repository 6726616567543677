# SPDX-License-Identifier: Apache-2.0
"""The affinities of the lean map: P' of the shares of both ends (contract, section 20), and its row sums."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import Component, In, Out

from nms.contract.config import LeanConfig
from nms.rtl.lean.walk import words
from nms.rtl.lib.fixed import half_up
from nms.rtl.lib.ram import RAM


def word_of(point: Value, other: Value, lanes: int) -> Value:
    """The word of the pair of ``point`` and ``other``, which is below it, in the numbers of ``WordWalk``.

    The words of the points before are the sum of ceil(j / lanes) over j < ``point``, in closed form.
    """
    bits = lanes.bit_length() - 1
    before = Value.cast(point - 1)[: len(point)]
    twice = ((before >> bits) + 1) * (before + before[:bits])
    return twice.shift_right(1) + (other >> bits)


class Affinities(Component):
    """The memory of P', in words of ``map_lanes`` pairs in the order of the walk, and that of its row sums.

    The first share of a pair is kept, and the second makes P' of it. A row's sum is complete when its last
    share is: those with lower rows are summed in a register, those with higher ones in the memory.

    Parameters
    ----------
    config : ``images``, ``map_lanes`` and the formats

    Members
    -------
    share_valid, share_row, share_column, share : p_j|i of row i and column j: row after row, each with all
        other columns ascending
    word_enable, word : asks for a word, not while shares come
    word_affinities : its affinities, one cycle later
    pair_enable, pair_row, pair_column : asks for a pair, not while shares come or words are read
    pair_affinity : its affinity, four cycles later; 0 of a point and itself
    sum_enable, sum_row : asks for the sum of a row, not while shares come
    row_sum : the sum, one cycle later
    """

    def __init__(self, config: LeanConfig) -> None:
        self.images, self.lanes = config.images, config.map_lanes
        affinity, index = config.profile.affinity, range(config.images)
        self.affinity = affinity.width
        super().__init__(
            {
                "share_valid": In(1),
                "share_row": In(index),
                "share_column": In(index),
                "share": In(affinity.width),
                "word_enable": In(1),
                "word": In(range(words(self.images, self.lanes))),
                "word_affinities": Out(ArrayLayout(affinity.width, self.lanes)),
                "pair_enable": In(1),
                "pair_row": In(index),
                "pair_column": In(index),
                "pair_affinity": Out(affinity.width),
                "sum_enable": In(1),
                "sum_row": In(index),
                # N - 1 affinities, each at most 1
                "row_sum": Out(config.derived.index_width + affinity.fraction),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pairs = RAM(shape=self.word_affinities.shape(), depth=words(self.images, self.lanes))
        sums = RAM(shape=len(self.row_sum), depth=self.images)
        m.submodules.pairs, m.submodules.sums = pairs, sums
        write, read = pairs.write_port(granularity=1), pairs.read_port()
        write_sum, read_sum = sums.write_port(), sums.read_port()
        bits = self.lanes.bit_length() - 1

        # stage 1: which of the pair is the lower
        row = Mux(self.share_valid, self.share_row, self.pair_row)
        column = Mux(self.share_valid, self.share_column, self.pair_column)
        came, asking = Signal(), Signal()
        second, same = Signal(reset_less=True), Signal(reset_less=True)
        low, high, owner = (
            Signal.like(self.share_row, name=name, reset_less=True) for name in ("low", "high", "owner")
        )
        share = Signal.like(self.share, name="share_0", reset_less=True)
        m.d.sync += [came.eq(self.share_valid), asking.eq(self.pair_enable)]
        with m.If(self.share_valid | self.pair_enable):
            m.d.sync += [
                second.eq(column < row),
                same.eq(column == row),
                low.eq(Mux(column < row, column, row)),
                high.eq(Mux(column < row, row, column)),
            ]
        with m.If(self.share_valid):
            m.d.sync += [owner.eq(self.share_row), share.eq(self.share)]

        # stage 2: where the pair lies
        word = [
            Signal(range(words(self.images, self.lanes)), name=f"word_{k}", reset_less=True) for k in (1, 2)
        ]
        lane = [Signal(range(max(2, self.lanes)), name=f"lane_{k}", reset_less=True) for k in (1, 2)]
        rows = [Signal.like(self.share_row, name=f"row_{k}", reset_less=True) for k in (1, 2)]
        lows = [Signal.like(self.share_row, name=f"low_{k}", reset_less=True) for k in (1, 2)]
        shares = [Signal.like(self.share, name=f"share_{k}", reset_less=True) for k in (1, 2)]
        valids, seconds = ([Signal(name=f"{name}_{k}") for k in (1, 2)] for name in ("valid", "second"))
        asked, found, none = Signal(), Signal(), [Signal(name=f"none_{k}", reset_less=True) for k in (1, 2)]
        m.d.sync += [
            valids[0].eq(came),
            seconds[0].eq(came & second),
            asked.eq(asking),
            found.eq(asked),
        ]
        with m.If(came | asking):
            m.d.sync += [
                word[0].eq(word_of(high, low, self.lanes)),
                lane[0].eq(low[:bits]),
                none[0].eq(same),
            ]
        with m.If(came):
            m.d.sync += [rows[0].eq(owner), lows[0].eq(low), shares[0].eq(share)]

        # stage 3: the pair's first share is read
        m.d.comb += [
            read.en.eq(self.word_enable | seconds[0] | (asked & ~none[0])),
            read.addr.eq(Mux(self.word_enable, self.word, word[0])),
            self.word_affinities.eq(read.data),
        ]
        m.d.sync += [valids[1].eq(valids[0]), seconds[1].eq(seconds[0])]
        with m.If(valids[0]):
            m.d.sync += [held[1].eq(held[0]) for held in (word, rows, lows, shares)]
        with m.If(valids[0] | asked):
            m.d.sync += [lane[1].eq(lane[0]), none[1].eq(none[0])]

        # stage 4: P' is written, and the sum of the lower row is read
        kept = read.data[lane[1]] if self.lanes > 1 else read.data[0]
        whole = half_up(kept + shares[1], 1)[: self.affinity]
        affinity = Mux(seconds[1], whole, shares[1])
        m.d.comb += [
            write.en.eq(valids[1] << lane[1]),
            write.addr.eq(word[1]),
            *(write.data[k].eq(affinity) for k in range(self.lanes)),
            read_sum.en.eq(self.sum_enable | seconds[1]),
            read_sum.addr.eq(Mux(seconds[1], lows[1], self.sum_row)),
            self.row_sum.eq(read_sum.data),
        ]
        with m.If(found):
            m.d.sync += self.pair_affinity.eq(Mux(none[1], 0, kept))
        term, adds = Signal.like(whole, reset_less=True), Signal()
        above, below = (
            Signal.like(self.share_row, name=name, reset_less=True) for name in ("above", "below")
        )
        m.d.sync += adds.eq(seconds[1])
        with m.If(seconds[1]):
            m.d.sync += [term.eq(whole), above.eq(rows[1]), below.eq(lows[1])]

        # stage 5: sums are written. Row 1 is the first to add to that of row 0, which has no lower rows.
        total = Signal(len(self.row_sum), reset_less=True)
        higher = Mux(above == 1, 0, read_sum.data) + term
        complete = Signal()
        m.d.sync += complete.eq(adds & (below + 1 == above))
        with m.If(adds):
            m.d.sync += total.eq(Mux(below == 0, 0, total) + term)
        # Right after that of its last lower row, a row has the first share of a pair, or the batch has ended.
        m.d.comb += [
            write_sum.en.eq(adds | complete),
            write_sum.addr.eq(Mux(complete, above, below)),
            write_sum.data.eq(Mux(complete, total, higher)),
        ]
        return m
