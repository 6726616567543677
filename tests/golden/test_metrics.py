# SPDX-License-Identifier: Apache-2.0
"""Map quality against scikit-learn's own figures."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as reference

from nms.golden import exact
from nms.golden.metrics import kl_divergence, trustworthiness


@pytest.mark.parametrize(("count", "neighbours"), [(64, 5), (64, 1), (40, 12), (11, 5)])
@pytest.mark.parametrize("seed", [1, 2])
def test_trustworthiness_is_that_of_scikit_learn(count: int, neighbours: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 1, (count, 30))  # real numbers: no equal distances, whose order would differ
    y = points[:, :2] + rng.normal(0, 1, (count, 2))
    distance = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    theirs = reference(np.sqrt(distance), y, n_neighbors=neighbours, metric="precomputed")
    assert trustworthiness(distance, y, neighbours) == pytest.approx(theirs, rel=1e-12)


def test_trustworthiness_of_few_points() -> None:
    distance = exact.distances(np.array([[0], [1], [3], [7]], np.uint8))
    assert trustworthiness(distance, np.array([[0.0, 0], [1, 0], [3, 0], [7, 0]])) == 1.0


def test_divergence_is_zero_only_at_equality() -> None:
    y = np.random.default_rng(1).normal(0, 1, (30, 2))
    w = 1.0 / (1.0 + ((y[:, None] - y[None]) ** 2).sum(axis=2))
    np.fill_diagonal(w, 0.0)
    assert abs(kl_divergence(w * 3.0, y)) < 1e-14
    assert kl_divergence(np.ones((30, 30)) - np.eye(30), y) > 0.01
