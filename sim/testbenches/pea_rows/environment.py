# SPDX-License-Identifier: Apache-2.0
"""Distance memory around the scan of the rows, and what the contract says of each row."""

import random
from typing import Any

import numpy as np
from cocotb.triggers import RisingEdge

from nms.contract.config import Config
from nms.rtl.array.pea_rows import RowScan
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, pulse
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
BLOCK = RowScan(CONFIG)
ROW, PAIR = Pack(BLOCK.o_rows.payload.shape()), Pack(BLOCK.i_read.payload.shape())
SCALE = Pack(BLOCK.write_data.shape())


def draw_matrix(count: int, largest: int) -> np.ndarray:
    """Symmetric distances, zeros on the diagonal; small values give many ties."""
    values = generator(f"distances {count} {largest}").integers(0, largest, (count, count), endpoint=True)
    return np.tril(values, -1) + np.tril(values, -1).T


def scan_rows(distances: np.ndarray) -> list[dict[str, int]]:
    """Section 5 of the contract."""
    rows = []
    for i, row in enumerate(distances):
        others = np.delete(row, i)
        low, high = int(others.min()), int(others.max())
        ties = int((others == low).sum())
        rows.append({"row": i, "minimum": low, "scale": (high - low).bit_length(), "ties": ties})
    return rows


async def play_memory(dut: Any, distances: np.ndarray, table: dict[int, int]) -> None:
    """Answer as the distance memory, and note in ``table`` what is written into the table of the scales.

    Where no distance was wanted, there is anything.
    """
    triangle = [int(distances[low, high]) for high in range(len(distances)) for low in range(high)]
    unknown = random.Random("distances that nobody asked for")
    while True:
        await RisingEdge(dut.clk)
        if dut.read_enable.value:
            address = dut.read_address.value.to_unsigned()
            dut.read_data.value = triangle[address] if address < len(triangle) else 0
        else:
            dut.read_data.value = unknown.getrandbits(len(dut.read_data))
        if dut.write_enable.value:
            table[dut.write_address.value.to_unsigned()] = dut.write_data.value.to_unsigned()


async def begin(dut: Any, count: int) -> None:
    """Begin a scan."""
    dut.count.value = count
    await pulse(dut, "scan")
