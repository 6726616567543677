# SPDX-License-Identifier: Apache-2.0
"""Reduction and picks of the published sampler: the contract by hand, scikit-learn, and float64."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.manifold._t_sne import _joint_probabilities
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from nms.contract.config import Config, load_published
from nms.contract.settings import Pick, Settings
from nms.contract.tables import Tables
from nms.golden import exact, sampler
from nms.golden.exact.picks import choose as exact_choose
from nms.golden.exact.reduction import reduce as exact_reduce
from nms.golden.grid import assign_cells
from nms.golden.picks import choose
from tests.golden.plain import plain_kept, plain_keys, plain_reduce

TINY = load_published("tiny", ["side=16", "pixels=768", "picks=1"])
PAPER = load_published("paper", ["side=32", "picks=1"])

picks = pytest.mark.parametrize("pick", [pick for pick in Pick if pick is not Pick.HERDING], ids=str)


def run(
    images: np.ndarray, shape: tuple[int, ...], config: Config = TINY, **given: Any
) -> tuple[Settings, Tables]:
    given = {"perplexity": min(5, len(images) / 2), "iterations": 40} | given
    settings = Settings.make(config, len(images), shape, **given)
    return settings, sampler.run(config, settings, images)


def photographs(count: int, shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Images whose neighbours are alike: a coarse pattern, moved and with noise."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    y, x = np.indices((height, width))
    phase = rng.uniform(0, 6, (count, 1, 1, channels))
    pattern = 90 * np.sin((y / height + 2 * x / width)[None, :, :, None] * 3 + phase)
    return np.clip(128 + pattern + rng.normal(0, 20, (count, *shape)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("side", [4, 8, 16, None])
@pytest.mark.parametrize(
    ("channels", "planes", "grey"), [(1, False, False), (3, False, False), (3, True, False), (3, False, True)]
)
def test_tables_are_those_of_the_reduced_images(
    side: int | None, channels: int, planes: bool, grey: bool
) -> None:
    """Larger images and their boxes' means, taken as they are, give the same tables."""
    images = photographs(12, (21, 13, channels))
    stored = np.moveaxis(images, 3, 1) if planes else images
    settings, tables = run(stored, stored.shape[1:], side=side, planes=planes, grey=grey)
    flat = stored.reshape(12, -1)
    means = np.array([plain_reduce(image, settings) for image in flat.tolist()], np.uint8)
    assert means.shape == (12, settings.reduced)
    as_they_are, same = run(means, means.shape[1:])
    assert as_they_are.side == 0
    for field in fields(tables):
        assert np.array_equal(getattr(tables, field.name), getattr(same, field.name)), field.name
    difference = means[:, None].astype(int) - means[None]
    assert np.array_equal(tables.distance, (difference**2).sum(axis=2))


@picks
@pytest.mark.parametrize("count", [4, 6, 7, 16])
def test_picks_by_hand(pick: Pick, count: int) -> None:
    for ratio in (1 / count, 0.3, 0.5, 1.0):
        settings, tables = run(
            photographs(count, (20, 30, 3), count), (20, 30, 3), pick=str(pick), ratio=ratio
        )
        cell, offset = assign_cells(tables.embedding, settings.keep)
        matrices = tables.distance.tolist(), tables.affinity.tolist()
        key = plain_keys(pick, cell.tolist(), offset.tolist(), *matrices)
        assert tables.kept.tolist() == plain_kept(key, cell.tolist(), settings.keep)


@picks
def test_the_pick_changes_what_is_kept_alone(pick: Pick) -> None:
    images = photographs(16, (20, 30, 3))
    centre, tables = run(images, (20, 30, 3))[1], run(images, (20, 30, 3), pick=str(pick))[1]
    for field in fields(tables):
        equal = np.array_equal(getattr(tables, field.name), getattr(centre, field.name))
        assert equal == (field.name != "kept" or pick is Pick.CENTRE)


