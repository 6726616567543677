# SPDX-License-Identifier: Apache-2.0
"""The float64 model against brute force, third parties and 60-digit arithmetic."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy.optimize import differential_evolution
from scipy.spatial.distance import pdist, squareform
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.manifold._t_sne import _joint_probabilities, _kl_divergence

from nms.contract.errors import UserError
from nms.contract.tables import Status
from nms.golden import exact
from nms.golden.metrics import kl

DATA = Path(os.environ.get("NMS_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def digits(count: int, first: int = 0) -> np.ndarray:
    return load_digits().images[first : first + count].astype(np.uint8)


def cifar(count: int, first: int = 0) -> np.ndarray:
    path = DATA / "cifar10_exact4000.npz"
    if not path.exists():
        pytest.skip("CIFAR-10 pixels are not at ../shared/data (or NMS_DATA)")
    with np.load(path) as archive:
        return archive["x_train"][first : first + count]


real = pytest.mark.parametrize("load", [digits, cifar])
Load = Callable[..., np.ndarray]


# Distances


@pytest.mark.parametrize("shape", [(7, 1), (9, 5, 3), (4, 3072)])
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


# Perplexity search


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
    monkeypatch.setattr(exact, "BLOCK", 1000)  # five rows
    distance = exact.distances(digits(200))
    whole = exact.affinities(distance, 15.0)
    assert (whole.status == Status.SOLVED).all()
    assert np.abs(exact.perplexity(whole.beta, distance) - 15.0).max() < 1e-10


# Embedding


@real
def test_gradient_against_scikit_learn(load: Load) -> None:
    joint = exact.affinities(exact.distances(load(64)), 15.0).joint
    y = np.random.default_rng(2).normal(0, 2, (64, 2))
    divergence, slope = _kl_divergence(y.ravel(), squareform(joint) / 64, 1, 64, 2)
    np.testing.assert_allclose(exact.gradient(joint, y), slope.reshape(64, 2) * 16, rtol=0, atol=1e-13)
    assert kl(joint, y) == pytest.approx(divergence, rel=1e-12)


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
    y0 = exact.start(9, 1)
    expected = embed_by_hand(joint.tolist(), y0.tolist(), iterations)
    np.testing.assert_allclose(exact.embed(joint, y0, iterations), expected, rtol=0, atol=1e-12)


@real
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_selection_survives_a_change_of_the_last_digits(load: Load, seed: int) -> None:
    joint = exact.affinities(exact.distances(load(64)), 15.0).joint
    y0 = exact.start(64, seed)
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
    ours = min(kl(joint, exact.embed(joint, exact.start(64, seed))) for seed in (1, 2, 3))
    pixels = images.reshape(64, -1) / 255.0
    theirs = min(
        TSNE(perplexity=15.0, method="exact", init=init, random_state=seed).fit(pixels).kl_divergence_
        for seed in (1, 2, 3)
        for init in ("pca", "random")
    )
    assert ours < 1.05 * theirs


# Grid


def grid_by_hand(y: np.ndarray, keep: int, step: float) -> list[int]:
    """The rule of the contract, one sentence a line, in Python's integers."""
    points = [(math.floor(a / step + 0.5), math.floor(b / step + 0.5)) for a, b in y.tolist()]
    side = next(g for g in range(1, 2 * keep + 1) if g * g >= 2 * keep)
    low = [min(axis) for axis in zip(*points, strict=True)]
    span = max(max(axis) - min(axis) for axis in zip(*points, strict=True)) + 1
    shift = span.bit_length() + 16
    cells, offsets = [], []
    for point in points:
        u = [(p - m) * (2**shift // span * side) for p, m in zip(point, low, strict=True)]
        cells.append((u[1] >> shift) * side + (u[0] >> shift))
        offsets.append(sum((((v >> (shift - 12)) & 4095) - 2048) ** 2 for v in u))
    everyone = range(len(points))
    rank = [
        sum(cells[j] == cells[i] and (offsets[j], j) < (offsets[i], i) for j in everyone) for i in everyone
    ]
    kept: list[int] = []
    for level in everyone:
        this_round = [i for i in everyone if rank[i] == level]
        this_round.sort(key=lambda i: (-cells.count(cells[i]), cells[i]))
        kept += this_round[: keep - len(kept)]
    return sorted(kept)


@pytest.mark.parametrize("seed", range(60))
def test_grid_against_the_rule_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 80))
    keep = int(rng.integers(1, count + 1))
    shape = [
        rng.normal(0, rng.choice([1e-6, 1.0, 40.0]), (count, 2)),
        rng.integers(-2, 3, (count, 2)).astype(np.float64),
        rng.normal(0, 1, (count, 1)) * rng.normal(0, 1, (1, 2)),
    ][seed % 3]
    step = float(rng.choice([2.0**-24, 2.0**-20, 2.0**-50]))
    assert exact.sample(shape, keep, step).tolist() == grid_by_hand(shape, keep, step)


