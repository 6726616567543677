# SPDX-License-Identifier: Apache-2.0
"""What the reduction must know of an image's shape; all of it is constant during a job."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import SamplerConfig
from nms.contract.settings import SIDE_MAX

SIDES = (4, 8, 16, 32)
"""Sides of the grids to which images are reduced."""

BOX_MAX = SIDE_MAX // SIDES[0]
"""Most rows of a box, and most pixels of a row of it."""

EXTENT = bits_for(SIDE_MAX)
"""Bits of a height or a width."""

LENGTH = bits_for(3 * (BOX_MAX + 1))
"""Bits of the bytes of a row of a box."""

HEIGHT = bits_for(BOX_MAX + 1)
"""Bits of the rows of a box."""

SETTINGS = StructLayout(
    {
        "height": EXTENT,
        "width": EXTENT,
        "channels": 2,
        "planes": 1,
        "grey": 1,
        "side": bits_for(SIDES[-1]),
        "pixels": bits_for(3 * SIDE_MAX**2),
    }
)
"""The settings that describe an image (:class:`nms.contract.settings.LeanSettings`)."""

DIVISORS = ArrayLayout(bits_for(3 * BOX_MAX**2), 4)
"""Bytes of a box: a short, a wide, a high, and a wide and high one."""

PREPARATION = 6 * EXTENT + 1
"""Cycles of the multiplications: a bit in a cycle."""


def boxes_layout(config: SamplerConfig) -> StructLayout:
    """How images are cut into boxes.

    Along each axis, box i is one longer than others if a step, added to i steps modulo the largest side,
    carries. An image that is taken as it is has boxes of one byte, in one row.
    """
    place = bits_for(config.side - 1)
    return StructLayout(
        {
            "raw": 1,  # taken as it is
            "narrow": 1,  # fewer columns than the grid
            "split": 1,  # three interleaved channels, each with a sum of its own
            "planes": 1,  # three planes, one after the other
            "tail": bits_for(config.bus_bits // 8 - 1),  # last byte of the last word, if raw
            "last_column": place,
            "last_row": place,
            "column_step": place,
            "row_step": place,
            "lengths": ArrayLayout(LENGTH, 2),  # bytes of a row, of a short and of a long box
            "heights": ArrayLayout(HEIGHT, 2),
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
    prepare : begins, a pulse; ``PREPARATION`` cycles later
    prepared : all that follows is there
    illegal : the contract, section 16, forbids these settings
    length : bytes of a reduced image
    boxes : :func:`boxes_layout`, in the cycle after ``prepare``
    divisors : ``DIVISORS``
    """

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        super().__init__(
            {
                "settings": In(SETTINGS),
                "prepare": In(1),
                "prepared": Out(1),
                "illegal": Out(1),
                "length": Out(bits_for(config.pixels)),
                "boxes": Out(boxes_layout(config)),
                "divisors": Out(DIVISORS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        given, boxes = self.settings, self.boxes
        raw, colour, grey, triple = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            raw.eq(given.side == 0),
            colour.eq((given.channels == 3) & ~raw),
            grey.eq(given.grey & ~raw),
            triple.eq(colour & ~given.planes),  # pixels have three bytes
        ]
        rows, height, row_step = self._cut(m, "height")
        columns, width, column_step = self._cut(m, "width")
        length = Mux(triple, width + (width << 1), width)
        with m.If(self.prepare):
            m.d.sync += [
                boxes.raw.eq(raw),
                boxes.narrow.eq(~raw & (given.width < given.side)),
                boxes.split.eq(triple & ~grey),
                boxes.planes.eq(colour & given.planes),
                boxes.tail.eq(given.pixels[: len(boxes.tail)] - 1),
                boxes.last_column.eq(columns - 1),
                boxes.last_row.eq(rows - 1),
                boxes.column_step.eq(column_step),
                boxes.row_step.eq(row_step),
                boxes.lengths[0].eq(length),
                boxes.lengths[1].eq(length + Mux(triple, 3, 1)),
                boxes.heights[0].eq(height),
                boxes.heights[1].eq(height + 1),
            ]
        same, reduced = Signal(), Signal(bits_for(3 * self.config.side**2))
        total, ends = self._multiply(
            m,
            [
                (given.height, given.width, colour),
                (rows, columns, colour & ~grey),
                *((boxes.heights[high], width + wide, grey) for high in range(2) for wide in range(2)),
            ],
        )
        with m.If(ends[0]):
            m.d.sync += same.eq(total == given.pixels)
        with m.If(ends[1]):
            m.d.sync += reduced.eq(total)
        for box in range(4):
            with m.If(ends[2 + box]):
                m.d.sync += self.divisors[box].eq(total)

        unfit = ~same | (reduced > self.config.pixels) | ~given.channels[0]
        for extent in (given.height, given.width):
            unfit |= (extent == 0) | (extent > SIDE_MAX)
        known = [0, *(side for side in SIDES if side <= self.config.side)]
        unknown = ~Cat(given.side == side for side in known).any()
        no_grey = given.grey & (given.planes | (given.channels == 1))
        size = (given.pixels == 0) | (given.pixels > self.config.pixels)
        with m.If(ends[-1]):
            m.d.sync += [self.prepared.eq(1), self.illegal.eq(unknown | no_grey | Mux(raw, size, unfit))]
        with m.If(self.prepare):
            m.d.sync += self.prepared.eq(0)
        m.d.comb += self.length.eq(Mux(boxes.raw, given.pixels, reduced))
        return m

    def _cut(self, m: Module, axis: str) -> tuple[Value, Value, Value]:
        """Boxes along an axis, the length of the short ones, and the step."""
        extent, side, most = self.settings[axis], self.settings.side, self.config.side
        number = Signal(range(most + 1), name=f"{axis}_boxes")
        scaled = Signal(EXTENT + bits_for(most // SIDES[0]) - 1, name=f"{axis}_scaled")  # by most / side
        m.d.comb += [number.eq(side), scaled.eq(extent)]
        with m.Switch(side):
            for known in SIDES:
                if known < most:
                    with m.Case(known):
                        m.d.comb += scaled.eq(extent << bits_for(most // known) - 1)
            with m.Case(0):
                m.d.comb += [number.eq(most), scaled.eq(most)]
        with m.If(extent < side):
            m.d.comb += [number.eq(extent), scaled.eq(most)]
        place = bits_for(most - 1)
        return number, scaled[place:][:HEIGHT], scaled[:place]

    def _multiply(self, m: Module, factors: list[tuple[Value, Value, Value]]) -> tuple[Signal, Signal]:
        """One product after the other, tripled if its third entry says so.

        Returns the product, and a bit for each in the cycle in which it is there.
        """
        which, bit, busy = Signal(range(len(factors) + 1)), Signal(range(EXTENT)), Signal()
        a, b, triple = Signal(EXTENT), Signal(EXTENT), Signal()  # ``b`` moves up a bit in a cycle
        total, ends = Signal(len(self.settings.pixels)), Signal(len(factors))
        begins = Signal()
        m.d.comb += [begins.eq(bit == EXTENT - 1), ends.eq((busy & begins) << which >> 1)]
        addend = Mux(b[-1], Mux(triple, a + (a << 1), a), 0)
        following = Signal.like(which)
        m.d.comb += following.eq(Mux(self.prepare, 0, which + 1))
        with m.If(busy):
            m.d.sync += [total.eq((Mux(begins, 0, total) << 1) + addend), bit.eq(bit - 1), b.eq(b << 1)]
            with m.If(ends[-1]):
                m.d.sync += busy.eq(0)
        with m.If(self.prepare | (busy & (bit == 0))):
            m.d.sync += [which.eq(following), bit.eq(EXTENT - 1)]
            with m.Switch(following):
                for number, (left, right, tripled) in enumerate(factors):
                    with m.Case(number):
                        m.d.sync += [a.eq(left), b.eq(right), triple.eq(tripled)]
        with m.If(self.prepare):
            m.d.sync += busy.eq(1)
        return total, ends
