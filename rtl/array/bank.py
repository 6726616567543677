# SPDX-License-Identifier: Apache-2.0
"""The image memory of one processing element (PE)."""

from amaranth import Module, Mux, Shape
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.lib.flow import delay, follow
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.split import SplitRAM


class Bank(Block):
    """The image memory of one processing element (PE): two halves, each for one batch.

    Each half holds the images j = k modulo ``pes`` of PE k, image j in slot j // pes, ``Derived.words``
    words a slot. The batch in one half is computed on while that in the other, of before, is fetched, or
    the next one is written there. A half is a memory of two physical ports, in parts: one port reads the PE's
    own image; the other writes, or reads the image that is broadcast or fetched. Each half is used for one of
    these at a time, so that they share an address.

    Parameters
    ----------
    config : ``images``, ``pixels``, ``pes`` and ``lanes`` give depth and width

    Members
    -------
    half : that is computed on
    own_address, own_enable, own : read of the PE's own image; held while not enabled
    address, enable, data : read of the image that is broadcast; held while not enabled
    fetch_address, fetch_enable, fetched : read of the other half; held while not enabled
    write_half, write_address, write_enable, write_data : write; not into a half that is read meanwhile

    Latency
    -------
    Two cycles from an address to ``own`` and ``data``, one to ``fetched``.

    Throughput
    ----------
    One access of each kind a cycle.

    Reset
    -----
    Contents stay, a read that is under way is lost.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.depth = self.count_words(config)
        self.module = "bank"
        self.parameters = (self.depth, config.lanes, config.memory_parts)
        address, data = self.address_shape(config), 8 * config.lanes
        super().__init__(
            {
                "half": In(1),
                "own_address": In(address),
                "own_enable": In(1),
                "own": Out(data),
                "address": In(address),
                "enable": In(1),
                "data": Out(data),
                "fetch_address": In(address),
                "fetch_enable": In(1),
                "fetched": Out(data),
                "write_half": In(1),
                "write_address": In(address),
                "write_enable": In(1),
                "write_data": In(data),
            }
        )

    @staticmethod
    def count_words(config: Config) -> int:
        """Words of one half."""
        return -(-config.images // config.pes) * config.derived.words

    @staticmethod
    def address_shape(config: Config) -> Shape:
        """The address of a word in one half."""
        return Shape.cast(range(Bank.count_words(config)))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for half in (0, 1):
            memory = SplitRAM(8 * self.config.lanes, self.depth, self.config.memory_parts, beside=True)
            m.submodules[f"half{half}"] = memory
            active = self.half == half
            address = Mux(active, self.address, self.fetch_address)
            m.d.comb += [
                memory.beside_address.eq(self.own_address),
                memory.beside_read.eq(self.own_enable & active),
                memory.read.eq(Mux(active, self.enable, self.fetch_enable)),
                memory.address.eq(Mux(memory.write, self.write_address, address)),
                memory.write.eq(self.write_enable & (self.write_half == half)),
                memory.write_data.eq(self.write_data),
            ]
            # a register at each half: after the choice of a part, a block memory leaves no time for another
            own_data = delay(m, memory.beside_data, 1, follow(m, memory.beside_read, 1)[1:])
            shared_data = delay(m, memory.data, 1, follow(m, active & self.enable, 1)[1:])
            with m.If(active):
                m.d.comb += [self.own.eq(own_data), self.data.eq(shared_data)]
            with m.Else():
                m.d.comb += self.fetched.eq(memory.data)
        return m
