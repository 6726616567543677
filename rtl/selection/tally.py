# SPDX-License-Identifier: Apache-2.0
"""Sums by index, in a memory."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.rtl.lib.ram import RAM


class Tally(wiring.Component):
    """Sums of what comes with each index, one a cycle; only between batches they are read and written.

    Of items of one index in successive cycles only the first reads and only the last writes.

    Parameters
    ----------
    depth : number of indices
    width : bits of a word
    value : bits of what is added

    Members
    -------
    add, add_index, add_first, add_value : an item; ``add_first`` with the first of its index in a batch
    read, read_index, data : read, with ``data`` a cycle later, held until the next one
    write, write_index, write_data : write
    """

    def __init__(self, depth: int, width: int, value: int) -> None:
        self.depth, self.width = depth, width
        index = range(depth)
        super().__init__(
            {
                "add": In(1),
                "add_index": In(index),
                "add_first": In(1),
                "add_value": In(value),
                "read": In(1),
                "read_index": In(index),
                "data": Out(width),
                "write": In(1),
                "write_index": In(index),
                "write_data": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = RAM(shape=self.width, depth=self.depth)
        read, write = memory.read_port(), memory.write_port()
        adding = Signal()
        index = Signal.like(self.add_index, reset_less=True)
        value = Signal.like(self.add_value, reset_less=True)
        first, again, now_again = Signal(reset_less=True), Signal(reset_less=True), Signal()
        latest, total = Signal(self.width, reset_less=True), Signal(self.width)
        # ``latest`` is the sum of ``index``, the latest one, of which none was before the first in a batch
        m.d.comb += [
            now_again.eq(self.add_index == index),
            total.eq(Mux(first, 0, Mux(again, latest, read.data)) + value),
            read.en.eq(self.read | (self.add & ~self.add_first & ~now_again)),
            read.addr.eq(Mux(self.add, self.add_index, self.read_index)),
            self.data.eq(read.data),
            write.en.eq(self.write | (adding & ~(self.add & now_again))),
            write.addr.eq(Mux(adding, index, self.write_index)),
            write.data.eq(Mux(adding, total, self.write_data)),
        ]
        m.d.sync += adding.eq(self.add)
        with m.If(self.add):
            m.d.sync += [
                index.eq(self.add_index),
                value.eq(self.add_value),
                first.eq(self.add_first),
                again.eq(now_again),
            ]
        with m.If(adding):
            m.d.sync += latest.eq(total)
        return m
