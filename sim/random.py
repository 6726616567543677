# SPDX-License-Identifier: Apache-2.0
"""Randomised regression: configurations, settings and images drawn from a seed, hardware against model."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from golden import sampler as golden
from nms.spec.config import PRESETS, Config
from nms.spec.settings import Search, Settings
from sim.compare import compare
from sim.sampler import run
from sim.seeds import derive
from sim.streams import Stalls


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


def draw(seed: int, number: int) -> tuple[Config, Settings, np.ndarray, str, Stalls]:
    """Configuration, settings, images, bus and stalls of draw ``number`` of ``seed``.

    Small configurations of both profiles, so that a draw is built in under a minute; images are noise,
    near-duplicates or flat, so that rows without a solution occur.
    """
    rng = derive(seed, f"random {number}")

    def pick(*values: object) -> object:
        return values[rng.integers(len(values))]

    images = int(rng.integers(8, 21))
    config = Config.model_validate(
        PRESETS["tiny"].model_dump()
        | {
            "name": "custom",
            "images": images,
            "pixels": int(rng.integers(3, 81)),
            "formats": pick("wide", "edge"),
            "pes": pick(1, 2, 4, 8),
            "lanes": pick(1, 2, 4),
            "unroll": int(rng.integers(2, 7)),
            "contexts": int(rng.integers(1, 5)),
            "te_lanes": pick(1, 2, 4, 8),
            "grid_lanes": pick(1, 2, 4, 8),
            "bus_bits": pick(64, 128),
        }
    )
    count, pixels = int(rng.integers(6, images + 1)), int(rng.integers(1, config.pixels + 1))
    kind = pick("noise", "near-duplicates", "flat")
    spread = {"noise": 256, "near-duplicates": 3, "flat": 1}[str(kind)]
    base = rng.integers(0, 256 - spread + 1, (1, pixels))
    data = (base + rng.integers(0, spread, (count, pixels))).astype(np.uint8)
    settings = Settings.make(
        config,
        count,
        pixels,
        ratio=float(rng.uniform(1 / count, 1)),
        perplexity=float(rng.uniform(1.2, count - 1.5)),
        iterations=int(rng.integers(0, 60)),
        seed=int(rng.integers(1 << 32)),
        search=str(Search(int(rng.integers(len(Search))))),
    )
    return config, settings, data, str(pick("axi", "native")), list(Stalls)[rng.integers(len(Stalls))]


def regress(seed: int, draws: int, first: int = 0) -> Iterator[Draw]:
    """Run ``draws`` draws of ``seed``, from number ``first``, through simulated hardware and model."""
    for number in range(first, first + draws):
        config, settings, images, bus, stalls = draw(seed, number)
        description = (
            f"{config.formats} {config.pes}x{config.lanes} unroll {config.unroll} contexts {config.contexts} "
            f"te {config.te_lanes} grid {config.grid_lanes}; {settings.count} x {settings.pixels}, "
            f"{Search(settings.search)}, {bus}, stalls {stalls.value}"
        )
        command = f"nms check --random 1 --first {number} --seed {seed}"
        model = golden.run(config, settings, images)
        try:
            hardware = run(config, settings, images, stalls=stalls, bus="axi" if bus == "axi" else "native")
        except RuntimeError as error:
            yield Draw(number, description, 0, 0, command, str(error))
            continue
        tables = compare(hardware.tables, model)
        compared, mismatches = sum(t.compared for t in tables), sum(t.mismatches for t in tables)
        yield Draw(number, description, compared, mismatches, command)
