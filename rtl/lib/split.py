# SPDX-License-Identifier: Apache-2.0
"""A memory in parts, of which an access wakes one."""

from amaranth import Array, Module, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.rtl.lib.ram import RAM


class SplitRAM(wiring.Component):
    """A memory of one port, or with a second one that only reads. A word not written may be anything.

    The energy of an access grows with the words of a part, and its delay with the choice between parts.

    Parameters
    ----------
    shape : of a word
    depth : number of words
    parts : a power of two
    beside : whether there is a second port

    Members
    -------
    address, read, write, write_data : an access; not both ``read`` and ``write``
    data : what was read, a cycle later, held until the next read
    beside_address, beside_read, beside_data : a read through the second port, in the same way
    """

    def __init__(self, shape: ShapeLike, depth: int, parts: int, beside: bool = False) -> None:
        self.shape, self.depth, self.parts, self.beside = shape, max(depth, 2 * parts), parts, beside
        super().__init__(
            {
                "address": In(range(self.depth)),
                "read": In(1),
                "write": In(1),
                "write_data": In(shape),
                "data": Out(shape),
            }
            | (
                {
                    "beside_address": In(range(self.depth)),
                    "beside_read": In(1),
                    "beside_data": Out(shape),
                }
                if beside
                else {}
            )
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = (self.parts - 1).bit_length()
        part, latest = self.address[:bits], Signal(bits, reset_less=True)
        memories, words = [], []
        for number in range(self.parts):
            memory = RAM(shape=self.shape, depth=-(-self.depth // self.parts))
            m.submodules[f"part{number}"] = memory
            # described together: with all writes before all reads, Yosys' abc9 fails on a whole system
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(self.address >> bits),
                read.en.eq(self.read & (part == number)),
                write.addr.eq(self.address >> bits),
                write.en.eq(self.write & (part == number)),
                write.data.eq(self.write_data),
            ]
            memories.append(memory)
            words.append(read.data)
        with m.If(self.read):
            m.d.sync += latest.eq(part)
        m.d.comb += self.data.eq(Array(words)[latest])
        if self.beside:
            self._read_beside(m, memories)
        return m

    def _read_beside(self, m: Module, memories: list[RAM]) -> None:
        """The second port."""
        bits = (self.parts - 1).bit_length()
        part, latest = self.beside_address[:bits], Signal(bits, name="latest_beside", reset_less=True)
        words = []
        for number, memory in enumerate(memories):
            beside = memory.read_port()
            m.d.comb += [
                beside.addr.eq(self.beside_address >> bits),
                beside.en.eq(self.beside_read & (part == number)),
            ]
            words.append(beside.data)
        with m.If(self.beside_read):
            m.d.sync += latest.eq(part)
        m.d.comb += self.beside_data.eq(Array(words)[latest])
