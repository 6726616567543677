# SPDX-License-Identifier: Apache-2.0
"""Perplexity searches against third parties and 60-digit arithmetic; rows that are hard to solve."""

import math

import mpmath
import numpy as np
import pytest
from scipy.optimize import differential_evolution
from scipy.spatial.distance import squareform
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.manifold._t_sne import _joint_probabilities

from nms.contract.errors import UserError
from nms.contract.tables import Status
from nms.golden import exact
from nms.golden.exact import affinity
from tests.golden.exact.data import Load, digits, real


@real
@pytest.mark.parametrize("method", ["newton", "de"])
@pytest.mark.parametrize("target", [5.0, 15.0, 30.0])
@pytest.mark.parametrize("count", [64, 37])
def test_every_row_is_solved(load: Load, method: str, target: float, count: int) -> None:
    distance = exact.distances(load(count))
    search = exact.affinities(distance, target, method)
    assert (search.status == Status.SOLVED).all()
    assert np.abs(exact.perplexity(search.beta, distance) - target).max() < 1e-10
    if method == "de":
        assert np.median(search.steps) <= 60
        assert search.steps.max() < 128


@real
def test_beta_gives_p_and_entropy_of_scipy(load: Load) -> None:
    distance = exact.distances(load(64))
    search = exact.affinities(distance, 15.0)
    p = softmax(-search.beta[:, None] * exact.off_diagonal(distance), axis=1)
    np.testing.assert_allclose(exact.off_diagonal(search.conditional), p, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(np.exp(entropy(p, axis=1)), 15.0, rtol=0, atol=1e-10)


@real
def test_true_perplexity_against_60_digits(load: Load) -> None:
    distance = exact.distances(load(64))
    beta = exact.affinities(distance, 15.0).beta * np.linspace(0.5, 2.0, 64)
    judged = exact.perplexity(beta, distance)
    gaps = exact.off_diagonal(distance)
    with mpmath.workdps(60):
        for i in range(0, 64, 9):
            weights = [mpmath.exp(-mpmath.mpf(float(beta[i])) * int(d)) for d in gaps[i]]
            total = mpmath.fsum(weights)
            truth = mpmath.exp(-mpmath.fsum(w / total * mpmath.log(w / total) for w in weights))
            high = float(judged[i])
            assert abs(truth - mpmath.mpf(high) - mpmath.mpf(float(judged[i] - np.longdouble(high)))) < 1e-16


@real
def test_joint_against_scikit_learn(load: Load) -> None:
    distance = exact.distances(load(64))
    joint = exact.affinities(distance, 15.0).joint
    assert np.abs(joint - joint.T).max() == 0
    assert joint.sum() == pytest.approx(64)
    theirs = squareform(_joint_probabilities(distance.astype(np.float32) / 65025, 15.0, 0)) * 64
    assert np.abs(joint - theirs).max() < 1e-5  # their |Perp - target| is up to 1.5e-4


@real
def test_conditional_against_open_tsne(load: Load) -> None:
    search_open_tsne = pytest.importorskip("openTSNE._tsne").compute_gaussian_perplexity
    distance = exact.distances(load(64))
    theirs = search_open_tsne(np.sqrt(exact.off_diagonal(distance)), np.array([15.0]), num_threads=1)
    ours = exact.off_diagonal(exact.affinities(distance, 15.0).conditional)
    assert np.abs(ours - np.asarray(theirs)).max() < 1e-7


@real
def test_evolution_finds_the_optimum_of_scipy(load: Load) -> None:
    distance = exact.distances(load(64))
    newton, de = (exact.affinities(distance, 15.0, method) for method in ("newton", "de"))
    np.testing.assert_allclose(de.beta, newton.beta, rtol=1e-10)
    gaps = exact.off_diagonal(distance).astype(np.float64)
    for i in (0, 21, 42):

        def error(u: np.ndarray, row: np.ndarray = gaps[i]) -> float:
            return abs(math.exp(entropy(softmax(-(2.0 ** u[0]) * (row - row.min())))) - 15.0)

        theirs = differential_evolution(error, [(-40.0, 10.0)], rng=1, tol=0, atol=1e-12, polish=False)
        assert 2.0 ** theirs.x[0] == pytest.approx(de.beta[i], rel=1e-9)


def test_evolution_is_repeatable() -> None:
    distance = exact.distances(digits(20))
    first, again, other = (exact.affinities(distance, 5.0, "de", seed) for seed in (3, 3, 4))
    assert (first.beta == again.beta).all()
    assert (first.beta != other.beta).any()


def test_evolution_gives_up_outside_its_range() -> None:
    distance = exact.distances(digits(64))
    target = 63 * (1 - 1e-9)
    assert (exact.affinities(distance, target, "de").status == Status.UNCONVERGED).all()
    newton = exact.affinities(distance, target)
    assert (newton.status == Status.SOLVED).all()
    assert np.abs(exact.perplexity(newton.beta, distance) - target).max() < 1e-10


def hard_images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 256, (64, 48)).astype(np.uint8)
    some = noise.copy()
    some[:10] = some[0]
    outlier = (noise >> 6).copy()
    outlier[5] = 255
    extremes = np.zeros((64, 48), np.uint8)
    extremes[::2] = 255
    return {
        "all identical": np.full((64, 48), 99, np.uint8),
        "ten identical": some,
        "one pixel": rng.integers(0, 256, (64, 1)).astype(np.uint8),
        "one pixel, four values": rng.integers(0, 4, (64, 1)).astype(np.uint8),
        "black and white": extremes,
        "one white": np.where(np.arange(64)[:, None] == 5, 255, np.zeros((64, 48))).astype(np.uint8),
        "outlier": outlier,
        "few images": noise[:17],
    }


