# SPDX-License-Identifier: Apache-2.0
"""Sums of boxes: of every second column of boxes, until they are complete."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import SamplerConfig
from nms.rtl.lib.flow import Queue
from nms.rtl.lib.ram import RAM
from nms.rtl.reduction.shape import BOX_MAX
from nms.rtl.reduction.walk import part_layout

ROW_SUMS = StructLayout({f"c{c}": bits_for(255 * BOX_MAX * (1 if c else 3)) for c in range(3)})
"""Sums of a row of a box by channels; only in channel 0 are there pixels of three bytes."""

SUMS = StructLayout({f"c{c}": bits_for(255 * BOX_MAX**2 * (1 if c else 3)) for c in range(3)})
"""The same of a box."""

BOX_SUMS = StructLayout({"sums": SUMS, "tall": 1, "wide": 1, "last": 1, "stays": 1})
"""A complete box: its sums, whether it is one longer in height and in width, and as in a part."""


class SumBank(wiring.Component):
    """Adds rows of boxes to the sums of the rows before.

    Parameters
    ----------
    config : ``side``

    Members
    -------
    advance : the step of the cycle before went on; what is below holds still while low
    ends, part : a box's row ends, which, and all about it
    sums : of that row, one cycle later
    full : the box of the cycle before is complete and waits; ``advance`` must be low
    o : complete boxes
    """

    def __init__(self, config: SamplerConfig) -> None:
        self.depth = config.side // 2
        super().__init__(
            {
                "advance": In(1),
                "ends": In(1),
                "part": In(part_layout(config)),
                "sums": In(ROW_SUMS),
                "full": Out(1),
                "o": Out(stream.Signature(BOX_SUMS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = RAM(shape=SUMS, depth=self.depth)
        m.submodules.queue = queue = Queue(BOX_SUMS, self.depth)
        read, write = memory.read_port(), memory.write_port()
        ends, part = Signal(), Signal(self.part.shape(), reset_less=True)
        with m.If(self.advance):
            m.d.sync += ends.eq(self.ends)
            with m.If(self.ends):
                m.d.sync += part.eq(self.part)
        put = queue.i.payload
        m.d.comb += [
            read.addr.eq(self.part.column),
            read.en.eq(self.advance & self.ends & ~self.part.row.fresh),
            *(put.sums[c].eq(Mux(part.row.fresh, 0, read.data[c]) + self.sums[c]) for c in SUMS.members),
            put.tall.eq(part.row.tall),
            put.wide.eq(part.wide),
            put.last.eq(part.last),
            put.stays.eq(part.stays),
            self.full.eq(ends & part.row.complete & ~queue.i.ready),
            queue.i.valid.eq(ends & part.row.complete & self.advance),
            write.addr.eq(part.column),
            write.data.eq(put.sums),
            write.en.eq(ends & ~part.row.complete & self.advance),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m
