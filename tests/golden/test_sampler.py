# SPDX-License-Identifier: Apache-2.0
"""Whole runs of the bit-true model: hard inputs, real images, any count, one profile against the other."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.contract.bounds import Bounds
from nms.contract.config import PRESETS, Config, HerdingConfig, load
from nms.contract.errors import UserError
from nms.contract.settings import LeanSettings, Settings
from nms.contract.tables import HerdingTables, Status, Tables
from nms.golden import exact, herding, sampler
from nms.golden.reduction import reduce

presets = pytest.mark.parametrize("config", [PRESETS["paper"], PRESETS["edge"]], ids=lambda c: c.formats)


def digits(count: int, first: int = 0) -> np.ndarray:
    return load_digits().data[first : first + count].astype(np.uint8)


def run(config: Config, images: np.ndarray, **settings: float) -> Tables:
    count, pixels = images.shape
    return sampler.run(config, Settings.make(config, count, pixels, **settings), images)  # type: ignore[arg-type]


def sound(config: Config, tables: Tables, keep: int) -> None:
    """What holds for every run: types, symmetric tables, ranges, exactly K ascending indices."""
    p = config.profile
    for field in fields(tables):
        assert getattr(tables, field.name).dtype == np.int64
    assert np.array_equal(tables.affinity, tables.affinity.T)
    assert tables.affinity.min() >= 0
    assert np.abs(tables.embedding).max() <= p.position.max
    count = len(tables.minimum)
    assert abs(tables.affinity.sum() * p.affinity.lsb - count) <= count**2 * Bounds(config).affinity
    assert len(tables.kept) == keep
    assert (np.diff(tables.kept) > 0).all()
    assert tables.kept[0] >= 0
    assert tables.kept[-1] < count


@presets
def test_digits(config: Config) -> None:
    tables = run(config, digits(64))
    sound(config, tables, 19)
    assert (tables.status == Status.SOLVED).all()
    assert np.median(tables.generations) <= 60


def test_a_run_again_is_the_same() -> None:
    first, second = (run(PRESETS["tiny"], digits(16), perplexity=5) for _ in range(2))
    assert all(np.array_equal(getattr(first, name), getattr(second, name)) for name in Tables.names())
    other = run(PRESETS["tiny"], digits(16), perplexity=5, seed=2)
    assert not np.array_equal(first.embedding_init, other.embedding_init)
    assert np.array_equal(first.distance, other.distance)


@presets
@pytest.mark.parametrize("count", [4, 5, 7, 13, 31, 63])
def test_any_count(config: Config, count: int) -> None:
    tables = run(config, digits(count), perplexity=max(1.5, min(15, count / 2)), iterations=40)
    sound(config, tables, int(0.3 * count + 0.5))
    assert (tables.status == Status.SOLVED).all()


HARD: dict[str, tuple[np.ndarray, float, set[Status]]] = {
    "all equal": (np.full((16, 64), 77, np.uint8), 5, {Status.INFEASIBLE}),
    "all black": (np.zeros((16, 64), np.uint8), 5, {Status.INFEASIBLE}),
    "all white": (np.full((16, 64), 255, np.uint8), 5, {Status.INFEASIBLE}),
    "all equal, largest target": (np.full((16, 64), 1, np.uint8), 14.9, {Status.INFEASIBLE}),
    "as many equal as the target": (
        np.concatenate([np.full((6, 64), 9, np.uint8), digits(10)]), 5, {Status.SATURATED, Status.SOLVED},
    ),
    "more equal than the target": (
        np.concatenate([np.full((9, 64), 200, np.uint8), digits(7)]), 5, {Status.INFEASIBLE, Status.SOLVED},
    ),
    "fewer equal than the target": (
        np.concatenate([np.full((3, 64), 9, np.uint8), digits(13)]), 5, {Status.SOLVED},
    ),
    "one pixel": (np.arange(16, dtype=np.uint8)[:, None] ** 2, 5, {Status.SOLVED}),
    "one pixel, two values": (
        np.array([[0], [255]] * 8, np.uint8), 8.5, {Status.SOLVED},
    ),
    "one outlier": (
        np.concatenate([np.full((1, 64), 255, np.uint8), digits(15) // 8]), 5,
        {Status.SOLVED, Status.INFEASIBLE, Status.SATURATED},
    ),
    "one outlier of equal ones": (
        np.concatenate([np.full((1, 64), 255, np.uint8), np.zeros((15, 64), np.uint8)]), 5,
        {Status.INFEASIBLE},
    ),
    "smallest gap at full scale": (
        np.concatenate([np.arange(12, dtype=np.uint8)[:, None] // np.ones((1, 64), np.uint8),
                        np.full((4, 64), 255, np.uint8)]), 5, {Status.SOLVED},
    ),
    "just above the perplexity": (digits(7), 5.9, {Status.SOLVED}),
    "smallest target": (digits(16), 1.01, {Status.SOLVED}),
}  # fmt: skip


@pytest.mark.parametrize("formats", ["wide", "edge"])
@pytest.mark.parametrize("name", HARD)
def test_hard_inputs(formats: str, name: str) -> None:
    """No signal leaves its format (the model checks), statuses are right, exactly K are kept."""
    images, perplexity, statuses = HARD[name]
    config = load("tiny", [f"formats={formats}"])
    for ratio in (0.3, 1.0):
        tables = run(config, images, perplexity=perplexity, iterations=60, ratio=ratio)
        sound(config, tables, int(ratio * len(images) + 0.5))
        assert set(tables.status.tolist()) <= statuses
        goal = perplexity * 2**config.profile.perplexity.fraction
        ties = tables.ties << config.profile.perplexity.fraction
        assert ((tables.status == Status.INFEASIBLE) == (ties > goal)).all()
        if name.startswith("all "):
            assert np.array_equal(tables.scale, np.zeros(16))
            assert np.ptp(tables.affinity[~np.eye(16, dtype=bool)]) == 0


def test_equal_images_at_the_full_batch() -> None:
    for name in ("paper", "edge"):
        config = PRESETS[name]
        images = np.zeros((64, 3072), np.uint8)
        sound(config, run(config, images), 19)
        images[0] = 255
        tables = run(config, images)
        sound(config, tables, 19)
        assert tables.minimum[0] == 3072 * 255**2


def test_images_that_do_not_match() -> None:
    config = PRESETS["tiny"]
    settings = Settings.make(config, 16, 64, perplexity=5)
    with pytest.raises(UserError, match="16 images of 64 bytes"):
        sampler.run(config, settings, digits(15))
    assert len(sampler.run(config, settings, digits(16).reshape(16, 8, 8)).kept) == 5


HERDING = load("herding", ["side=32", "pixels=3072"])


@pytest.mark.parametrize(("side", "grey"), [(0, False), (4, False), (4, True), (8, False), (8, True)])
def test_herding_is_its_parts(side: int, grey: bool) -> None:
    """Images of any shape, with height and width or flat, are reduced, compared and herded."""
    assert isinstance(HERDING, HerdingConfig)
    images = np.random.default_rng(side).integers(0, 256, (20, 13, 9, 3), np.uint8)
    settings = LeanSettings.make(HERDING, 20, (13, 9, 3), ratio=0.4, side=side, grey=grey)
    tables = sampler.run(HERDING, settings, images)
    flat = sampler.run(HERDING, settings, images.reshape(20, -1))
    assert HerdingTables.names() == ["distance", "standing", "kept"]
    for name in HerdingTables.names():
        assert getattr(tables, name).dtype == np.int64
        assert np.array_equal(getattr(tables, name), getattr(flat, name))
    distance = exact.distances(reduce(images.reshape(20, -1), settings))
    assert np.array_equal(tables.distance, distance)
    assert np.array_equal(tables.kept, herding.choose(distance, 8))


def test_settings_of_another_method() -> None:
    settings = Settings.make(PRESETS["tiny"], 16, 64, perplexity=5)
    with pytest.raises(TypeError, match="HerdingConfig does not go with Settings"):
        sampler.run(HERDING, settings, digits(16))


def overlap(first: Tables, second: Tables) -> float:
    return len(np.intersect1d(first.kept, second.kept)) / len(first.kept)


@pytest.mark.slow
def test_edge_keeps_what_paper_keeps_of_digits() -> None:
    shares = [
        overlap(*(run(PRESETS[name], digits(64, 64 * seed), seed=seed) for name in ("paper", "edge")))
        for seed in (1, 2, 3)
    ]
    assert min(shares) >= 0.94  # 18 of 19
    assert np.mean(shares) >= 0.95


@pytest.mark.slow
def test_edge_keeps_what_paper_keeps_of_cifar(shared_data: Path) -> None:
    with np.load(shared_data / "cifar10_exact4000.npz") as archive:
        images = archive["x_train"].reshape(4000, -1)
    shares = []
    for seed in (1, 2, 3):
        batch = images[64 * seed : 64 * seed + 64]
        paper, edge = (run(PRESETS[name], batch, seed=seed) for name in ("paper", "edge"))
        assert (paper.status == Status.SOLVED).all()
        assert np.median(paper.generations) <= 60
        assert max(paper.generations.max(), edge.generations.max()) < 128
        shares.append(overlap(paper, edge))
    assert np.mean(shares) >= 0.95
