# SPDX-License-Identifier: Apache-2.0
"""The search: the contract in Python integers for single rows, and the true perplexity of what it finds."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.contract.bounds import Bounds
from nms.contract.config import PRESETS, Config, load
from nms.contract.settings import Settings
from nms.contract.tables import Status
from nms.golden import cordic, de, evolution, fitness, pe, pea, prng

TRUE_ERROR = {"wide": 1e-10, "edge": 2e-4}
presets = pytest.mark.parametrize("config", [PRESETS["paper"], PRESETS["edge"]], ids=lambda c: c.formats)


def digits(count: int, first: int = 0) -> np.ndarray:
    return load_digits().data[first : first + count].astype(np.uint8)


def target(config: Config, perplexity: float) -> int:
    return Settings.make(config, config.images, 1, perplexity=perplexity).target


def true_perplexity(config: Config, found: de.Result, distance: np.ndarray) -> np.ndarray:
    """Of each row at its M and q, with 64-bit mantissas (longdouble), every step in base 2."""
    _, scale, _ = pea.summarise_rows(config, distance)
    count = len(distance)
    d = distance[~np.eye(count, dtype=bool)].reshape(count, count - 1)
    d = d - d.min(axis=1, keepdims=True)
    beta2 = np.ldexp(
        found.mantissa.astype(np.longdouble),
        (found.exponent - scale - config.profile.mantissa.fraction).astype(np.int32),
    )
    z = beta2[:, None] * d
    w = np.exp2(-z)
    s = w.sum(axis=1)
    return s * np.exp2((w * z).sum(axis=1) / s)


def plain_search(config: Config, goal: int, dn: np.ndarray, state: int) -> tuple[int, ...]:
    """One row by the contract's words; sections 6 and 7 through nms.golden.pe and nms.golden.fitness."""
    p = config.profile
    g, c, fb = p.log_beta.fraction, p.cordic.fraction, p.mantissa.fraction
    low, high = -8 * 2**g, (config.derived.distance_width + 6) * 2**g

    def evaluate(values: list[int]) -> list[tuple[int, ...]]:
        x, y = cordic.rotate([(u % 2**g) << (c - g) for u in values], p.post_last, c)
        powers = [(v + (1 << (c - fb - 1))) >> (c - fb) for v in (x - y).tolist()]
        m = [min(max(v, 1 << fb), (2 << fb) - 1) for v in powers]
        q = [u >> g for u in values]
        s, t = pe.sums(config, np.array(m)[:, None], np.array(q)[:, None], dn)
        perp, inverse, e = (v.tolist() for v in fitness.fitness(config, s, t))
        return [(abs(v[2] - goal), *v) for v in zip(m, q, perp, inverse, e, strict=True)]

    population = []
    for _ in range(32):
        state = prng.draw_row(state)
        population.append(low + (state >> (64 - g)) * ((high - low) >> g))
    scores = evaluate(population)
    best = min(scores, key=lambda v: v[0])
    fits = [v[0] for v in scores]
    for generation in range(1, 129):
        if best[0] < p.stop:
            return *best[1:], generation, Status.SOLVED
        if generation == 128:
            break
        trials = []
        for k in range(32):
            state = prng.draw_row(state)
            taken = [k]
            for place, left in ((48, 31), (32, 30), (16, 29)):
                drawn = ((state >> place & 0xFFFF) * left) >> 16
                for s in sorted(taken):
                    if drawn >= s:
                        drawn += 1
                taken.append(drawn)
            assert len(set(taken)) == 4
            _, a, b, cc = taken
            v = population[a] + ((population[b] - population[cc]) >> 1)
            trials.append(min(max(v, low), high - 1))
        for k, score in enumerate(evaluate(trials)):
            if score[0] <= fits[k]:
                population[k], fits[k] = trials[k], score[0]
            if score[0] < best[0]:
                best = score
    return *best[1:], 128, Status.UNCONVERGED


@pytest.mark.parametrize("formats", ["wide", "edge"])
def test_as_the_contract_says(formats: str) -> None:
    """Rows searched together give what each gives alone, in plain Python."""
    config = load("tiny", [f"formats={formats}"])
    distance = pea.distances(digits(16, 40))
    states = prng.seeds(11, 16)
    goal = target(config, 5.5)
    found = de.search(config, goal, distance, states)
    dn = pea.normalise(config, distance)
    for i in (0, 7, 15):
        m, q, perp, y, e, generations, status = plain_search(config, goal, dn[i], int(states[i]))
        assert [int(values[i]) for values in found] == [m, q, perp, generations, status, y, e]


def test_unconverged_as_the_contract_says() -> None:
    """A target so close to N-1 that beta would have to be below its range: 128 generations, the best kept."""
    config = load("tiny", ["formats=wide"])
    distance = pea.distances(digits(16))
    states = prng.seeds(2, 16)
    goal = (15 << config.profile.perplexity.fraction) - (1 << 12)
    found = de.search(config, goal, distance, states)
    assert (found.status == Status.UNCONVERGED).all()
    m, q, perp, y, e, generations, status = plain_search(
        config, goal, pea.normalise(config, distance)[3], int(states[3])
    )
    assert (generations, status) == (128, Status.UNCONVERGED)
    assert [int(values[3]) for values in found] == [m, q, perp, generations, status, y, e]


