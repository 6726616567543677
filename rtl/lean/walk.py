# SPDX-License-Identifier: Apache-2.0
"""The walk of the lean map over all pairs: blocks of rows, and with each all points from its first row on."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out


class PairWalk(Component):
    """Goes over all pairs, ``lanes`` rows at a time, and then again.

    A block of rows meets the points from its own first row on. Each of the first ``lanes`` of them is itself
    a row of the block, and is taken by its lane; the lanes below have a pair with it, later all.

    Parameters
    ----------
    images : the most points
    lanes : rows of a block, a power of two

    Members
    -------
    count : N
    step : go on to the next point
    index : the point j
    pairs : the lanes that have a pair with it
    take : the lane that takes it, none or one
    first : the block is the first
    last : the point is the block's last
    complete : rows up to the end of the block
    lonely : the next block has one row alone
    ends : the last point of the last block
    """

    def __init__(self, images: int, lanes: int) -> None:
        self.images, self.lanes = images, lanes
        super().__init__(
            {
                "count": In(images.bit_length()),
                "step": In(1),
                "index": Out(range(images)),
                "pairs": Out(lanes),
                "take": Out(lanes),
                "first": Out(1),
                "last": Out(1),
                "complete": Out(images.bit_length()),
                "lonely": Out(1),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        base = Signal.like(self.index)
        after = Signal(range(self.images + self.lanes))
        m.d.comb += [
            after.eq(base + self.lanes),
            self.first.eq(base == 0),
            self.last.eq(self.index + 1 == self.count),
            self.complete.eq(Mux(self.ends, self.count, after)),
            self.lonely.eq(self.last & (after + 1 == self.count)),
            self.ends.eq(self.last & (after >= self.count)),
            self.take.eq(Cat(Const(1, 1), self.pairs) & ~self.pairs),
        ]
        with m.If(self.step):
            m.d.sync += [
                self.index.eq(self.index + 1),
                self.pairs.eq(Cat(Const(1, 1), self.pairs)),
            ]
            with m.If(self.last):
                m.d.sync += self.pairs.eq(0)
                for place in (base, self.index):
                    m.d.sync += place.eq(Mux(self.ends, 0, after))
        return m


class WordWalk(Component):
    """Numbers the words of a ``PairWalk``: the pairs of a block and a point are one.

    Words are numbered point by point, and block by block for each, so that N does not count: point j has
    ceil(j / lanes) of them.

    Parameters
    ----------
    images, lanes : as of the walk

    Members
    -------
    step, index, last, complete, ends : those of the walk
    meets : the point has a pair
    word : number of the word of its pairs
    """

    def __init__(self, images: int, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(
            {
                "step": In(1),
                "index": In(range(images)),
                "last": In(1),
                "complete": In(images.bit_length()),
                "ends": In(1),
                "meets": In(1),
                "word": Out(range(words(images, lanes))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        start = Signal.like(self.word)  # of the block
        with m.If(self.step & self.last):
            for place in (start, self.word):
                m.d.sync += place.eq(Mux(self.ends, 0, start + self.complete + 1))
        with m.Elif(self.step & self.meets):
            own = self.index + self.lanes - 1 >> self.lanes.bit_length() - 1
            m.d.sync += self.word.eq(self.word + own)
        return m


def words(images: int, lanes: int) -> int:
    """Words of all pairs of ``images`` points."""
    return sum(-(-point // lanes) for point in range(images))
