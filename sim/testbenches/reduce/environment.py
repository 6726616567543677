# SPDX-License-Identifier: Apache-2.0
"""Images, settings, driver and comparison of the reduction."""

from collections.abc import Iterator
from typing import Any, cast

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from nms.contract.config import ReducedConfig, make
from nms.contract.settings import LeanSettings
from nms.golden.reduction import reduce
from nms.rtl.reduction.reduce import Reduce
from nms.sim.models.disturbance import Disturbance
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Pack, Sink, Source, Stalls, pulse, until
from nms.sim.verilator.context import parameters

CONFIG = cast(ReducedConfig, make(parameters()["config"]))
BLOCK = Reduce(CONFIG)
BYTES = CONFIG.bus_bits // 8
WORD, BYTE, ROW = (Pack(port.payload.shape()) for port in (BLOCK.i_words, BLOCK.o_bytes, BLOCK.o_rows))
FIELDS = ("height", "width", "channels", "planes", "grey", "side", "pixels")
SIDES = [side for side in (4, 8, 16, 32) if side <= CONFIG.side]
DISTURBANCE = Disturbance(parameters()["disturbance"]) if "disturbance" in parameters() else None
IMAGES = 3
"""Images of a job."""


def shape(
    height: int,
    width: int,
    channels: int = 1,
    side: int = CONFIG.side,
    planes: bool = False,
    grey: bool = False,
) -> LeanSettings:
    """Settings of images that are reduced."""
    pixels = height * width * channels
    return LeanSettings(4, pixels, 1, height, width, channels, planes=planes, grey=grey, side=side)


def fits(settings: LeanSettings) -> bool:
    """Whether the configuration can reduce such images."""
    return settings.side <= CONFIG.side and 1 <= settings.reduced <= CONFIG.pixels


def draw_shapes(rng: np.random.Generator, count: int) -> Iterator[LeanSettings]:
    """Settings of small images of all kinds: many about as large as the grid, some not reduced."""
    while count:
        side = int(rng.choice([0, *SIDES]))
        if not side:
            settings = LeanSettings(4, int(rng.integers(1, min(CONFIG.pixels, 300) + 1)), 1)
        else:
            top = int(rng.choice([side + 1, 2 * side + 2, 5 * side]))
            height, width = (int(length) for length in rng.integers(1, top + 1, 2))
            channels = int(rng.choice([1, 3]))
            planes = bool(rng.integers(2))
            grey = channels == 3 and not planes and bool(rng.integers(2))
            settings = shape(height, width, channels, side, planes, grey)
        if fits(settings):
            count -= 1
            yield settings


def draw_images(rng: np.random.Generator, settings: LeanSettings, count: int = IMAGES) -> np.ndarray:
    """Images by rows: random bytes, the largest bytes, bytes near to each other."""
    images = rng.integers(0, 256, (count, settings.pixels))
    images[1 % count] = 255 - rng.integers(0, 2, settings.pixels) * int(rng.integers(2))
    return images.astype(np.uint8)


def pack(image: np.ndarray) -> Iterator[int]:
    """The words of an image; what is behind it in the last one is no byte of its own."""
    raw = bytes(int(byte) for byte in image)
    for first in range(0, len(raw), BYTES):
        word = raw[first : first + BYTES].ljust(BYTES, b"\xa5")
        yield WORD.pack(data=int.from_bytes(word, "little"), last=int(first + BYTES >= len(raw)))


async def prepare(dut: Any, settings: LeanSettings) -> tuple[int, int]:
    """Begin a job; returns ``illegal`` and ``length``."""
    for name in FIELDS:
        getattr(dut, name).value = int(getattr(settings, name))
    await pulse(dut, "prepare")
    await RisingEdge(dut.clk)
    await until(dut, "prepared", BLOCK.preparation + 4)
    await ReadOnly()
    found = int(dut.illegal.value), dut.length.value.to_unsigned()
    await RisingEdge(dut.clk)
    return found


def send(dut: Any, images: np.ndarray, stalls: Stalls = Stalls.NONE) -> None:
    """Send images in the background, wrong ones if a disturbance is asked for."""
    Source(dut, "i_words", stalls, DISTURBANCE).start(word for image in images for word in pack(image))


async def compare(
    dut: Any, board: Scoreboard, settings: LeanSettings, images: np.ndarray, stalls: Stalls = Stalls.NONE
) -> None:
    """One job against the golden model."""
    board.expect([(0, settings.reduced)])
    board.got(await prepare(dut, settings))
    for means in reduce(images, settings):
        board.expect((int(mean), int(place + 1 == len(means))) for place, mean in enumerate(means))
    send(dut, images, stalls)
    count = len(images) * settings.reduced
    timeout = 20 * (images.size + count) + 1000
    rows = cocotb.start_soon(take_rows(dut, settings, images, stalls, timeout))
    for value in await Sink(dut, "o_bytes", stalls).take(count, timeout=timeout):
        fields = BYTE.unpack(value)
        board.got((fields["data"], fields["last"]))
    for wanted, found in await rows:
        board.expect([wanted])
        board.got(found)


async def take_rows(
    dut: Any, settings: LeanSettings, images: np.ndarray, stalls: Stalls, timeout: int
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The sums of the rows of images, as wanted and as found, each with ``last``; none if none is reduced."""
    sink = Sink(dut, "o_rows", stalls if settings.side else Stalls.NONE)
    if not settings.side:
        dut.o_rows__ready.value = 1
        return []
    height = settings.height * (settings.channels if settings.planes else 1)
    wanted = images.reshape(len(images), height, -1).astype(int).sum(2)
    found = [ROW.unpack(value) for value in await sink.take(wanted.size, timeout=timeout)]
    return [
        ((int(total), int((place + 1) % height == 0)), (fields["sum"], fields["last"]))
        for place, (total, fields) in enumerate(zip(wanted.flat, found, strict=True))
    ]
