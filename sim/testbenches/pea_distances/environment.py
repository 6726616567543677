# SPDX-License-Identifier: Apache-2.0
"""Image memory and processing elements (PEs) around the distance phase, and comparison of its distances."""

from collections import deque
from typing import Any

import numpy as np
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from nms.contract.config import Config
from nms.rtl.array.pea_distances import DistancePhase
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.seeds import generator
from nms.sim.models.streams import pulse
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
BLOCK = DistancePhase(CONFIG)


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
        latency = BLOCK.pe.distance_latency
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


def draw_batch(count: int, pixels: int) -> np.ndarray:
    """Images padded to whole words."""
    words = -(-pixels // CONFIG.lanes)
    images = np.zeros((count, words * CONFIG.lanes), np.uint8)
    images[:, :pixels] = generator(f"{count} {pixels}").integers(0, 256, (count, pixels))
    images[0, :pixels] = 255
    images[-1, :pixels] = 0
    return images


async def begin(dut: Any, images: np.ndarray) -> None:
    """Set the counts and pulse start."""
    dut.count.value, dut.words.value = len(images), images.shape[1] // CONFIG.lanes
    await RisingEdge(dut.clk)
    await pulse(dut, "start")


async def compare(dut: Any, board: Scoreboard, images: np.ndarray) -> list[float]:
    """Form the distances of a batch and compare them; returns the times of the passes."""
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
