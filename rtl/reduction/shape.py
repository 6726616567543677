# SPDX-License-Identifier: Apache-2.0
"""What the reduction must know of an image's shape; all of it is constant during a job."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import ReducedConfig
from nms.contract.settings import SIDE_MAX

SIDES = (4, 8, 16, 32)
"""Sides of the grids to which images are reduced."""

EXTENT = bits_for(SIDE_MAX)
"""Bits of a height or a width."""

PIXELS = bits_for(3 * SIDE_MAX**2)
"""Bits of the number of bytes of an image."""

BOX = bits_for(SIDE_MAX // SIDES[0] + 1)
"""Bits of a box's height, or of its width in pixels."""

DIVISOR = bits_for(3 * (SIDE_MAX // SIDES[0]) ** 2)
"""Bits of the number of bytes of a box."""

SETTINGS = StructLayout(
    {
        "height": EXTENT,
        "width": EXTENT,
        "channels": 2,
        "planes": 1,
        "grey": 1,
        "side": bits_for(SIDES[-1]),
        "pixels": PIXELS,
    }
)
"""The settings that describe an image (:class:`nms.contract.settings.LeanSettings`)."""


def boxes_layout(config: ReducedConfig) -> StructLayout:
    """How images are cut into boxes.

    Along each axis, box i ends where ``step`` added i + 1 times to 0, modulo the largest side, has carried:
    a box is one longer when its addition carries. An image that is taken as it is has boxes of one byte.
    """
    place = bits_for(config.side - 1)
    return StructLayout(
        {
            "raw": 1,  # taken as it is
            "narrow": 1,  # fewer columns than the grid
            "split": 1,  # three interleaved channels, each with sums of its own
            "planes": 1,  # three planes one after the other
            "tail": bits_for(config.bus_bits // 8 - 1),  # last byte of the last word, if raw
            "last_column": place,
            "last_row": place,
            "column_step": place,
            "row_step": place,
            "lengths": ArrayLayout(BOX + 2, 2),  # bytes of a row of a box: of a short and of a long one
            "heights": ArrayLayout(BOX, 2),
            "divisors": ArrayLayout(DIVISOR, 4),  # bytes of a box, by 2 * (long in height) + (long in width)
        }
    )


class ImageShape(wiring.Component):
    """Checks the settings of a job, and derives from them how images are cut.

    Parameters
    ----------
    config : ``pixels``, ``side`` and ``bus_bits``

    Members
    -------
    settings : constant from ``prepare`` on
    prepare : begins the serial multiplications, a pulse; after it
    prepared : all that follows is there
    illegal : the contract, section 16, forbids these settings
    length : bytes of a reduced image
    boxes : :func:`boxes_layout`
    """

    def __init__(self, config: ReducedConfig) -> None:
        self.config = config
        super().__init__(
            {
                "settings": In(SETTINGS),
                "prepare": In(1),
                "prepared": Out(1),
                "illegal": Out(1),
                "length": Out(bits_for(config.pixels)),
                "boxes": Out(boxes_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        given, boxes = self.settings, self.boxes
        raw, colour, grey = Signal(), Signal(), Signal()
        m.d.comb += [
            raw.eq(given.side == 0),
            colour.eq((given.channels == 3) & ~raw),
            grey.eq(given.grey & ~raw),
            boxes.raw.eq(raw),
            boxes.narrow.eq(~raw & (given.width < given.side)),
            boxes.split.eq(colour & ~given.planes & ~grey),
            boxes.planes.eq(colour & given.planes),
            boxes.tail.eq(given.pixels[: len(boxes.tail)] - 1),
        ]
        rows, height, boxes_row_step = self._cut(m, "height")
        columns, width, boxes_column_step = self._cut(m, "width")
        short = Mux(colour & ~given.planes, width + (width << 1), width)
        m.d.comb += [
            boxes.last_row.eq(rows - 1),
            boxes.last_column.eq(columns - 1),
            boxes.row_step.eq(boxes_row_step),
            boxes.column_step.eq(boxes_column_step),
            boxes.heights[0].eq(height),
            boxes.heights[1].eq(height + 1),
            boxes.lengths[0].eq(short),
            boxes.lengths[1].eq(short + Mux(colour & ~given.planes, 3, 1)),
        ]
        same, reduced = self._multiply(
            m,
            [
                (given.height, given.width, colour),
                (rows, columns, colour & ~grey),
                *((height + tall, width + wide, grey) for tall in range(2) for wide in range(2)),
            ],
        )
        unfit = (reduced > self.config.pixels) | ~same
        for axis in (given.height, given.width):
            unfit |= (axis == 0) | (axis > SIDE_MAX)
        unfit |= (given.channels != 1) & (given.channels != 3)
        known = [0, *(side for side in SIDES if side <= self.config.side)]
        m.d.comb += [
            self.length.eq(Mux(raw, given.pixels, reduced)),
            self.illegal.eq(
                ~Cat(given.side == side for side in known).any()
                | (given.grey & (given.planes | (given.channels == 1)))
                | Mux(raw, (given.pixels == 0) | (given.pixels > self.config.pixels), unfit)
            ),
        ]
        return m

    def _cut(self, m: Module, axis: str) -> tuple[Value, Value, Value]:
        """Boxes along an axis, the length of the short ones, and the step."""
        extent, side, most = self.settings[axis], self.settings.side, self.config.side
        single = Signal(name=f"{axis}_single")  # boxes of one pixel
        number = Signal(range(most + 1), name=f"{axis}_boxes")
        scaled = Signal(EXTENT + bits_for(most // SIDES[0]) - 1, name=f"{axis}_scaled")  # by most / side
        m.d.comb += [
            single.eq(extent < side),
            number.eq(Mux(single, extent, side)),
            scaled.eq(extent),
        ]
        with m.If(single):
            m.d.comb += scaled.eq(most)
        with m.Switch(side):
            for known in SIDES:
                if known < most:
                    with m.Case(known), m.If(~single):
                        m.d.comb += scaled.eq(extent << bits_for(most // known) - 1)
            with m.Case(0):
                m.d.comb += [scaled.eq(most), number.eq(most)]
        place = bits_for(most - 1)
        return number, scaled[place:][:BOX], scaled[:place]

    def _multiply(self, m: Module, factors: list[tuple[Value, Value, Value]]) -> tuple[Signal, Signal]:
        """One product after the other, a bit a cycle, each tripled if its third entry says so.

        Returns whether the first is ``pixels``, and the second; the others become the divisors.
        """
        which, bit = Signal(range(len(factors))), Signal(range(EXTENT))
        same, reduced = Signal(), Signal(bits_for(3 * self.config.side**2))
        divisors = Signal(self.boxes.divisors.shape())
        m.d.comb += self.boxes.divisors.eq(divisors)
        a, b, triple = Signal(EXTENT), Signal(EXTENT), Signal()
        with m.Switch(which):
            for number, (left, right, tripled) in enumerate(factors):
                with m.Case(number):
                    m.d.comb += [a.eq(left), b.eq(right), triple.eq(tripled)]
        busy, total = Signal(), Signal(PIXELS)
        total_next = Signal(PIXELS)
        addend = Mux(triple, a + (a << 1), a)
        m.d.comb += total_next.eq((total << 1) + Mux(b.bit_select(bit, 1), addend, 0))
        with m.If(self.prepare):
            m.d.sync += [busy.eq(1), self.prepared.eq(0), which.eq(0), bit.eq(EXTENT - 1), total.eq(0)]
        with m.Elif(busy):
            m.d.sync += [bit.eq(bit - 1), total.eq(total_next)]
            with m.If(bit == 0):
                m.d.sync += [bit.eq(EXTENT - 1), total.eq(0), which.eq(which + 1)]
                with m.Switch(which):
                    with m.Case(0):
                        m.d.sync += same.eq(total_next == self.settings.pixels)
                    with m.Case(1):
                        m.d.sync += reduced.eq(total_next)
                    for number in range(4):
                        with m.Case(2 + number):
                            m.d.sync += divisors[number].eq(total_next)
                with m.If(which == len(factors) - 1):
                    m.d.sync += [busy.eq(0), self.prepared.eq(1)]
        return same, reduced
