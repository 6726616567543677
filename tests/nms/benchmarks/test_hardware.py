# SPDX-License-Identifier: Apache-2.0
"""What ``nms bench hardware`` makes of the counters, and that the hardware is within its bounds."""

from pathlib import Path

import numpy as np
import pytest

from nms.benchmarks import hardware
from nms.benchmarks.figure import Figure
from nms.contract import config as configuration
from nms.contract.config import PRESETS
from nms.contract.errors import UserError
from nms.contract.settings import Settings
from nms.datasets import load
from nms.golden import sampler as golden
from nms.sim.batches import BatchesRun
from nms.sim.models.driver import Results

TINY = PRESETS["tiny"]


def named(figures: list[Figure]) -> dict[tuple[str, str], Figure]:
    return {(figure.subject, figure.name): figure for figure in figures}


def counters(load: int, distance: int, job: int) -> dict[str, int]:
    """Counters of a batch whose other phases take 1000 cycles each."""
    others = {f"cycles_{phase}": 1000 for phase in ("search", "affinity", "embed", "grid", "emit")}
    return {"cycles_load": load, "cycles_distance": distance, "cycles_job": job, **others}


def test_figures_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """The definitions, by hand: 16 images of 64 bytes, a 64-bit bus, 4 PEs of one lane."""
    images = load("digits", 48).images.reshape(3, 16, 64)
    settings = Settings.make(TINY, 16, 64, perplexity=5, iterations=3, search="window")
    results = []
    for batch in images:
        model = golden.run(TINY, settings, batch)
        results.append(Results(**{name: getattr(model, name) for name in Results.__dataclass_fields__}))
    results[2].kept[0] += 1
    run = BatchesRun(
        results,
        alone=counters(1100, 2000, 7000),
        each=[counters(1100, 2000, 6500), counters(1, 2100, 13_000), counters(401, 1900, 20_500)],
    )
    monkeypatch.setattr("nms.sim.batches.run", lambda *_: run)
    figures = named(hardware.measure_job(TINY, settings, images, "paper", lambda text: None))
    value = {name: figure.value for (_, name), figure in figures.items()}
    assert value["mismatches"] == 1
    assert value["memory time"] == 16 * 8
    assert value["compute bound of the distances"] == 120 * 64 / 4
    assert value["first batch from memory"] == 1100
    assert value["distances from memory"] == 401 + 1900
    assert value["share of the bound"] == pytest.approx(100 * 1920 / 2301)
    assert value["whole batch"] == (20_500 - 7000) / 2
    assert value["sum of the phases"] == 4000 + (2100 + 1900) / 2
    assert value["whole batch over the larger"] == 6750 / 6000
    broken = {name for (_, name), figure in figures.items() if not figure.holds}
    assert broken == {"mismatches", "share of the bound", "whole batch over the larger"}


def test_bounds_belong_to_the_unchanged_preset_and_its_largest_batch() -> None:
    assert hardware.find_bounds(PRESETS["paper"], 64, 3072) == "paper"
    assert hardware.find_bounds(PRESETS["large"], 256, 3072) == "large"
    assert hardware.find_bounds(PRESETS["paper"], 63, 3072) == ""
    assert hardware.find_bounds(PRESETS["paper"], 64, 64) == ""
    assert hardware.find_bounds(configuration.load("paper", ["lanes=8"]), 64, 3072) == ""
    assert hardware.find_bounds(TINY, 16, 64) == ""


def test_a_job_takes_whole_batches() -> None:
    with pytest.raises(UserError, match="40 images: a job of 3 batches of 16 takes 48"):
        hardware.measure(TINY, np.zeros((40, 64), np.uint8), 16, 5.0)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "large"])
def test_bounds_hold_on_real_images(preset: str, shared_data: Path) -> None:
    """The whole of ``bench hardware``: every figure with its bound, every value compared."""
    config = PRESETS[preset]
    data = str(shared_data / "native" / "cifar-10-batches-py")
    images = load(data, most=hardware.BATCHES * config.images).images
    figures = hardware.measure(config, images, config.images, perplexity=15)
    assert [figure for figure in figures if not figure.holds] == []
    bound = {(figure.subject, figure.name) for figure in figures if figure.relation in ("<=", ">=")}
    phases = {("window", f"{phase} phase") for phase in ("distance", "search", "embed")}
    assert phases <= bound
    if preset == "paper":
        job = f"{hardware.BATCHES} batches from memory"
        assert {(job, "share of the bound"), (job, "whole batch over the larger")} <= bound
        assert {("window", "search over de-rand1's"), ("de-rand1", "search phase")} <= bound
