# SPDX-License-Identifier: Apache-2.0
"""Randomised regression: configurations, settings and images drawn from a seed, hardware against model."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nms.contract.config import PRESETS, Config, ReducedConfig, SamplerConfig, make
from nms.contract.errors import ToolError
from nms.contract.settings import LeanSettings, Search, Settings
from nms.contract.tables import SamplerTables
from nms.golden import sampler as golden
from nms.golden.near_duplicates import Removal
from nms.sim.compare import compare, compare_written
from nms.sim.models.seeds import derive
from nms.sim.models.streams import Stalls
from nms.sim.sampler import run


@dataclass(frozen=True)
class Draw:
    """One draw and its verdict; ``command`` repeats it alone."""

    number: int
    description: str
    compared: int
    mismatches: int
    command: str
    failure: str = ""

    def __bool__(self) -> bool:
        return self.compared > 0 and self.mismatches == 0 and not self.failure


@dataclass(frozen=True)
class Job:
    """A configuration, settings and images (batches, N, D), and how they go into the hardware."""

    config: SamplerConfig
    settings: Settings | LeanSettings
    images: np.ndarray
    bus: Literal["axi", "native"]
    stalls: Stalls

    def __str__(self) -> str:
        config, settings = self.config, self.settings
        if isinstance(config, Config):
            what = (
                f"{config.formats} {config.pes}x{config.lanes} unroll {config.unroll} "
                f"contexts {config.contexts} te {config.te_lanes} grid {config.grid_lanes}"
            )
        else:
            what = f"{config.method} window {config.window}" if isinstance(config, ReducedConfig) else ""
        given = ", ".join(f"{name} {value}" for name, value in settings.describe().items())
        return (
            f"{what} bus {config.bus_bits}; {len(self.images)} x {settings.count} x {settings.pixels}, "
            f"{given}, {self.bus}, stalls {self.stalls.value}"
        )


class Chooser:
    """Choices of one draw."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def of(self, *values: Any) -> Any:
        """One of several values."""
        return values[self.rng.integers(len(values))]

    def between(self, low: int, high: int) -> int:
        """An integer, both ends among them."""
        return int(self.rng.integers(low, high + 1))


def _draw_shape(choose: Chooser, side: int) -> dict[str, Any]:
    """Shape and the like of images that hardware of a largest ``side`` reduces, or takes as they are."""
    if not side or choose.of(True, False, False):
        return {"shape": (choose.between(1, 128),), "side": 0}
    used = choose.of(*(one for one in (4, 8, 16, 32) if one <= side))
    height, width = (choose.between(1, choose.of(used, 3 * used)) for _ in range(2))
    channels, planes = choose.of(1, 3), choose.of(False, False, True)
    shape = (channels, height, width) if planes else (height, width, channels)
    grey = channels == 3 and not planes and choose.of(False, True)
    return {"shape": shape, "side": used, "planes": planes, "grey": grey}


def _count_reduced(shape: tuple[int, ...], side: int, planes: bool = False, grey: bool = False) -> int:
    """Bytes of an image whose distances are taken."""
    if not side:
        return math.prod(shape)
    channels, *extents = shape if planes else (shape[2], *shape[:2])
    return math.prod(min(side, extent) for extent in extents) * (1 if grey else channels)


def _draw_published(choose: Chooser, images: int) -> tuple[Config, dict[str, Any]]:
    """A small configuration of the published method, and settings that it alone has."""
    side, picks = choose.of(0, 4, 8), choose.of(0, 1)
    shape = _draw_shape(choose, side)
    config = Config.model_validate(
        PRESETS["tiny"].model_dump()
        | {
            "name": "custom",
            "images": images,
            "pixels": _count_reduced(**shape) + choose.between(0, 40),
            "formats": choose.of("wide", "edge"),
            "pes": choose.of(1, 2, 4, 8, 16),
            "lanes": choose.of(1, 2, 3, 4, 5, 8, 12, 24),
            "unroll": choose.between(2, 8),
            "contexts": choose.between(1, 8),
            "te_lanes": choose.of(1, 2, 4, 8),
            "grid_lanes": choose.of(1, 2, 4, 8),
            "bus_bits": choose.of(32, 64, 128, 256, 512),
            "address_bits": choose.of(32, 64),
            "memory_parts": choose.of(1, 2, 4, 8),
            "side": side,
            "picks": picks,
        }
    )
    given = shape | {
        "pixels": shape.pop("shape"),
        "search": str(choose.of(*Search)),
        "pick": choose.of("centre", "medoid", "hub", "neighbour") if picks else "centre",
        "iterations": choose.between(0, 60),
    }
    return config, given


