# SPDX-License-Identifier: Apache-2.0
"""The lean search and map in float64, against scipy, Newton's search and a computation by hand."""

import math

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from nms.contract.tables import Status
from nms.golden import exact
from nms.golden.exact import lean
from tests.golden.exact.data import Load, digits, real


@real
@pytest.mark.parametrize("target", [5.0, 15.0, 30.0])
def test_entropy_and_p_of_scipy(load: Load, target: float) -> None:
    distance = exact.distances(load(64))
    found = lean.search(distance, math.log2(target), 15)
    assert (found.status == Status.SOLVED).all()
    beta = np.exp2(found.u - found.scale) * math.log(2)
    p = softmax(-beta[:, None] * exact.off_diagonal(distance), axis=1)
    np.testing.assert_allclose(exact.off_diagonal(found.conditional), p, rtol=1e-11, atol=1e-300)
    np.testing.assert_allclose(entropy(p, axis=1, base=2), found.entropy, rtol=0, atol=1e-10)
    assert np.abs(found.entropy - math.log2(target)).max() <= 1 / 64


@real
def test_affinities_are_nearly_those_of_newton(load: Load) -> None:
    """1/64 of a bit of entropy is 1.1 % of the perplexity."""
    distance = exact.distances(load(64))
    found = lean.search(distance, math.log2(15.0))
    solved = exact.affinities(distance, 15.0)
    assert np.abs(found.joint - solved.joint).sum() / 64 < 0.02
    assert found.evaluations.mean() < 5
    np.testing.assert_allclose(found.joint.sum(), 64, rtol=1e-12)


def test_ties_decide_the_status() -> None:
    images = np.concatenate([np.full((9, 8, 8), 200, np.uint8), digits(7)])
    distance = exact.distances(images)
    for target, status in ((7.9, Status.INFEASIBLE), (8.0, Status.SATURATED), (8.5, Status.SOLVED)):
        found = lean.search(distance, math.log2(target), 15)
        assert (found.status[:9] == status).all()
        if status is not Status.SOLVED:
            assert (found.conditional[0, 1:9] == 1 / 8).all()
            assert np.isinf(found.u[:9]).all()
            assert not found.evaluations[:9].any()


def test_more_evaluations_report_no_worse_a_row() -> None:
    """Of the first row, which starts alike."""
    distance = exact.distances(digits(64))
    off = [abs(lean.search(distance, 3.0, made).entropy[0] - 3.0) for made in range(1, 8)]
    assert (np.diff(off) <= 0).all()
    assert off[0] > 4 / 256 >= off[-1]


def embed_by_hand(
    joint: list[list[float]], y: list[list[float]], iterations: int, exaggerated: int
) -> list[list[float]]:
    """The schedule, one point and one axis at a time."""
    count = len(y)
    shift = [next(s for s in range(20) if sum(row) <= 2**s) for row in joint]
    velocity = [[0.0, 0.0] for _ in y]
    total = float(count * (count - 1))
    for iteration in range(iterations):
        early = iteration < exaggerated
        w = [[0.0 if a is b else 1 / (1 + math.dist(a, b) ** 2) for b in y] for a in y]
        for i in range(count):
            for axis in range(2):
                force = 0.0
                for j in range(count):
                    step = y[i][axis] - y[j][axis]
                    force += (2 if early else 1) * joint[i][j] * w[i][j] * step
                    force -= min(count / total, 1023 / 64) * w[i][j] ** 2 * step
                momentum, c = (1 / 2, 1) if early else (7 / 8, 2)
                velocity[i][axis] = momentum * velocity[i][axis] - c * force / 2 ** shift[i]
        y = [[a + b for a, b in zip(p, v, strict=True)] for p, v in zip(y, velocity, strict=True)]
        total = sum(map(sum, w))
    return y


@pytest.mark.parametrize("spread", [1, 400])  # the wider starts at the largest N/Z
@pytest.mark.parametrize(("iterations", "exaggerated"), [(0, 0), (1, 0), (1, 1), (11, 4), (40, 12)])
def test_embedding_by_hand(iterations: int, exaggerated: int, spread: float) -> None:
    joint = np.random.default_rng(3).uniform(0, 0.3, (9, 9))
    joint[0] *= 4  # row sums 2.2 to 5.7: steps of 1/4 and 1/8
    joint += joint.T
    np.fill_diagonal(joint, 0.0)
    start = spread * exact.draw_start(9, 1)
    expected = embed_by_hand(joint.tolist(), start.tolist(), iterations, exaggerated)
    got = lean.embed(joint, start, iterations, exaggerated)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-11)
