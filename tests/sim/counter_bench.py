# SPDX-License-Identifier: Apache-2.0
"""One item after the other through :class:`blocks.Chain`, as many as asked for."""

import cocotb

from sim.context import count, parameters
from sim.seeds import generator
from sim.streams import Sink, Source, start


@cocotb.test()
async def items(dut):
    await start(dut)
    number = parameters()["count"]
    values = {
        "random": [int(value) for value in generator("items").integers(0, 256, number)],
        "constant": [7] * number,
    }[parameters()["values"]]
    Source(dut, "i_x").start(values)
    await Sink(dut, "o_y").take(number, timeout=10 * number)
    count("items", number)