@pytest.mark.parametrize("keep", [1, 2, 7, 19, 63, 64])
@pytest.mark.parametrize(
    "y",
    [
        np.zeros((64, 2)),
        np.stack([np.linspace(-3, 3, 64), np.zeros(64)], axis=1),
        np.stack([np.full(64, 5.0), np.linspace(-3, 3, 64)], axis=1),
        np.random.default_rng(1).normal(0, 20, (64, 2)),
    ],
    ids=["one point", "horizontal", "vertical", "cloud"],
)
def test_grid_keeps_exactly_k(y: np.ndarray, keep: int) -> None:
    kept = exact.sample(y, keep)
    assert kept.shape == (keep,)
    assert (np.diff(kept) > 0).all()
    assert 0 <= kept[0] <= kept[-1] < 64
    if not y.any():
        assert kept.tolist() == list(range(keep))


@pytest.mark.parametrize("keep", [0, -1, 65])
def test_keep_out_of_range(keep: int) -> None:
    with pytest.raises(UserError, match="1 to 64"):
        exact.sample(np.zeros((64, 2)), keep)
    with pytest.raises(UserError, match="1 to 64"):
        exact.run(digits(64), keep)


# The whole


@real
def test_run(load: Load) -> None:
    images = load(64)
    result = exact.run(images, 19, seed=5)
    assert len(result.kept) == 19
    again = exact.run(images, 19, y0=result.embedding_init)
    assert (again.embedding == result.embedding).all()
    assert (again.kept == exact.sample(result.embedding, 19)).all()
    assert result.kl == kl(result.affinity, result.embedding)
    assert 0.8 < result.trustworthiness <= 1


def test_run_refuses_another_start() -> None:
    with pytest.raises(UserError, match="y0"):
        exact.run(digits(20), 5, 5.0, y0=np.zeros((19, 2)))


# Grids of other sides, and what the sampler of whole data sets needs besides


@pytest.mark.parametrize("seed", range(5))
def test_fine_side_is_the_smallest_with_enough_cells(seed: int) -> None:
    y = np.random.default_rng(seed).normal(0, 3, (150, 2))
    for keep in (1, 15, 60):
        side = exact.fine_side(y, keep)
        occupied = [len(set(exact.cells(y, g)[0].tolist())) for g in range(1, side + 1)]
        assert max(occupied[:-1], default=0) < keep <= occupied[-1]
        kept = exact.sample(y, keep, side=side)
        assert len(set(exact.cells(y, side)[0][kept].tolist())) == keep


def test_fine_side_where_points_coincide() -> None:
    y = np.repeat(np.random.default_rng(1).normal(0, 1, (5, 2)), 20, axis=0)
    assert exact.fine_side(y, 30) == 40  # 4 ceil(sqrt 100)
    assert len(exact.sample(y, 30, side=40)) == 30


@pytest.mark.parametrize("seed", range(20))
def test_proportional_quota_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, preference = rng.normal(0, 1, (60, 2)), rng.permutation(60)
    keep, side = int(rng.integers(1, 61)), int(rng.integers(1, 9))
    cell = exact.cells(y, side)[0].tolist()
    members = {c: sorted((i for i in range(60) if cell[i] == c), key=lambda i: preference[i]) for c in cell}
    share = {c: keep * len(of) // 60 for c, of in members.items()}
    rest = sorted(members, key=lambda c: (-(keep * len(members[c]) % 60), c))
    for c in rest[: keep - sum(share.values())]:
        share[c] += 1
    expected = sorted(i for c, of in members.items() for i in of[: share[c]])
    assert exact.sample(y, keep, side=side, preference=preference, proportional=True).tolist() == expected


def test_preference_decides_within_a_cell() -> None:
    y = np.repeat([[0.0, 0.0], [1.0, 1.0]], 3, axis=0)
    assert exact.sample(y, 2, side=2, preference=np.array([2, 0, 1, 5, 5, 4])).tolist() == [1, 5]


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


def test_integers_as_features_give_the_same_affinities() -> None:
    images = digits(64)
    as_bytes = exact.affinities(exact.distances(images), 15.0)
    as_floats = exact.affinities(exact.feature_distances(images.reshape(64, -1).astype(float)), 15.0)
    np.testing.assert_allclose(as_floats.conditional, as_bytes.conditional, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("seed", range(10))
def test_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 50, 12)
    total = int(rng.integers(0, sizes.sum() + 1))
    found = exact.shares(total, sizes)
    assert found.sum() == total
    assert (found <= sizes).all()
    assert (np.abs(found - total * sizes / sizes.sum()) < 1).all()
