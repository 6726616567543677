# SPDX-License-Identifier: Apache-2.0
"""A memory in parts, of which an access wakes one."""

from amaranth import Array, Module, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from nms.rtl.lib.ram import RAM

PARTS = 4
"""Parts of a memory, a power of two: the energy of an access grows with the words of a part."""


class SplitRAM(wiring.Component):
    """A memory of one port, or with a second one that only reads. A word not written may be anything.

    Parameters
    ----------
    shape : of a word
    depth : number of words
    beside : whether there is a second port

    Members
    -------
    address, read, write, write_data : an access; not both ``read`` and ``write``
    data : what was read, a cycle later, held until the next read
    beside_address, beside_read, beside_data : a read through the second port, in the same way
    """

    def __init__(self, shape: ShapeLike, depth: int, beside: bool = False) -> None:
        self.shape, self.depth, self.beside = shape, max(depth, 2 * PARTS), beside
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
        bits = (PARTS - 1).bit_length()
        part = self.address[:bits]
        memories = [RAM(shape=self.shape, depth=-(-self.depth // PARTS)) for _ in range(PARTS)]
        for number, memory in enumerate(memories):
            m.submodules[f"part{number}"] = memory
            write = memory.write_port()
            m.d.comb += [
                write.addr.eq(self.address >> bits),
                write.en.eq(self.write & (part == number)),
                write.data.eq(self.write_data),
            ]
        m.d.comb += self.data.eq(self._read(m, memories, self.address, self.read))
        if self.beside:
            m.d.comb += self.beside_data.eq(self._read(m, memories, self.beside_address, self.beside_read))
        return m

    @staticmethod
    def _read(m: Module, memories: list[RAM], address: Value, wanted: Value) -> Value:
        """A port that wakes the part where the word is."""
        bits = (PARTS - 1).bit_length()
        latest = Signal(bits, reset_less=True)
        words = []
        for number, memory in enumerate(memories):
            read = memory.read_port()
            m.d.comb += [read.addr.eq(address >> bits), read.en.eq(wanted & (address[:bits] == number))]
            words.append(read.data)
        with m.If(wanted):
            m.d.sync += latest.eq(address[:bits])
        return Array(words)[latest]
