# SPDX-License-Identifier: Apache-2.0
"""Image memory of one processing element."""

from amaranth import Module
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nms.spec.config import Config
from nms.spec.derived import Derived
from rtl.hierarchy import Block


class Bank(Block):
    """The images j = k modulo ``pes`` of PE k: image j in slot j // pes, ``Derived.words`` words each.

    Two physical ports. One reads the PE's own image; the other writes while images are loaded and
    reads the image that is broadcast to all PEs, which never happens at the same time, so that both
    use one address.

    Members
    -------
    own_address, own_enable, own : read, one cycle later; held while not enabled
    address : of the second port
    enable, data : read at ``address``, one cycle later; held while not enabled
    write_enable, write_data : write at ``address``
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.slots = -(-config.images // config.pes)
        self.words = Derived(config).words
        self.depth = self.slots * self.words
        self.module = "bank"
        self.parameters = (self.depth, config.lanes)
        address, data = range(self.depth), 8 * config.lanes
        super().__init__(
            {
                "own_address": In(address),
                "own_enable": In(1),
                "own": Out(data),
                "address": In(address),
                "enable": In(1),
                "data": Out(data),
                "write_enable": In(1),
                "write_data": In(data),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=8 * self.config.lanes, depth=self.depth, init=[])
        own, shared, write = memory.read_port(), memory.read_port(), memory.write_port()
        m.d.comb += [
            own.addr.eq(self.own_address),
            own.en.eq(self.own_enable),
            self.own.eq(own.data),
            shared.addr.eq(self.address),
            shared.en.eq(self.enable),
            self.data.eq(shared.data),
            write.addr.eq(self.address),
            write.en.eq(self.write_enable),
            write.data.eq(self.write_data),
        ]
        return m
