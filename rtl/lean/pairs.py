# SPDX-License-Identifier: Apache-2.0
"""The memory of distances: a triangle, each pair once."""

from amaranth import Array, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from nms.contract.config import ReducedConfig
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.split import SplitRAM


class PairMemory(Block):
    """Keeps D_ij for i > j at i (i - 1)/2 + j, and gives it for any i and j.

    It has one port: what is read while something is written is undefined.

    Parameters
    ----------
    config : ``images`` and ``pixels`` give depth and width; ``memory_parts``

    Members
    -------
    write_enable, write_row, write_column, write_data : write; row > column
    read_enable, read_row, read_column : read, in any order
    read_data : what was read, held while not enabled; 0 where row and column are equal, which reads nothing

    Latency
    -------
    One cycle.

    Throughput
    ----------
    One access a cycle.

    Reset
    -----
    Has no effect: contents and what was read stay.
    """

    module = "pair_memory"

    def __init__(self, config: ReducedConfig) -> None:
        derived = config.derived
        self.images, self.width = config.images, derived.distance_width
        self.parts = config.memory_parts
        self.parameters = (self.images, self.width, self.parts)
        index = derived.index_width
        super().__init__(
            {
                "write_enable": In(1),
                "write_row": In(index),
                "write_column": In(index),
                "write_data": In(self.width),
                "read_enable": In(1),
                "read_row": In(index),
                "read_column": In(index),
                "read_data": Out(self.width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = self.images * (self.images - 1) // 2
        m.submodules.pairs = pairs = SplitRAM(self.width, depth, self.parts)
        swaps, same = Signal(), Signal()
        high, low = Signal.like(self.read_row), Signal.like(self.read_row)
        # A table, because a product would be on the longest path of the sampler.
        rows = Array(Const(i * (i - 1) // 2, len(pairs.address)) for i in range(self.images))
        equal = Signal(reset_less=True)
        m.d.comb += [
            swaps.eq(self.read_row < self.read_column),
            same.eq(self.read_row == self.read_column),
            high.eq(Mux(self.write_enable, self.write_row, Mux(swaps, self.read_column, self.read_row))),
            low.eq(Mux(self.write_enable, self.write_column, Mux(swaps, self.read_row, self.read_column))),
            pairs.address.eq(rows[high] + low),
            pairs.write.eq(self.write_enable),
            pairs.write_data.eq(self.write_data),
            pairs.read.eq(self.read_enable & ~same),
            self.read_data.eq(Mux(equal, 0, pairs.data)),
        ]
        with m.If(self.read_enable):
            m.d.sync += equal.eq(same)
        return m
