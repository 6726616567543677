# SPDX-License-Identifier: Apache-2.0
"""Distances against brute force and scipy."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from nms.contract.errors import UserError
from nms.golden import exact


@pytest.mark.parametrize("shape", [(7, 1), (9, 5, 3), (4, 3072), (3, 5, 6000)])
def test_distances_equal_brute_force(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    images[0], images[1] = 0, 255
    rows = images.reshape(len(images), -1).tolist()
    expected = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in rows] for x in rows]
    result = exact.distances(images)
    assert result.dtype == np.int64
    assert result.tolist() == expected


@pytest.mark.parametrize(
    ("images", "said"),
    [(np.zeros((4, 2)), "float64"), (np.zeros((4, 0), np.uint8), "shape"), (np.zeros(4, np.uint8), "shape")],
)
def test_distances_refuse(images: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=said):
        exact.distances(images)


def test_off_diagonal_and_back() -> None:
    matrix = np.arange(25).reshape(5, 5)
    rows = exact.off_diagonal(matrix)
    assert rows.tolist() == [[x for x in row if x != 6 * i] for i, row in enumerate(matrix.tolist())]
    assert (exact.with_diagonal(rows) == np.where(np.eye(5, dtype=bool), 0, matrix)).all()


def test_feature_distances_of_many_features() -> None:
    """Summed in several parts."""
    features = np.random.default_rng(4).normal(size=(6, 40_000))
    distance = exact.feature_distances(features)
    expected = squareform(pdist(features, "sqeuclidean"))
    np.testing.assert_allclose(distance / distance.max(), expected / expected.max(), rtol=1e-13)


def test_feature_distances() -> None:
    rng = np.random.default_rng(4)
    features = rng.normal(0, 1e-3, (40, 30))
    features[7] = features[3]
    distance = exact.feature_distances(features)
    ratio = distance / distance.max()
    expected = squareform(pdist(features, "sqeuclidean"))
    np.testing.assert_allclose(ratio, expected / expected.max(), rtol=0, atol=2.0**-50)
    assert distance[3, 7] == 0
    assert 2**51 <= distance.max() <= 2**52
    assert (distance == exact.feature_distances(features * 2.0**900)).all()
    assert (exact.feature_distances(np.zeros((3, 2))) == 0).all()