def test_keys_of_scikit_learn() -> None:
    """Its distances and its neighbours, of the means in float64 rounded half up, keep the same."""
    images = photographs(16, (32, 64, 3))
    means = np.floor(exact_reduce(images, 16) + 0.5).reshape(16, -1)
    distance = pairwise_distances(means, metric="sqeuclidean")
    fifth = NearestNeighbors(n_neighbors=5).fit(means).kneighbors()[0][:, -1]
    for pick in (Pick.MEDOID, Pick.NEIGHBOUR):
        settings, tables = run(images, images.shape[1:], pick=str(pick))
        assert np.array_equal(np.rint(distance), tables.distance)
        cell, _ = assign_cells(tables.embedding, settings.keep)
        key = fifth if pick is Pick.NEIGHBOUR else (distance * (cell[:, None] == cell)).sum(axis=1)
        assert tables.kept.tolist() == plain_kept(key.tolist(), cell.tolist(), settings.keep)


@picks
def test_equal_images_are_kept_by_their_index(pick: Pick) -> None:
    """All points have equal distances and affinities, so that but for the centre the index decides."""
    _, tables = run(np.full((16, 20, 20, 1), 9, np.uint8), (20, 20, 1), pick=str(pick), iterations=0)
    cell, offset = assign_cells(tables.embedding, 5)
    key = offset.tolist() if pick is Pick.CENTRE else [0] * 16
    assert tables.kept.tolist() == plain_kept(key, cell.tolist(), 5)


def test_distances_within_the_roundings() -> None:
    """Each mean is off by at most 1/2, and a difference by 1: ``|D - D'| <= sum(2 |d'| + 1)``."""
    images = photographs(16, (45, 31, 3))
    _, tables = run(images, images.shape[1:])
    mean = exact_reduce(images, 16).reshape(16, -1)
    difference = np.abs(mean[:, None] - mean[None])
    error = tables.distance - (difference**2).sum(axis=2)
    assert (np.abs(error) <= (2 * difference + 1).sum(axis=2) + 1e-6).all()


class TestFloat64:
    """The same without rounding."""

    def test_affinities_of_scikit_learn(self) -> None:
        images = photographs(24, (45, 31, 3))
        result = exact.run(images, 5, 6.0, iterations=1, side=8)
        means = exact_reduce(images, 8).reshape(24, -1)
        theirs = _joint_probabilities(pairwise_distances(means, metric="sqeuclidean"), 6.0, 0)
        ours = result.affinity[np.triu_indices(24, 1)] / 24
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-7)  # float32, and a looser search

    @picks
    def test_whole_means_are_images(self, pick: Pick) -> None:
        """Boxes of equal pixels lose nothing: enlarged digits are kept like the digits themselves."""
        digits = load_digits().images[:64].astype(np.uint8)
        large = np.kron(digits, np.ones((1, 4, 3), np.uint8))
        own = exact.run(digits, 19, seed=3, pick=pick)
        reduced = exact.run(large, 19, seed=3, side=8, pick=pick)
        assert np.array_equal(own.kept, reduced.kept)
        np.testing.assert_allclose(own.embedding, reduced.embedding, rtol=0, atol=1e-9)
        colours = exact.run(np.stack([large] * 3, axis=3), 19, seed=3, side=8, grey=True, pick=pick)
        assert np.array_equal(own.kept, colours.kept)

    def test_the_model_is_near(self) -> None:
        """The wide formats, from the same start, of means that are not whole: map and picks."""
        images = np.kron(load_digits().images[:64].astype(np.uint8) * 15, np.ones((1, 5, 5), np.uint8))
        images = np.roll(images, (2, 2), axis=(1, 2))
        _, tables = run(images, (40, 40), PAPER, perplexity=15, iterations=300, side=8, search="window")
        lsb = PAPER.profile.position.lsb
        ours = exact.run(images, 19, y0=tables.embedding_init * lsb, side=8)
        assert np.abs(tables.embedding * lsb - ours.embedding).max() < 0.005 * np.ptp(ours.embedding)
        for pick in (Pick.CENTRE, Pick.MEDOID, Pick.HUB, Pick.NEIGHBOUR):
            theirs = choose(pick, tables.embedding, 19, tables.distance, tables.affinity)
            same = exact_choose(pick, ours.embedding, 19, ours.distance, ours.affinity)
            assert len(np.intersect1d(theirs, same)) >= 17
