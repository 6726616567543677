# SPDX-License-Identifier: Apache-2.0
"""The whole sampler, from images to kept indices: every table equals the model's."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from nms.contract.config import PRESETS, Config
from nms.contract.registers import result_offsets
from nms.contract.settings import Settings
from nms.contract.tables import Tables
from nms.datasets import load
from nms.golden import sampler as golden
from nms.rtl.export import emit
from nms.sim import sampler
from nms.sim.check import check
from nms.sim.compare import compare
from nms.sim.models.streams import Stalls

TINY = PRESETS["tiny"]


def batch(config: Config, data: str, count: int, **changes: float) -> tuple[Settings, np.ndarray]:
    """Settings and images of a batch."""
    images = load(data, count).images
    return Settings.make(config, *images.shape, **changes), images


def agree(config: Config, settings: Settings, images: np.ndarray, **options) -> sampler.HardwareRun:
    """Run hardware and model; all tables are equal and complete."""
    hardware = sampler.run(config, settings, images, **options)
    models = [golden.run(config, settings, batch) for batch in images.reshape(-1, *images.shape[-2:])]
    found = compare(hardware.tables, models[-1])
    n = settings.count
    assert sum(table.compared for table in found) == 2 * n * n + 12 * n + settings.keep
    if options.get("bus") == "axi":
        for written, model in zip(hardware.written, models, strict=True):
            found += compare(written, model)
    assert [table for table in found if table.mismatches] == []
    return hardware


@pytest.mark.parametrize("stalls", [Stalls.NONE, Stalls.RANDOM])
def test_tiny_on_digits(stalls: Stalls) -> None:
    settings, images = batch(TINY, "digits", 16, perplexity=5.0, iterations=50)
    run = agree(TINY, settings, images, stalls=stalls)
    assert len(run.tables.kept) == settings.keep == 5
    assert all(cycles > 0 for cycles in run.cycles.values())
    assert sum(run.cycles.values()) < run.simulated_cycles
    assert all(0 < share <= 1 for share in run.utilisation.values())


@pytest.mark.parametrize("stalls", [Stalls.NONE, Stalls.RANDOM])
def test_tiny_on_digits_through_the_buses(stalls: Stalls) -> None:
    images = load("digits", 32).images
    settings = Settings.make(TINY, 16, images.shape[1], perplexity=5.0, iterations=20)
    run = agree(TINY, settings, images.reshape(2, 16, -1), stalls=stalls, bus="axi")
    assert all(cycles > 0 for cycles in run.cycles.values())
    crossed = {
        "bytes_read": 2 * 16 * 64,
        "bytes_written": 2 * result_offsets(16, settings.keep)[2],
        "bytes_sent": 2 * settings.keep * 64,
    }
    assert run.traffic == {"counters": crossed, "monitors": crossed}


@pytest.mark.slow
def test_a_given_verilog_file_is_what_runs(tmp_path: Path) -> None:
    """Another seed of the random numbers in the file shows in the points, not in the distances."""
    settings, images = batch(TINY, "digits", 8, perplexity=3.0, iterations=5)
    text = emit.sampler_verilog(TINY)
    path = tmp_path / "sampler.v"
    wrong, changes = re.subn(r"\.seed\((settings\[\d+:\d+\])\)", r".seed(~\1)", text)
    assert changes == 1
    path.write_text(wrong)
    run = sampler.run(TINY, settings, images, verilog=path)
    found = {
        table.name: table.mismatches for table in compare(run.tables, golden.run(TINY, settings, images))
    }
    assert found["embedding_init"] > 0
    assert found["distance"] == 0


@pytest.mark.parametrize("quick", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_the_regressions_of_the_sampler_pass(quick: bool) -> None:
    (result,) = check(TINY, ["sampler"], quick=quick)
    assert result, result.failures
    assert result.compared > (8_000 if quick else 20_000)


def test_comparison_counts_and_names_what_differs() -> None:
    settings, images = batch(TINY, "digits", 8, perplexity=3.0, iterations=5)
    model = golden.run(TINY, settings, images)
    values = {name: getattr(model, name).copy() for name in Tables.names()}
    values["affinity"][2, 3] += 1
    values["affinity"][7, 0] += 1
    values["kept"] = values["kept"][:-1]
    found = {table.name: table for table in compare(Tables(**values), model)}
    assert (found["affinity"].compared, found["affinity"].mismatches) == (64, 2)
    assert found["affinity"].first is not None
    assert found["affinity"].first.startswith("[2, 3] is ")
    assert found["kept"].mismatches == len(model.kept)
    assert sum(table.mismatches for table in found.values()) == 2 + len(model.kept)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "edge"])
@pytest.mark.parametrize(
    ("count", "changes"),
    [(64, {}), (64, {"perplexity": 5.0, "seed": 2}), (37, {"perplexity": 30.0}), (8, {"perplexity": 3.0})],
)
def test_digits(preset: str, count: int, changes: dict[str, float]) -> None:
    config = PRESETS[preset]
    run = agree(config, *batch(config, "digits", count, **changes))
    assert run.utilisation["search"] > (0.95 if count == 64 else 0)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "edge"])
@pytest.mark.parametrize(("batches", "count", "search"), [(1, 64, "de-rand1"), (3, 30, "window")])
def test_whole_jobs_through_paused_buses(preset: str, batches: int, count: int, search: str) -> None:
    """Pauses on every channel and random latencies; large images of few shapes and noise."""
    config = PRESETS[preset]
    rng = np.random.default_rng(5)
    shapes = rng.integers(0, 200, (8, config.pixels))
    images = shapes[rng.integers(0, 8, (batches, count))] + rng.integers(
        0, 56, (batches, count, config.pixels)
    )
    settings = Settings.make(config, count, config.pixels, perplexity=9.0, iterations=40, search=search)
    agree(config, settings, images.astype(np.uint8), stalls=Stalls.RANDOM, bus="axi")


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "edge"])
@pytest.mark.parametrize("data", ["native/cifar-10-batches-py", "native/fashion"])
def test_large_images(preset: str, data: str, shared_data: Path) -> None:
    config = PRESETS[preset]
    run = agree(config, *batch(config, os.fspath(shared_data / data), 64))
    assert len(run.tables.kept) == 19
    assert run.utilisation["distance"] >= 0.97 or data.endswith("fashion")
