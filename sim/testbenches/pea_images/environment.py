# SPDX-License-Identifier: Apache-2.0
"""Banks of the image memory, and a driver of loads."""

from typing import Any

import numpy as np
from cocotb.triggers import RisingEdge

from nms.contract.config import Config
from nms.rtl.array.pea_images import ImageFetcher
from nms.sim.models.seeds import generator
from nms.sim.models.streams import Pack, Source, Stalls, cycles, pulse
from nms.sim.verilator.context import parameters

CONFIG = Config(**parameters()["config"])
WORDS = CONFIG.derived.words
FETCHED = Pack(ImageFetcher(CONFIG).o_pixels.payload.shape())

Place = tuple[int, int, int]
"""Half, bank, address."""


def draw_batch(count: int, words: int) -> np.ndarray:
    """Words of ``count`` images."""
    return generator(f"{count} {words}").integers(0, 256, (count, words))


def place(half: int, image: int, word: int) -> Place:
    """Where a word of an image lies: image n in bank n modulo pes."""
    return half, image % CONFIG.pes, image // CONFIG.pes * WORDS + word


async def watch_writes(dut: Any, written: dict[Place, int]) -> None:
    """Note in ``written`` what is written into the banks."""
    while True:
        await RisingEdge(dut.clk)
        enable = dut.write_enable.value.to_unsigned()
        for bank in range(CONFIG.pes):
            if enable >> bank & 1:
                at = int(dut.write_half.value), bank, dut.write_address.value.to_unsigned()
                written[at] = dut.write_data.value.to_unsigned()


async def load(dut: Any, images: np.ndarray, stalls: Stalls = Stalls.NONE) -> None:
    """Load a batch; another pulse meanwhile is ignored."""
    dut.count.value, dut.words.value = images.shape
    await pulse(dut, "load")
    dut.count.value, dut.words.value = 1, 1  # sampled before
    await RisingEdge(dut.clk)
    assert not dut.load_ready.value, "a load goes on"
    await pulse(dut, "load")
    await Source(dut, "i_pixels", stalls).send(int(word) for image in images for word in image)
    await cycles(dut, 2)


async def play_banks(dut: Any, images: np.ndarray) -> None:
    """Answer as the banks: a word one cycle after its read, held while a bank is not enabled."""
    while True:
        await RisingEdge(dut.clk)
        enable, address = dut.enable.value.to_unsigned(), dut.address.value.to_unsigned()
        for bank in range(CONFIG.pes):
            if enable >> bank & 1:
                image, word = address // WORDS * CONFIG.pes + bank, address % WORDS
                getattr(dut, f"fetched__{bank}").value = int(images[image, word])
