# SPDX-License-Identifier: Apache-2.0
"""Image memory of one processing element."""

from amaranth import Module, Mux
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nms.spec.config import Config
from nms.spec.derived import Derived
from rtl.hierarchy import Block


class Bank(Block):
    """Two halves, each for the images j = k modulo ``pes`` of PE k in one batch: image j in slot j // pes,
    ``Derived.words`` words each.

    The batch in one half is read while the next one is written into the other. A half is a memory of
    two physical ports: one reads the PE's own image; the other writes while images are loaded and
    reads the image that is broadcast or fetched, which never happens at the same time, so that both
    use one address.

    Members
    -------
    half : that is read
    own_address, own_enable, own : read, one cycle later; held while not enabled
    address, enable, data : another read, one cycle later; held while not enabled
    write_half, write_address, write_enable, write_data : write; not into the half that is read meanwhile
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
                "half": In(1),
                "own_address": In(address),
                "own_enable": In(1),
                "own": Out(data),
                "address": In(address),
                "enable": In(1),
                "data": Out(data),
                "write_half": In(1),
                "write_address": In(address),
                "write_enable": In(1),
                "write_data": In(data),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for half in (0, 1):
            memory = Memory(shape=8 * self.config.lanes, depth=self.depth, init=[])
            m.submodules[f"half{half}"] = memory
            own, shared, write = memory.read_port(), memory.read_port(), memory.write_port()
            m.d.comb += [
                own.addr.eq(self.own_address),
                own.en.eq(self.own_enable & (self.half == half)),
                shared.en.eq(self.enable & (self.half == half)),
                shared.addr.eq(Mux(write.en, self.write_address, self.address)),
                write.en.eq(self.write_enable & (self.write_half == half)),
                write.addr.eq(shared.addr),
                write.data.eq(self.write_data),
            ]
            with m.If(self.half == half):
                m.d.comb += [self.own.eq(own.data), self.data.eq(shared.data)]
        return m
