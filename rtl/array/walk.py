# SPDX-License-Identifier: Apache-2.0
"""The distance memory's triangle, and the way along one of its rows.

Distances are kept once, for low < high, at high (high - 1)/2 + low: half the memory of a square, and a row is
still walked along with one addition a step.
"""

from amaranth import Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.lib.flow import delay

TRIANGLE_LATENCY = 2
"""Cycles of :func:`triangle`."""


def count_pairs(config: Config) -> int:
    """Words of the distance memory."""
    return config.images * (config.images - 1) // 2


def pair_shape(config: Config) -> Shape:
    """The address of a pair in the distance memory."""
    return Shape.cast(range(count_pairs(config)))


def triangle(m: Module, high: Value) -> Value:
    """Address of the pair of ``high`` and 0 in the distance memory: high (high - 1)/2, 0 for 0."""
    one_less = Signal.like(high)
    held = delay(m, high, 1)
    product = Signal(2 * len(high))
    m.d.sync += [one_less.eq(high - 1), product.eq(held * one_less)]
    return product.shift_right(1)


class TriangleWalk(wiring.Component):
    """Walks along row i of the triangular distance memory: j ascending without i.

    Members
    -------
    count : N
    row, start : begins a row in the next cycle; only while not ``valid``, or with the last step; ``row`` has
        been there for ``TRIANGLE_LATENCY`` cycles
    advance : go on to the next j, or end
    valid, first, last, address : of D_ij
    """

    def __init__(self, config: Config) -> None:
        derived = config.derived
        super().__init__(
            {
                "count": In(derived.count_width),
                "row": In(derived.index_width),
                "start": In(1),
                "advance": In(1),
                "valid": Out(1),
                "first": Out(1),
                "last": Out(1),
                "address": Out(pair_shape(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        row, column = Signal.like(self.row), Signal.like(self.count)
        beside = Signal()
        following = Signal.like(self.count)
        before, final = Signal.like(self.count), Signal.like(self.count)  # the column left of i, the last
        begin = triangle(m, self.row)
        m.d.comb += [
            beside.eq(column == before),
            following.eq(column + 1 + beside),
            self.last.eq(column == final),
        ]
        with m.If(self.start):
            m.d.sync += [
                self.valid.eq(1),
                self.first.eq(1),
                row.eq(self.row),
                column.eq(self.row == 0),
                before.eq(self.row - 1),
                final.eq(self.count - 1 - (self.row + 1 == self.count)),
                self.address.eq(begin),
            ]
        with m.Elif(self.valid & self.advance):
            m.d.sync += [self.valid.eq(~self.last), self.first.eq(0), column.eq(following)]
            with m.If(beside):
                m.d.sync += self.address.eq(self.address + row + 1)
            with m.Elif(column < row):
                m.d.sync += self.address.eq(self.address + 1)
            with m.Else():
                m.d.sync += self.address.eq(self.address + column)
        return m
