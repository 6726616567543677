# SPDX-License-Identifier: Apache-2.0
"""Streams of images that are alike, their rows, and comparison of the verdicts."""

from collections.abc import Iterator
from typing import Any, cast

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from nms.contract.config import ReducedConfig, make
from nms.contract.settings import LeanSettings
from nms.golden.near_duplicates import Removal
from nms.rtl.reduction.near_duplicates import NearDuplicates
from nms.sim.models.scoreboard import Scoreboard
from nms.sim.models.streams import Pack, Sink, Source, Stalls, pulse
from nms.sim.verilator.context import parameters

CONFIG = cast(ReducedConfig, make(parameters()["config"]))
BLOCK = NearDuplicates(CONFIG)
ROW = Pack(BLOCK.i_rows.payload.shape())
FIELDS = ("height", "width", "channels", "planes", "threshold", "window")
HEIGHTS = (4, 5, 6, 7, 8, 28, 32, 33, 63, 64, 65, 129, 130, 200, 300)
"""Rows of images: all cuts into one, two and four rows an entry, with and without rows left over."""


def draw_settings(rng: np.random.Generator, **changes: Any) -> LeanSettings:
    """Settings of small images."""
    given: dict[str, Any] = {
        "height": int(rng.choice(HEIGHTS)),
        "width": int(rng.integers(4, 24)),
        "channels": int(rng.choice([1, 3])),
        "planes": bool(rng.integers(2)),
        "threshold": int(rng.choice([1, 8, 12, 40, 255])),
        "window": int(rng.integers(1, CONFIG.window + 1)),
        "across": bool(rng.integers(2)),
    } | changes
    return LeanSettings(4, given["height"] * given["width"] * given["channels"], 1, side=4, **given)


def draw_images(rng: np.random.Generator, settings: LeanSettings, count: int) -> np.ndarray:
    """Images and what a camera makes of them: moved by a row, lighter, with noise; some without contrast."""
    shape = (settings.height, settings.width, settings.channels)
    slopes = rng.integers(0, 256, (4, settings.height, 1, 1)) * np.ones((1, *shape[1:]))
    scenes = np.concatenate([rng.integers(0, 256, (2, *shape)), slopes])
    scenes = np.concatenate([scenes, np.ones((2, *shape)) * rng.integers(0, 256, (2, 1, 1, 1))])
    images = scenes[rng.integers(0, len(scenes), count)]
    for image in images:
        image[:] = np.roll(image, int(rng.integers(-1, 2)), axis=0)
        if rng.random() < 0.6:
            image[:] = image * rng.uniform(0.8, 1.1) + rng.normal(0, 4, shape)
    found = np.clip(images, 0, 255).astype(np.uint8)
    return (found.transpose(0, 3, 1, 2) if settings.planes else found).reshape(count, -1)


def list_rows(settings: LeanSettings, images: np.ndarray) -> Iterator[int]:
    """The sums of the rows as they come."""
    height = settings.height * (settings.channels if settings.planes else 1)
    for sums in images.reshape(len(images), height, -1).astype(int).sum(axis=2):
        for place, value in enumerate(sums):
            yield ROW.pack(sum=int(value), last=int(place + 1 == height))


async def compare(
    dut: Any,
    board: Scoreboard,
    settings: LeanSettings,
    batches: list[np.ndarray],
    stalls: Stalls = Stalls.NONE,
) -> list[int]:
    """One job against the golden model; returns its verdicts."""
    for name in FIELDS:
        getattr(dut, name).value = int(getattr(settings, name))
    await pulse(dut, "prepare")
    await ClockCycles(dut.clk, 4)
    removal, found = Removal(settings), []
    for images in batches:
        if not settings.across:
            await pulse(dut, "forget")
        wanted = removal.find_standing(images)
        board.expect(int(stands) for stands in wanted)
        cocotb.start_soon(Source(dut, "i_rows", stalls).send(list_rows(settings, images)))
        limit = 20 * images.size + len(images) * settings.window * 200 + 1_000
        for verdict in await Sink(dut, "o_stands", stalls).take(len(images), timeout=limit):
            board.got(verdict)
            found.append(verdict)
    return found