def _draw_reduced(choose: Chooser, method: str, images: int) -> tuple[ReducedConfig, dict[str, Any]]:
    """A small configuration of a method that always looks at reduced images, and settings of its own."""
    side, window = choose.of(4, 8, 16), choose.of(0, 3, 16)
    given = _draw_shape(choose, side)
    lanes = {"map_lanes": choose.of(1, 2, 4), "grid_lanes": choose.of(1, 2, 4, 8)}
    config = make(
        {
            "method": method,
            "name": "custom",
            "images": images,
            "pixels": _count_reduced(**given) + choose.between(0, 40),
            "bus_bits": choose.of(32, 64, 128, 256, 512),
            "address_bits": choose.of(32, 64),
            "memory_parts": choose.of(1, 2, 4, 8),
            "side": side,
            "window": window,
        }
        | (lanes if method == "lean" else {})
    )
    assert isinstance(config, ReducedConfig)
    tall = given["side"] and min(given["shape"][1:] if given["planes"] else given["shape"][:2]) >= 4
    if window and tall and choose.of(True, False):
        given |= {"threshold": choose.of(1, 8, 255), "window": choose.between(1, window)}
        given["across"] = choose.of(False, True)
    if method == "lean" and choose.of(True, True, False):
        given["pick"] = choose.of("centre", "medoid", "hub", "neighbour")
        given |= {"iterations": choose.between(0, 60), "evaluations": choose.between(1, 15)}
    return config, given


def draw(seed: int, number: int) -> Job:
    """Draw ``number`` of ``seed``.

    Small configurations of all methods, so that a draw is built in about a minute; images are noise,
    near-duplicates or flat, so that rows without a solution occur. Jobs by ``axi`` have up to 3 batches.
    """
    rng = derive(seed, f"random {number}")
    choose = Chooser(rng)
    images = choose.between(8, 24)
    method = choose.of("desne", "desne", "desne", "herding", "lean", "lean")
    config, given = (
        _draw_published(choose, images) if method == "desne" else _draw_reduced(choose, method, images)
    )
    count = choose.between(6, images)
    given |= {
        "ratio": float(rng.uniform(1 / count, 1)),
        "perplexity": float(rng.uniform(1.2, count - 1.5)),
        "seed": int(rng.integers(1 << 32)),
    }
    bus: Literal["axi", "native"] = choose.of("axi", "axi", "native")
    settings: Settings | LeanSettings
    if isinstance(config, Config):
        settings = Settings.make(config, count, **given)
        bus = "axi" if settings.side else bus  # where images are reduced
    else:
        settings = LeanSettings.make(config, count, **given)
    batches = choose.between(1, 3) if bus == "axi" else 1
    spread = choose.of(256, 3, 1)
    base = rng.integers(0, 256 - spread + 1, (1, settings.pixels))
    data = base + rng.integers(0, spread, (batches, count, settings.pixels))
    return Job(config, settings, data.astype(np.uint8), bus, choose.of(*Stalls))


def model(job: Job) -> list[SamplerTables]:
    """What the golden model makes of each batch."""
    settings = job.settings
    if isinstance(settings, Settings):
        return [golden.run(job.config, settings, batch) for batch in job.images]
    removal = Removal(settings)
    return [
        golden.run(job.config, settings, batch, standing=removal.find_standing(batch)) for batch in job.images
    ]


def regress(seed: int, draws: int, first: int = 0) -> Iterator[Draw]:
    """Run ``draws`` draws of ``seed``, from number ``first``, through simulated hardware and model.

    Compared are all tables of the last batch and what was written to memory for every one.
    """
    for number in range(first, first + draws):
        job = draw(seed, number)
        command = f"nms check --random 1 --first {number} --seed {seed}"
        models = model(job)
        try:
            given = job.images if job.bus == "axi" else job.images[0]
            hardware = run(job.config, job.settings, given, stalls=job.stalls, bus=job.bus)
        except (RuntimeError, ToolError) as error:
            yield Draw(number, str(job), 0, 0, command, str(error))
            continue
        tables = compare(hardware.tables, models[-1])
        for written, expected in zip(hardware.written, models, strict=job.bus == "axi"):
            tables += compare_written(written, job.settings, expected)
        compared, mismatches = sum(t.compared for t in tables), sum(t.mismatches for t in tables)
        yield Draw(number, str(job), compared, mismatches, command)
