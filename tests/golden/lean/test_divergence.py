# SPDX-License-Identifier: Apache-2.0
"""Maps of real images: as good as without rounding, and nearly as good as the published schedule's.

Of 28 groups of 64 images, reduced to 8 x 8, each judged by its divergence from the affinities that
Newton's search finds.
"""

import math
from functools import cache

import numpy as np
import pytest

from nms.contract.config import PRESETS, LeanConfig
from nms.contract.settings import LeanSettings
from nms.contract.tables import LeanTables, Status
from nms.golden import exact
from nms.golden.exact import lean
from nms.golden.lean.sampler import run_groups
from nms.golden.metrics import kl_divergence
from tests.golden.exact.data import Load, cifar, digits, fashion

LEAN = PRESETS["lean"]
assert isinstance(LEAN, LeanConfig)

GROUPS, COUNT = 28, 64


@cache
def tables(load: Load, iterations: int = 48) -> list[LeanTables]:
    images = load(GROUPS * COUNT)
    settings = LeanSettings.make(LEAN, COUNT, images.shape[1:], pick="medoid", iterations=iterations)
    groups = images.reshape(GROUPS, COUNT, -1)
    return run_groups(LEAN, settings, groups, [settings.keep] * GROUPS, range(1, GROUPS + 1))


@cache
def joint(load: Load) -> list[np.ndarray]:
    return [exact.affinities(one.distance, 15.0).joint for one in tables(load)]


def divergence(load: Load, maps: list[np.ndarray]) -> float:
    """Mean divergence of the groups' maps."""
    return float(np.mean([kl_divergence(p, y) for p, y in zip(joint(load), maps, strict=True)]))


@cache
def divergence_of_model(load: Load, iterations: int = 48) -> float:
    return divergence(load, [one.embedding / 4096 for one in tables(load, iterations)])


@cache
def divergence_of_schedule(load: Load) -> float:
    """That of 300 iterations in float64, from the same starts."""
    starts = [one.embedding_init / 4096 for one in tables(load)]
    return divergence(load, [exact.embed(p, y) for p, y in zip(joint(load), starts, strict=True)])


three = pytest.mark.parametrize("load", [digits, cifar, fashion])


@three
def test_as_good_as_without_rounding(load: Load) -> None:
    maps = []
    for one in tables(load):
        found = lean.search(one.distance, math.log2(15.0))
        maps.append(lean.embed(found.joint, one.embedding_init / 4096))
    assert divergence_of_model(load) < 1.01 * divergence(load, maps)


@pytest.mark.parametrize(("load", "ratio"), [(digits, 1.08), (cifar, 1.02), (fashion, 1.04)])
def test_nearly_as_good_as_the_published_schedule(load: Load, ratio: float) -> None:
    """48 iterations against 300 from the same start."""
    assert divergence_of_model(load) < ratio * divergence_of_schedule(load)


@three
def test_62_iterations_are_within_4_percent(load: Load) -> None:
    assert divergence_of_model(load, 62) < 1.04 * divergence_of_schedule(load)


@pytest.mark.parametrize(
    ("load", "evaluations", "unsolved"), [(digits, 4.3, 0.08), (cifar, 4.0, 0.05), (fashion, 4.0, 0.05)]
)
def test_few_evaluations_solve_most_rows(load: Load, evaluations: float, unsolved: float) -> None:
    own = tables(load)
    assert np.mean([one.evaluations for one in own]) < evaluations
    assert np.mean([one.status != Status.SOLVED for one in own]) < unsolved
    off = np.abs(np.array([one.entropy for one in own]) - round(math.log2(15.0) * 256))
    assert np.quantile(off, 0.99) < 64
