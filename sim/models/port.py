# SPDX-License-Identifier: Apache-2.0
"""A memory beside a block: answers the block's reads some cycles later, and counts them."""

from collections import deque
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge


class ReadPort:
    """A read port of the block: signals ``enable``, those of the place that is read, and ``data``.

    ``values`` is what is read, an array with one axis for each signal in ``place``; it may be replaced at any
    time. ``reads`` counts those so far. Values come ``latency`` cycles after their reads.
    """

    def __init__(self, dut: Any, enable: str, place: tuple[str, ...], data: str, latency: int = 1) -> None:
        self.values = np.zeros((1,) * len(place), np.int64)
        self.reads = 0
        self._enable, self._data = getattr(dut, enable), getattr(dut, data)
        self._place = [getattr(dut, name) for name in place]
        self._edge = RisingEdge(dut.clk)
        self._due: deque[int | None] = deque([None] * (latency - 1))

    def start(self) -> "ReadPort":
        """Answer from now on."""
        cocotb.start_soon(self._run())
        return self

    async def _run(self) -> None:
        while True:
            await self._edge
            found = None
            if self._enable.value:
                self.reads += 1
                place = tuple(signal.value.to_unsigned() for signal in self._place)
                found = int(self.values[place])
            self._due.append(found)
            value = self._due.popleft()
            if value is not None:
                self._data.value = value
