# SPDX-License-Identifier: Apache-2.0
"""Whole runs of the lean sampler: every pick, hard groups, any count, groups together and alone."""

from dataclasses import fields, replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.contract.config import PRESETS, LeanConfig
from nms.contract.errors import UserError
from nms.contract.settings import LeanSettings, Pick
from nms.contract.tables import LeanTables, Status
from nms.golden import herding, sampler
from nms.golden.lean.sampler import run_groups
from tests.golden.lean.plain import plain_affinities, plain_embed, plain_search

LEAN, LEAN256 = (PRESETS[name] for name in ("lean", "lean256"))
assert isinstance(LEAN, LeanConfig)
assert isinstance(LEAN256, LeanConfig)

MAP_PICKS = [pick for pick in Pick if pick is not Pick.HERDING]


def digits(count: int, first: int = 0) -> np.ndarray:
    return load_digits().images[first : first + count].astype(np.uint8)


def sound(tables: LeanTables, keep: int) -> None:
    """What holds for every run: types, symmetric tables, ranges, exactly K ascending indices."""
    for field in fields(tables):
        assert getattr(tables, field.name).dtype == np.int64
    count = len(tables.distance)
    assert np.array_equal(tables.affinity, tables.affinity.T)
    assert tables.affinity.min() >= 0
    assert len(tables.kept) == keep
    assert (np.diff(tables.kept) > 0).all()
    assert tables.kept[0] >= 0
    assert tables.kept[-1] < count


def same(tables: LeanTables, other: LeanTables) -> bool:
    return all(np.array_equal(getattr(tables, name), getattr(other, name)) for name in LeanTables.names())


@pytest.mark.parametrize("pick", MAP_PICKS)
@pytest.mark.parametrize("count", [4, 5, 13, 64])
def test_tables_are_those_of_the_contract(pick: Pick, count: int) -> None:
    settings = LeanSettings.make(
        LEAN, count, (8, 8), perplexity=min(15, count / 2), pick=str(pick), iterations=20
    )
    seen: list[np.ndarray] = []
    tables = sampler.run(LEAN, settings, digits(count), on_iteration=seen.append)
    sound(tables, settings.keep)
    rows = plain_search(tables.distance.tolist(), settings.target, settings.evaluations)
    for name in ("minimum", "scale", "ties", "mantissa", "exponent", "entropy", "evaluations", "status"):
        assert getattr(tables, name).tolist() == [row[name] for row in rows], name
    joint = plain_affinities([row["weights"] for row in rows], [row["sums"] for row in rows])
    assert tables.affinity.tolist() == joint
    assert tables.embedding.tolist() == plain_embed(joint, tables.embedding_init.tolist(), 20, 5)
    assert np.array_equal(seen[-1], tables.embedding)
    assert np.abs(tables.embedding_init).max() <= 1 << 10


def test_herding_needs_no_map() -> None:
    settings = LeanSettings.make(LEAN, 64, (8, 8))
    tables = sampler.run(LEAN, settings, digits(64))
    sound(tables, 19)
    assert np.array_equal(tables.kept, herding.choose(tables.distance, 19))
    for name in LeanTables.names():
        assert name in ("distance", "standing", "kept") or not getattr(tables, name).any(), name


HARD: dict[str, tuple[np.ndarray, float, set[Status]]] = {
    "all equal": (np.full((16, 8, 8), 77, np.uint8), 5, {Status.INFEASIBLE}),
    "one outlier of equal ones": (
        np.concatenate([np.full((1, 8, 8), 255, np.uint8), np.zeros((15, 8, 8), np.uint8)]), 5,
        {Status.INFEASIBLE},
    ),
    "one outlier": (
        np.concatenate([np.full((1, 8, 8), 255, np.uint8), digits(15) // 4]), 5,
        {Status.SOLVED, Status.UNCONVERGED},
    ),
    "twins": (np.repeat(digits(8), 2, axis=0), 5, {Status.SOLVED, Status.UNCONVERGED}),
}  # fmt: skip


@pytest.mark.parametrize("pick", MAP_PICKS)
@pytest.mark.parametrize("name", HARD)
def test_hard_groups(name: str, pick: Pick) -> None:
    """No signal leaves its format (the model checks), statuses are right, exactly K are kept."""
    images, perplexity, statuses = HARD[name]
    for ratio in (0.3, 1.0):
        settings = LeanSettings.make(
            LEAN, len(images), (8, 8), perplexity=perplexity, ratio=ratio, pick=str(pick)
        )
        tables = sampler.run(LEAN, settings, images)
        sound(tables, settings.keep)
        assert set(tables.status.tolist()) <= statuses


@pytest.mark.parametrize("pick", Pick)
def test_groups_together_are_as_alone(pick: Pick) -> None:
    images = np.stack([digits(24, 24 * k).reshape(24, 64) for k in range(4)] + [np.zeros((24, 64), np.uint8)])
    keeps, seeds = [7, 1, 24, 8, 5], [1, 2, 3, 1, 9]
    settings = LeanSettings.make(LEAN, 24, (8, 8), perplexity=6, pick=str(pick))
    together = run_groups(LEAN, settings, images, keeps, seeds)
    for tables, group, keep, seed in zip(together, images, keeps, seeds, strict=True):
        assert same(tables, sampler.run(LEAN, replace(settings, keep=keep, seed=seed), group))


def test_largest_group() -> None:
    settings = LeanSettings.make(LEAN256, 256, (8, 8), pick="medoid")
    tables = sampler.run(LEAN256, settings, digits(256))
    sound(tables, 77)
    assert (tables.status == Status.SOLVED).mean() > 0.8
    assert np.ptp(tables.embedding, axis=0).min() > 8 << 12


def test_images_that_do_not_match() -> None:
    settings = LeanSettings.make(LEAN, 16, (8, 8), perplexity=5, pick="hub")
    with pytest.raises(UserError, match="16 images of 64 bytes"):
        sampler.run(LEAN, settings, digits(15))