@pytest.mark.parametrize("name", hard_images())
@pytest.mark.parametrize("target", [1.5, 5.0, 9.0, 15.0, 15.999])
@pytest.mark.parametrize("method", ["newton", "de"])
def test_hard_rows(name: str, target: float, method: str) -> None:
    images = hard_images()[name]
    result = exact.run(images, 19 if len(images) > 19 else 5, target, iterations=40, method=method)
    search = result.search
    gaps = exact.off_diagonal(result.distance)
    gaps -= gaps.min(axis=1, keepdims=True)
    ties = (gaps == 0).sum(axis=1)
    expected = np.select(
        [ties > target, ties == target], [Status.INFEASIBLE, Status.SATURATED], Status.SOLVED
    )
    assert (search.status == expected).all()
    solved = expected == Status.SOLVED
    assert np.isfinite(search.beta[solved]).all()
    assert np.isinf(search.beta[~solved]).all()
    true = exact.perplexity(search.beta, result.distance)
    assert (np.abs(true - target)[solved] < 1e-10).all()
    assert (true == ties)[~solved].all()
    uniform = (gaps == 0) / ties[:, None]
    np.testing.assert_allclose(exact.off_diagonal(search.conditional)[~solved], uniform[~solved], rtol=1e-15)
    assert np.isfinite(result.embedding).all()
    assert len(result.kept) == (19 if len(images) > 19 else 5)


def test_statuses_of_ten_identical_images() -> None:
    distance = exact.distances(hard_images()["ten identical"])
    for target, status in ((5.0, Status.INFEASIBLE), (9.0, Status.SATURATED), (15.0, Status.SOLVED)):
        assert (exact.affinities(distance, target).status[:10] == status).all()


@pytest.mark.parametrize("seed", range(40))
def test_newton_on_rows_of_any_shape(seed: int) -> None:
    """Distances over 28 octaves, many of them equal; targets close to the number of ties and to N-1."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, 90))
    logs = (
        rng.uniform(0, 28, (count, count)) if seed % 2 else rng.choice(rng.uniform(0, 28, 3), (count, count))
    )
    distance = np.floor(2.0 ** np.maximum(logs, logs.T)).astype(np.int64)
    np.fill_diagonal(distance, 0)
    room = count - 3
    for target in (1 + 1e-6, 1 + room * rng.uniform(), 2.0, 2 + 1e-8, count - 1 - 1e-6, count - 1.5):
        search = exact.affinities(distance, target)
        solved = search.status == Status.SOLVED
        assert (np.abs(exact.perplexity(search.beta, distance) - target)[solved] < 1e-10).all()
        assert (search.status != Status.UNCONVERGED).all()


@pytest.mark.parametrize("target", [1.0, 0.0, -3.0, 19.0, 20.0, math.inf, math.nan])
def test_perplexity_out_of_range(target: float) -> None:
    with pytest.raises(UserError, match="above 1 and below 19"):
        exact.affinities(exact.distances(digits(20)), target)


def test_unknown_method() -> None:
    with pytest.raises(UserError, match="annealing"):
        exact.affinities(exact.distances(digits(20)), 5.0, "annealing")


def test_rows_are_solved_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "BLOCK", 1000)  # five rows
    distance = exact.distances(digits(200))
    whole = exact.affinities(distance, 15.0)
    assert (whole.status == Status.SOLVED).all()
    assert np.abs(exact.perplexity(whole.beta, distance) - 15.0).max() < 1e-10


def test_integers_as_features_give_the_same_affinities() -> None:
    images = digits(64)
    as_bytes = exact.affinities(exact.distances(images), 15.0)
    as_floats = exact.affinities(exact.feature_distances(images.reshape(64, -1).astype(float)), 15.0)
    np.testing.assert_allclose(as_floats.conditional, as_bytes.conditional, rtol=1e-12, atol=1e-300)
