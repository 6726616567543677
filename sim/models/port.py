# SPDX-License-Identifier: Apache-2.0
"""A memory beside a block: answers the block's reads a cycle later, and counts them."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge


class ReadPort:
    """A read port of the block: signals ``enable``, those of the place that is read, and ``data``.

    ``values`` is what is read, an array with one axis for each signal in ``place``; it may be replaced at any
    time. ``reads`` counts those so far.
    """

    def __init__(self, dut: Any, enable: str, place: tuple[str, ...], data: str) -> None:
        self.values = np.zeros((1,) * len(place), np.int64)
        self.reads = 0
        self._enable, self._data = getattr(dut, enable), getattr(dut, data)
        self._place = [getattr(dut, name) for name in place]
        self._edge = RisingEdge(dut.clk)

    def start(self) -> "ReadPort":
        """Answer from now on."""
        cocotb.start_soon(self._run())
        return self

    async def _run(self) -> None:
        while True:
            await self._edge
            if self._enable.value:
                self.reads += 1
                place = tuple(signal.value.to_unsigned() for signal in self._place)
                self._data.value = int(self.values[place])
