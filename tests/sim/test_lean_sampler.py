# SPDX-License-Identifier: Apache-2.0
"""Jobs of the samplers that look at reduced images: every table equals the model's, and so do results."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nms.contract.config import PRESETS, SamplerConfig
from nms.contract.settings import LeanSettings, Pick
from nms.datasets import load
from nms.golden import sampler as golden
from nms.sim import sampler
from nms.sim.compare import compare
from nms.sim.models.streams import Stalls

FIELDS = {
    "embedding": "embedding", "mantissa": "mantissa", "exponent": "exponent", "scale": "scale",
    "status": "status", "generations": "evaluations",
}  # fmt: skip
"""Tables of a map by their names in the results that are written to memory."""


def agree(
    config: SamplerConfig, settings: LeanSettings, batches: np.ndarray, bus: str, stalls: Stalls = Stalls.NONE
) -> sampler.HardwareRun:
    """Run batches (B, N, D) on hardware and model; all tables are equal and complete."""
    given = batches if bus == "axi" else batches[0]
    run = sampler.run(config, settings, given, bus=bus, stalls=stalls)
    models = [golden.run(config, settings, batch) for batch in batches]
    found = compare(run.tables, models[-1])
    assert len(found) == len(models[-1].names())
    assert sum(table.compared for table in found) >= settings.count**2 + settings.keep
    assert [table for table in found if table.mismatches] == []
    for written, model in zip(run.written, models, strict=bus == "axi"):
        assert np.array_equal(written.kept, model.kept)
        for name, table in FIELDS.items() if settings.pick != Pick.HERDING else ():
            assert np.array_equal(getattr(written, name), getattr(model, table)), name
    return run


def cut(data: str, count: int, batches: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Images (B, N, D) of a data set, and the settings of their shape."""
    found = load(data, count * batches)
    height, width, channels = found.shape
    shape = (channels, height, width) if found.planar else found.shape
    return found.images.reshape(batches, count, -1), {"shape": shape, "planes": found.planar}


@pytest.mark.parametrize("bus", ["native", "axi"])
def test_herding_on_digits(bus: str) -> None:
    config = PRESETS["herding"]
    images, shape = cut("digits", 64, 1)
    run = agree(config, LeanSettings.make(config, 64, **shape), images, bus)
    assert set(run.cycles) == {"load", "distance", "pick", "emit"}
    assert all(run.cycles.values())


@pytest.mark.slow
@pytest.mark.parametrize("pick", list(Pick))
@pytest.mark.parametrize("stalls", list(Stalls))
def test_lean_on_digits(pick: Pick, stalls: Stalls) -> None:
    config = PRESETS["lean"]
    images, shape = cut("digits", 33, 3)
    settings = LeanSettings.make(config, 33, **shape, perplexity=9.0, pick=str(pick), seed=3)
    agree(config, settings, images, "axi", stalls)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["herding", "lean", "lean256"])
@pytest.mark.parametrize("data", ["native/cifar-10-batches-py", "native/fashion", "scenes", "flowers224"])
def test_real_images(preset: str, data: str, shared_data: Path) -> None:
    """From 28 x 28 grey to 224 x 224 in colour, through the buses; a word a cycle on the way in."""
    config = PRESETS[preset]
    images, shape = cut(str(shared_data / data), 64, 1)
    pick = "herding" if preset == "herding" else "medoid"
    run = agree(config, LeanSettings.make(config, 64, **shape, pick=pick), images, "axi")
    words = 64 * -(-images.shape[2] // 8)
    assert run.cycles["load"] <= max(1.02 * words, 25_000)
    assert run.cycles["distance"] <= 25_500
    if preset == "herding":
        assert run.cycles["pick"] + run.cycles["distance"] <= 30_000
