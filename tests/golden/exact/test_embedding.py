# SPDX-License-Identifier: Apache-2.0
"""The gradient and the schedule against scikit-learn, finite differences and a computation by hand."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import squareform
from sklearn.manifold import TSNE
from sklearn.manifold._t_sne import _kl_divergence

from nms.golden import exact
from nms.golden.metrics import kl_divergence
from tests.golden.exact.data import Load, digits, real


@real
def test_gradient_against_scikit_learn(load: Load) -> None:
    joint = exact.affinities(exact.distances(load(64)), 15.0).joint
    y = np.random.default_rng(2).normal(0, 2, (64, 2))
    divergence, slope = _kl_divergence(y.ravel(), squareform(joint) / 64, 1, 64, 2)
    np.testing.assert_allclose(exact.gradient(joint, y), slope.reshape(64, 2) * 16, rtol=0, atol=1e-13)
    assert kl_divergence(joint, y) == pytest.approx(divergence, rel=1e-12)


@pytest.mark.parametrize("exaggeration", [1.0, 2.0])
def test_gradient_against_finite_differences(exaggeration: float) -> None:
    joint = exact.affinities(exact.distances(digits(20)), 5.0).joint
    y = np.random.default_rng(2).normal(0, 1, (20, 2))

    def potential(y: np.ndarray) -> float:
        """Its gradient is 4 g: N/4 times the divergence but for constants, its first term exaggerated."""
        w = 1.0 / (1.0 + ((y[:, None] - y[None]) ** 2).sum(axis=2))
        np.fill_diagonal(w, 1.0)
        return -exaggeration * (joint * np.log(w)).sum() / 4 + 20 * math.log(w.sum() - 20) / 4

    slope = np.empty_like(y)
    for index in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[index] = 1e-5
        slope[index] = (potential(y + step) - potential(y - step)) / 2e-5
    np.testing.assert_allclose(exact.gradient(joint, y, exaggeration), slope, rtol=0, atol=1e-8)


def embed_by_hand(joint: list[list[float]], y: list[list[float]], iterations: int) -> list[list[float]]:
    """The schedule, one point and one axis at a time."""
    count = len(y)
    shift = [next(s for s in range(20) if sum(row) <= 2**s) for row in joint]
    velocity = [[0.0, 0.0] for _ in y]
    for iteration in range(iterations):
        early = iteration < min(iterations // 4, 12)
        w = [[0.0 if a is b else 1 / (1 + math.dist(a, b) ** 2) for b in y] for a in y]
        z = sum(map(sum, w))
        for i in range(count):
            for axis in range(2):
                force = 0.0
                for j in range(count):
                    step = y[i][axis] - y[j][axis]
                    force += (2 if early else 1) * joint[i][j] * w[i][j] * step
                    force -= count / z * w[i][j] ** 2 * step
                momentum, c = (1 / 2, 1) if early else (13 / 16, 2)
                velocity[i][axis] = momentum * velocity[i][axis] - c * force / 2 ** shift[i]
        y = [[a + b for a, b in zip(p, v, strict=True)] for p, v in zip(y, velocity, strict=True)]
    return y


@pytest.mark.parametrize("iterations", [0, 1, 3, 4, 11, 40])
def test_embedding_by_hand(iterations: int) -> None:
    joint = np.random.default_rng(3).uniform(0, 0.3, (9, 9))
    joint[0] *= 4  # row sums 2.2 to 5.7: steps of 1/4 and 1/8
    joint += joint.T
    np.fill_diagonal(joint, 0.0)
    assert joint.sum(axis=1).min() < 4 < joint.sum(axis=1).max()
    y0 = exact.draw_start(9, 1)
    expected = embed_by_hand(joint.tolist(), y0.tolist(), iterations)
    np.testing.assert_allclose(exact.embed(joint, y0, iterations), expected, rtol=0, atol=1e-12)


@real
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_selection_survives_a_change_of_the_last_digits(load: Load, seed: int) -> None:
    joint = exact.affinities(exact.distances(load(64)), 15.0).joint
    y0 = exact.draw_start(64, seed)
    moved = y0 + 1e-12 * np.random.default_rng(seed).choice([-1.0, 1.0], y0.shape)
    y, other = exact.embed(joint, y0), exact.embed(joint, moved)
    assert (y != other).any()
    assert (exact.sample(y, 19) == exact.sample(other, 19)).all()


@real
@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (64, 128))])
def test_divergence_is_not_worse_than_scikit_learn(load: Load, first: int) -> None:
    """Best of three seeds against the best of six runs of scikit-learn (three seeds, both of its starts)."""
    images = load(64, first)
    joint = exact.affinities(exact.distances(images), 15.0).joint
    ours = min(kl_divergence(joint, exact.embed(joint, exact.draw_start(64, seed))) for seed in (1, 2, 3))
    pixels = images.reshape(64, -1) / 255.0
    theirs = min(
        TSNE(perplexity=15.0, method="exact", init=init, random_state=seed).fit(pixels).kl_divergence_
        for seed in (1, 2, 3)
        for init in ("pca", "random")
    )
    assert ours < 1.05 * theirs