@presets
@pytest.mark.parametrize(
    "perplexity",
    [15.0, 30.0, pytest.param(5.0, marks=pytest.mark.slow), pytest.param(50.0, marks=pytest.mark.slow)],
)
def test_digits(config: Config, perplexity: float) -> None:
    distance = pea.distances(digits(64))
    goal = target(config, perplexity)
    found = de.search(config, goal, distance, prng.seeds(1, 64))
    assert (found.status == Status.SOLVED).all()
    assert np.median(found.generations) <= 60
    assert found.generations.max() < 128
    lsb = np.longdouble(config.profile.perplexity.lsb)
    error = np.abs(true_perplexity(config, found, distance) - goal * lsb)
    assert error.max() < TRUE_ERROR[config.formats]
    assert (np.abs(found.perplexity - goal) < config.profile.stop).all()
    assert error.max() <= config.profile.stop * lsb + Bounds(config).perplexity(64, perplexity)


@presets
def test_synthetic_rows(config: Config) -> None:
    """Normal clouds, clusters and long tails in 3072 pixels."""
    rng = np.random.default_rng(12)
    clouds = {
        "normal": rng.normal(128, 40, (32, 3072)),
        "clusters": rng.integers(0, 256, (4, 3072)).repeat(8, axis=0) + rng.normal(0, 3, (32, 3072)),
        "tail": rng.normal(0, 1, (32, 3072)) * np.exp(rng.normal(2, 1, (32, 1))) + 128,
    }
    lsb = np.longdouble(config.profile.perplexity.lsb)
    for cloud in clouds.values():
        distance = pea.distances(np.clip(cloud, 0, 255).astype(np.uint8))
        goal = target(config, 12.5)
        found = de.search(config, goal, distance, prng.seeds(5, 32))
        assert (found.status == Status.SOLVED).all()
        error = np.abs(true_perplexity(config, found, distance) - goal * lsb)
        assert error.max() < TRUE_ERROR[config.formats]


@presets
def test_rows_without_solution(config: Config) -> None:
    """Six equal images: for each of them five at the minimum; targets below, at and above five.

    They are the six nearest of some others, which no target here can reach either.
    """
    images = digits(20)
    images[3:9] = images[3]
    distance = pea.distances(images)
    equal = np.isin(np.arange(20), np.arange(3, 9))
    p = config.profile
    states = prng.seeds(1, 20)
    for perplexity, status in ((4.5, Status.INFEASIBLE), (5, Status.SATURATED), (5.5, Status.SOLVED)):
        found = de.search(config, target(config, perplexity), distance, states)
        assert (found.status[equal] == status).all()
        if status != Status.SOLVED:
            assert not found.generations[equal].any()
            assert not found.mantissa[equal].any()
            assert not found.exponent[equal].any()
            within = Bounds(config).fitness(5.0)
            assert np.abs(found.perplexity[equal] * p.perplexity.lsb - 5).max() <= within
            inverse = found.reciprocal[equal] * p.reciprocal.lsb / 2.0 ** found.shift[equal]
            assert np.abs(inverse - 0.2).max() < 2 * p.reciprocal.lsb
        six = ~equal & ((distance == pea.summarise_rows(config, distance)[0][:, None]).sum(axis=1) == 6)
        assert six.any()
        assert (found.status[six] == Status.INFEASIBLE).all()
        assert (found.status[~equal & ~six] == Status.SOLVED).all()


@presets
def test_donors_are_uniform(config: Config) -> None:
    """a, b, c differ from k and each other, and each other individual is drawn about equally often."""
    draws = np.random.default_rng(1).integers(0, 2**64, 40000, dtype=np.uint64)
    for k in (0, 13, 31):
        triple = np.stack([np.full(len(draws), k), *evolution.pick_donors(draws, np.array(k))])
        assert (np.diff(np.sort(triple, axis=0), axis=0) > 0).all()
        assert triple.min() >= 0
        assert triple.max() < 32
        for drawn in triple[1:]:
            counts = np.bincount(drawn, minlength=32)
            expected = len(draws) / 31
            assert counts[k] == 0
            assert np.abs(np.delete(counts, k) - expected).max() < 6 * np.sqrt(expected)


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "count"), [("paper", 256), ("edge", 512)])
def test_large_batches(preset: str, count: int) -> None:
    """Wider sums than the presets have; the true error stays within the stop and the derived bound."""
    config = load(preset, [f"images={count}"])
    distance = pea.distances(digits(count))
    goal = target(config, 30)
    found = de.search(config, goal, distance, prng.seeds(1, count))
    assert (found.status == Status.SOLVED).all()
    lsb = np.longdouble(config.profile.perplexity.lsb)
    error = np.abs(true_perplexity(config, found, distance) - goal * lsb)
    assert error.max() <= config.profile.stop * lsb + Bounds(config).perplexity(count, 30)
    if preset == "paper":
        assert error.max() < TRUE_ERROR["wide"]
