# SPDX-License-Identifier: Apache-2.0
"""A memory in parts, of which an access wakes one."""

from amaranth import Array, Module, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.rtl.lib.ram import RAM

PARTS = 4
"""Parts of a memory, a power of two: the energy of an access grows with the words of a part."""


class SplitRAM(wiring.Component):
    """A memory of one port. A word that was not written may be anything.

    Parameters
    ----------
    shape : of a word
    depth : number of words

    Members
    -------
    address, read, write, write_data : an access; not both ``read`` and ``write``
    data : what was read, a cycle later, held until the next read
    """

    def __init__(self, shape: ShapeLike, depth: int) -> None:
        self.shape, self.depth = shape, max(depth, 2 * PARTS)
        super().__init__(
            {
                "address": In(range(self.depth)),
                "read": In(1),
                "write": In(1),
                "write_data": In(shape),
                "data": Out(shape),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = (PARTS - 1).bit_length()
        part, latest = self.address[:bits], Signal(bits, reset_less=True)
        words = []
        for number in range(PARTS):
            memory = RAM(shape=self.shape, depth=-(-self.depth // PARTS))
            m.submodules[f"part{number}"] = memory
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(self.address >> bits),
                read.en.eq(self.read & (part == number)),
                write.addr.eq(self.address >> bits),
                write.en.eq(self.write & (part == number)),
                write.data.eq(self.write_data),
            ]
            words.append(read.data)
        with m.If(self.read):
            m.d.sync += latest.eq(part)
        m.d.comb += self.data.eq(Array(words)[latest])
        return m
