# SPDX-License-Identifier: Apache-2.0
"""Randomised regression: configurations, settings and images drawn from a seed, hardware against model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nms.contract.config import PRESETS, Config
from nms.contract.errors import ToolError
from nms.contract.settings import Search, Settings
from nms.golden import sampler as golden
from nms.sim.compare import compare
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


def draw(seed: int, number: int) -> tuple[Config, Settings, np.ndarray, Literal["axi", "native"], Stalls]:
    """Configuration, settings, images (batches, N, D), bus and stalls of draw ``number`` of ``seed``.

    Small configurations of both profiles, so that a draw is built in about a minute; images are noise,
    near-duplicates or flat, so that rows without a solution occur. Jobs by ``axi`` have up to 3 batches.
    """
    rng = derive(seed, f"random {number}")

    def pick(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    images = int(rng.integers(8, 25))
    config = Config.model_validate(
        PRESETS["tiny"].model_dump()
        | {
            "name": "custom",
            "images": images,
            "pixels": int(rng.integers(3, 129)),
            "formats": pick("wide", "edge"),
            "pes": pick(1, 2, 4, 8, 16),
            "lanes": pick(1, 2, 3, 4, 5, 8, 12, 24),
            "unroll": int(rng.integers(2, 9)),
            "contexts": int(rng.integers(1, 9)),
            "te_lanes": pick(1, 2, 4, 8),
            "grid_lanes": pick(1, 2, 4, 8),
            "bus_bits": pick(32, 64, 128, 256, 512),
        }
    )
    bus = pick("axi", "axi", "native")
    batches = int(rng.integers(1, 4)) if bus == "axi" else 1
    count, pixels = int(rng.integers(6, images + 1)), int(rng.integers(1, config.pixels + 1))
    spread = pick(256, 3, 1)
    base = rng.integers(0, 256 - spread + 1, (1, pixels))
    data = (base + rng.integers(0, spread, (batches, count, pixels))).astype(np.uint8)
    settings = Settings.make(
        config,
        count,
        pixels,
        ratio=float(rng.uniform(1 / count, 1)),
        perplexity=float(rng.uniform(1.2, count - 1.5)),
        iterations=int(rng.integers(0, 60)),
        seed=int(rng.integers(1 << 32)),
        search=str(pick(*Search)),
    )
    return config, settings, data, bus, pick(*Stalls)


def regress(seed: int, draws: int, first: int = 0) -> Iterator[Draw]:
    """Run ``draws`` draws of ``seed``, from number ``first``, through simulated hardware and model.

    Compared are all tables of the last batch and what was written to memory for every one.
    """
    for number in range(first, first + draws):
        config, settings, images, bus, stalls = draw(seed, number)
        description = (
            f"{config.formats} {config.pes}x{config.lanes} unroll {config.unroll} contexts {config.contexts} "
            f"te {config.te_lanes} grid {config.grid_lanes} bus {config.bus_bits}; "
            f"{len(images)} x {settings.count} x {settings.pixels}, {Search(settings.search)}, {bus}, "
            f"stalls {stalls.value}"
        )
        command = f"nms check --random 1 --first {number} --seed {seed}"
        models = [golden.run(config, settings, batch) for batch in images]
        try:
            given = images if bus == "axi" else images[0]
            hardware = run(config, settings, given, stalls=stalls, bus=bus)
        except (RuntimeError, ToolError) as error:
            yield Draw(number, description, 0, 0, command, str(error))
            continue
        tables = compare(hardware.tables, models[-1])
        for written, model in zip(hardware.written, models, strict=bus == "axi"):
            tables += compare(written, model)
        compared, mismatches = sum(t.compared for t in tables), sum(t.mismatches for t in tables)
        yield Draw(number, description, compared, mismatches, command)
