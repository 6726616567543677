# SPDX-License-Identifier: Apache-2.0
"""Where boxes end in a word of an image's bytes.

Bytes are taken without regard to rows: a row ends where its last box does. Of a word, bytes from ``start`` on
are taken; at most two boxes end in a step, and what follows them waits for the next step if a third ends.
"""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import SamplerConfig
from nms.rtl.reduction.columns import ColumnWalk
from nms.rtl.reduction.rows import ROW, RowWalk
from nms.rtl.reduction.shape import LENGTH, boxes_layout

BORDER = LENGTH + 2
"""Bits of the place of a box's end, counted from the word's first byte."""


def part_layout(config: SamplerConfig) -> StructLayout:
    """A row of a box that ends in a step."""
    return StructLayout(
        {
            "ends": 1,  # there is one
            "column": bits_for(config.side // 2 - 1),  # place in its bank: half of the box's column
            "row": ROW,
            "wide": 1,
            "last": 1,  # of the image
            "stays": 1,  # the next box is of the same bank
        }
    )


def step_layout(config: SamplerConfig) -> StructLayout:
    """What is done with the bytes of a word in a step."""
    return StructLayout(
        {
            "start": range(config.bus_bits // 8),  # first byte
            "borders": ArrayLayout(BORDER, 2),  # first bytes behind the next two boxes
            "first": 1,  # a box's row ends,
            "second": 1,  # and another's
            "clear": 1,  # what follows them is no part of a sum
            "channel": 2,  # of the word's byte 0
            "odd": 1,  # bank of the first; the second is in the other
            "turns": 2,  # the first or the second box ends a row of pixels,
            "over": 1,  # and the image
            "parts": ArrayLayout(part_layout(config), 2),  # by banks
        }
    )


class BoxWalk(wiring.Component):
    """Goes through images, a word a step where no third box ends in it.

    Parameters
    ----------
    config : ``side`` and ``bus_bits``

    Members
    -------
    boxes : how images are cut
    run : low: the next word begins an image
    valid, last : a word is there; it is the last of its image
    ready : the step uses it up
    advance : a step can be done
    moves : it is done
    step : :func:`step_layout`
    """

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        super().__init__(
            {
                "boxes": In(boxes_layout(config)),
                "run": In(1),
                "valid": In(1),
                "last": In(1),
                "ready": Out(1),
                "advance": In(1),
                "moves": Out(1),
                "step": Out(step_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        boxes, step, size = self.boxes, self.step, self.config.bus_bits // 8
        m.submodules.row_walk = rows = RowWalk(self.config)
        m.submodules.column_walk = columns = ColumnWalk(self.config)
        wide, ends_row = columns.wide, columns.ends

        start = Signal(range(size))
        lengths = [boxes.lengths[wide[1]], boxes.lengths[wide[2]]]  # of the two boxes after the current one
        borders = [Signal(BORDER, name=f"border_{n}") for n in range(3)]
        m.d.comb += [borders[n + 1].eq(borders[n] + lengths[n]) for n in range(2)]

        first, second, hold, rests = Signal(), Signal(), Signal(), Signal()
        spent = Signal()  # nothing of the word is left
        over = Signal(2)  # the image is, with the first or the second box
        m.d.comb += [
            first.eq(borders[0] <= size),
            over[0].eq(first & ends_row[0] & rows.bottom & ~boxes.raw),
            second.eq((borders[1] <= size) & ~boxes.narrow & ~over[0]),
            over[1].eq(second & ends_row[1] & rows.bottom & ~boxes.raw),
        ]
        with m.If(boxes.narrow):
            m.d.comb += hold.eq(first & (borders[0] != size) & ~over[0])
        with m.Else():
            m.d.comb += hold.eq(second & (borders[2] <= size) & ~over[1] & ~spent)
        m.d.comb += [
            self.ready.eq(self.run & self.advance & ~rests & ~hold),
            self.moves.eq(self.run & self.advance & ~rests & self.valid),
        ]

        # An image that is taken as it is ends with a byte of its last word; the next step uses up that word.
        tail = Signal(2)
        m.d.comb += tail.eq(Cat(boxes.raw & self.last & (byte == boxes.tail) for byte in (start, start + 1)))
        found = [first & ~spent, second & ~spent & ~tail[0]]
        lasts = over | tail
        channel = Signal(2)
        m.d.comb += [
            step.start.eq(start),
            step.borders[0].eq(borders[0]),
            step.borders[1].eq(borders[1]),
            step.first.eq(found[0]),
            step.second.eq(found[1]),
            step.clear.eq(hold | over.any() | boxes.raw),
            step.channel.eq(channel),
            step.odd.eq(columns.columns[0][0]),
            step.turns.eq(Cat(found) & ends_row & (~boxes.raw).replicate(2)),
            step.over.eq(over.any()),
            columns.boxes.eq(boxes),
            columns.run.eq(self.run),
            columns.one.eq(self.moves & found[0]),
            columns.two.eq(self.moves & found[1]),
            rows.boxes.eq(boxes),
            rows.run.eq(self.run),
            rows.turn.eq(self.moves & ((first & ends_row[0]) | (second & ends_row[1]))),
        ]
        for bank, part in enumerate(step.parts):
            is_first = step.odd == bank
            m.d.comb += [
                part.ends.eq(Mux(is_first, found[0], found[1])),
                part.column.eq(Mux(is_first, columns.columns[0], columns.columns[1])[1:]),
                part.wide.eq(Mux(is_first, wide[0], wide[1])),
                part.last.eq(Mux(is_first, lasts[0], lasts[1])),
                part.row.eq(Mux(is_first | ~ends_row[0], rows.here, rows.below)),
                part.stays.eq(boxes.narrow & ends_row[0] & ~boxes.last_column[0]),
            ]

        ahead = Signal(BORDER)  # where the box ends that is the next step's first
        m.d.comb += ahead.eq(Mux(second, borders[2], Mux(first, borders[1], borders[0])))
        with m.If(~self.run):
            m.d.sync += [
                start.eq(0),
                borders[0].eq(boxes.lengths[0]),
                channel.eq(0),
                rests.eq(0),
                spent.eq(0),
            ]
        with m.Elif(self.moves):
            m.d.sync += spent.eq(hold & tail.any())
            with m.If(hold):
                m.d.sync += [start.eq(Mux(second, borders[1], borders[0])), borders[0].eq(ahead)]
            with m.Elif(over.any()):
                m.d.sync += [start.eq(0), borders[0].eq(Mux(second, *reversed(lengths))), channel.eq(0)]
            with m.Else():
                m.d.sync += [start.eq(0), borders[0].eq(ahead - size), channel.eq(_add(channel, size % 3))]
            with m.If(spent):
                m.d.sync += borders[0].eq(boxes.lengths[0])
            # A narrow image's sum is written before that column is read again.
            m.d.sync += rests.eq(boxes.narrow & first)
            m.d.sync += Assert(
                boxes.raw | hold | (over.any() == self.last), "an image's end and last disagree"
            )
        with m.Elif(self.advance):
            m.d.sync += rests.eq(0)
        return m


def _add(channel: Value, n: int) -> Value:
    """``channel + n`` modulo 3, for n = 1 or 2."""
    return Mux(channel == 3 - n, 0, Mux(channel == 0, n, 1 if n == 2 else 2))
