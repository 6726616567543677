# SPDX-License-Identifier: Apache-2.0
"""Testbench of the distance phase: image memory and processing elements are played here, cycle by cycle."""

from collections import deque
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from nms.contract.config import Config
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD, reset_mid, start
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])


class Surroundings:
    """Banks that give words of ``images`` two cycles after a read, and elements that sum squared differences.

    ``written`` are the distances by address. What is read and formed is held to the docstring's timing.
    """

    def __init__(self, dut: Any, images: np.ndarray) -> None:
        self.dut, self.images = dut, images
        self.written: dict[int, int] = {}
        self.passes: list[float] = []
        self._sums = [0] * CONFIG.pes
        self._reads: deque[tuple[dict[int, int], dict[int, int]]] = deque(maxlen=4)
        self._results: dict[int, list[tuple[int, int]]] = {}

    def _word(self, bank: int, address: int) -> np.ndarray:
        image, word = address // CONFIG.derived.words * CONFIG.pes + bank, address % CONFIG.derived.words
        return self.images[image, word * CONFIG.lanes : (word + 1) * CONFIG.lanes].astype(int)

    def _sample_reads(self) -> None:
        """Bank and address of what is read in this cycle: broadcast, and by each bank for its own element."""
        dut, banks = self.dut, range(CONFIG.pes)
        enable, own_enable = dut.enable.value.to_unsigned(), dut.own_enable.value.to_unsigned()
        shared = {k: dut.address.value.to_unsigned() for k in banks if enable >> k & 1}
        own = {k: getattr(dut, f"own_address__{k}").value.to_unsigned() for k in banks if own_enable >> k & 1}
        assert len(shared) <= 1, "two banks broadcast"
        self._reads.append((shared, own))

    async def run(self) -> None:
        """Play until ``done``."""
        dut, cycle, source = self.dut, 0, 0
        latency = parameters()["distance_latency"]
        while True:
            await RisingEdge(dut.clk)
            self._sample_reads()
            valid = dut.pixels_valid.value.to_unsigned()
            if valid:
                shared, own = self._reads[0][0], self._reads[1][1]
                assert list(shared) == [source], f"bank {source} is broadcast, read was {shared}"
                partner = self._word(source, shared[source])
                first, last = dut.pixels_first.value, dut.pixels_last.value
                if first:
                    self.passes.append(get_sim_time("ns"))
                for k in range(CONFIG.pes):
                    if valid >> k & 1:
                        square = int(((self._word(k, own[k]) - partner) ** 2).sum())
                        self._sums[k] = square + (0 if first else self._sums[k])
                        if last:
                            self._results.setdefault(cycle + latency - 1, []).append((k, self._sums[k]))
            for k, total in self._results.pop(cycle, []):
                getattr(dut, f"distances__{k}").value = total
            if CONFIG.pes > 1:
                source = dut.source.value.to_unsigned()
            if dut.write_enable.value:
                address = dut.write_address.value.to_unsigned()
                assert address not in self.written, f"distance {address} is written twice"
                self.written[address] = dut.write_data.value.to_unsigned()
            if dut.done.value:
                return
            cycle += 1


def batch(count: int, pixels: int) -> np.ndarray:
    """Images padded to whole words."""
    words = -(-pixels // CONFIG.lanes)
    images = np.zeros((count, words * CONFIG.lanes), np.uint8)
    images[:, :pixels] = generator(f"{count} {pixels}").integers(0, 256, (count, pixels))
    images[0, :pixels] = 255
    images[-1, :pixels] = 0
    return images


async def begin(dut: Any, images: np.ndarray) -> None:
    """Settings and the start pulse."""
    dut.count.value, dut.words.value = len(images), images.shape[1] // CONFIG.lanes
    await RisingEdge(dut.clk)
    dut.start.value = 1
    await RisingEdge(dut.clk)
    dut.start.value = 0


async def form(dut: Any, board: Scoreboard, images: np.ndarray) -> list[float]:
    """All distances of a batch to the scoreboard; the times of the passes."""
    exact = images.astype(int)
    pairs = [(low, high) for high in range(len(images)) for low in range(high)]
    board.expect((low, high, int(((exact[low] - exact[high]) ** 2).sum())) for low, high in pairs)
    await begin(dut, images)
    surroundings = Surroundings(dut, images)
    await surroundings.run()
    for low, high in pairs:
        board.got((low, high, surroundings.written.pop(high * (high - 1) // 2 + low, None)))
    assert not surroundings.written, f"pairs that are none were written: {surroundings.written}"
    return surroundings.passes


@cocotb.test()
async def batches(dut: Any) -> None:
    """Batches of all proportions to the array, one after the other; passes follow as fast as stated."""
    await start(dut)
    board = Scoreboard("distances", minimum=150)
    most, pes = CONFIG.images, CONFIG.pes
    for count, pixels in ((4, 1), (most, 3 * CONFIG.lanes), (most - 1, 12 * CONFIG.lanes), (pes + 1, 5)):
        images = batch(max(count, 4), min(pixels, CONFIG.pixels))
        passes = await form(dut, board, images)
        rounded = -(-len(images) // (2 * pes)) * 2 * pes
        assert len(passes) <= len(images) * rounded // (2 * pes)
        spacing = max(images.shape[1] // CONFIG.lanes, parameters()["interval"]) * PERIOD
        assert all(gap % spacing == 0 for gap in np.diff(passes)), "passes do not follow at once"
    board.finish()


@cocotb.test()
async def reset(dut: Any) -> None:
    """A reset in the middle, and a clean run after it."""
    await start(dut)
    images = batch(CONFIG.images, 4 * CONFIG.lanes)
    await begin(dut, images)
    for _ in range(60):
        await RisingEdge(dut.clk)
    await reset_mid(dut)
    board = Scoreboard("distances after a reset", minimum=100)
    await form(dut, board, images)
    board.finish()
