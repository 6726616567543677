# SPDX-License-Identifier: Apache-2.0
"""The four methods of the search: how fast, how true, and rows again in plain Python from the prose."""

import math
from collections.abc import Callable, Generator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms.benchmarks.hard_rows import make_batches as hard_rows
from nms.contract.config import PRESETS, Config, load
from nms.contract.errors import UserError
from nms.contract.settings import Search, Settings
from nms.contract.tables import Status
from nms.golden import bracket, cordic, de, evolution, exact, fitness, pe, pea, prng, sampler

TRUE_ERROR = {"wide": 1e-10, "edge": 2e-4}
MOST = {Search.DE_RAND1: 127, Search.DE_BEST1: 127, Search.SECTION: 10, Search.WINDOW: 5}
presets = pytest.mark.parametrize("config", [PRESETS["paper"], PRESETS["edge"]], ids=lambda c: c.formats)
methods = pytest.mark.parametrize("method", list(Search), ids=str)


def digits(count: int, first: int = 0) -> np.ndarray:
    return load_digits().data[first : first + count].astype(np.uint8)


def goal(config: Config, count: int, perplexity: float) -> int:
    return Settings.make(config, count, 1, perplexity=perplexity).target


def search(
    config: Config, images: np.ndarray, perplexity: float, method: Search, seed: int = 1
) -> tuple[np.ndarray, de.Result]:
    distance = pea.distances(images)
    target = goal(config, len(images), perplexity)
    return distance, de.search(config, target, distance, prng.seeds(seed, len(images)), method)


def true_error(config: Config, found: de.Result, distance: np.ndarray, perplexity: float) -> np.ndarray:
    """Of the solved rows, recomputed from M and q in 80-bit arithmetic."""
    _, scale, _ = pea.summarise_rows(config, distance)
    beta2 = np.ldexp(
        found.mantissa.astype(np.longdouble),
        (found.exponent - scale - config.profile.mantissa.fraction).astype(np.int32),
    )
    solved = found.status == Status.SOLVED
    beta = np.where(solved, beta2 * np.log(np.longdouble(2)), np.inf)
    target = goal(config, len(distance), perplexity) * np.longdouble(config.profile.perplexity.lsb)
    return np.abs(exact.perplexity(beta, distance) - target)[solved]


class TestRows:
    """Generations and true errors."""

    @presets
    @methods
    def test_digits(self, config: Config, method: Search) -> None:
        distance, found = search(config, digits(64), 15, method)
        assert (found.status == Status.SOLVED).all()
        assert true_error(config, found, distance, 15).max() < TRUE_ERROR[config.formats]
        assert found.generations.max() <= MOST[method]
        wide = {Search.DE_RAND1: 60, Search.DE_BEST1: 38, Search.SECTION: 9, Search.WINDOW: 4}
        edge = {Search.DE_RAND1: 30, Search.DE_BEST1: 20, Search.SECTION: 5, Search.WINDOW: 3}
        assert np.median(found.generations) <= (wide if config.formats == "wide" else edge)[method]

    @presets
    @pytest.mark.parametrize("method", [Search.SECTION, Search.WINDOW], ids=str)
    @pytest.mark.parametrize("name", list(hard_rows()))
    def test_hard_rows(self, config: Config, method: Search, name: str) -> None:
        self.check_hard_rows(config, method, name)

    @pytest.mark.slow
    @presets
    @pytest.mark.parametrize("method", [Search.DE_RAND1, Search.DE_BEST1], ids=str)
    @pytest.mark.parametrize("name", list(hard_rows()))
    def test_hard_rows_by_evolution(self, config: Config, method: Search, name: str) -> None:
        self.check_hard_rows(config, method, name)

    def check_hard_rows(self, config: Config, method: Search, name: str) -> None:
        """Rows with a solution are solved, and these without one are named as such."""
        images, perplexity = hard_rows()[name]
        distance, found = search(config, images, perplexity, method)
        ties = pea.summarise_rows(config, distance)[2]
        assert (found.status == np.select([ties > perplexity, ties == perplexity], [1, 2], 0)).all()
        assert (found.status == Status.SOLVED).any() or name == "all pairs equal"
        assert true_error(config, found, distance, perplexity).max(initial=0) < TRUE_ERROR[config.formats]
        assert found.generations.max() <= MOST[method]
        assert ((found.generations == 0) == (found.status != Status.SOLVED)).all()

    @pytest.mark.slow
    @presets
    @methods
    @pytest.mark.parametrize("name", ["cifar10_exact4000", "fashion_dev"])
    def test_real_images(self, config: Config, method: Search, name: str, shared_data: Path) -> None:
        file = shared_data / f"{name}.npz"
        if not file.is_file():
            pytest.skip(f"no {file.name}")
        with np.load(file) as content:
            images = content["x_train"][:128].reshape(128, -1)
        generations = []
        for batch in (images[:64], images[64:]):
            distance, found = search(config, batch, 15, method)
            assert (found.status == Status.SOLVED).all()
            assert true_error(config, found, distance, 15).max() < TRUE_ERROR[config.formats]
            generations.append(found.generations)
        assert np.max(generations) <= MOST[method]
        most = {Search.DE_RAND1: 60, Search.DE_BEST1: 38, Search.SECTION: 9, Search.WINDOW: 4}
        assert np.median(generations) <= most[method]

    @presets
    def test_methods_agree(self, config: Config) -> None:
        """Solutions within the tolerance differ by no more than twice its width in log2 beta."""
        images = digits(32, 70)
        found = [search(config, images, 9, method) for method in Search]
        distance = found[0][0]
        _, scale, _ = pea.summarise_rows(config, distance)
        places = []
        for _, result in found:
            mantissa = result.mantissa.astype(np.longdouble) / (1 << config.profile.mantissa.fraction)
            places.append(np.log2(mantissa) + result.exponent)
        beta = np.exp2(places[0] - scale) * np.log(np.longdouble(2))
        steepness = [exact.perplexity(beta * np.exp2(np.longdouble(h)), distance) for h in (-1e-6, 1e-6)]
        slope = (steepness[0] - steepness[1]) / 2e-6  # perplexity per octave
        assert (slope > 1).all()
        apart = np.ptp(places, axis=0)
        assert (apart <= 1.001 * 2 * TRUE_ERROR[config.formats] / slope).all()
        assert (apart > 0).any()

    def test_rows_are_independent(self) -> None:
        """Rows in reverse order, with their random numbers, give the same results in reverse order."""
        config = PRESETS["edge"]
        distance = pea.distances(digits(20, 5))
        states = prng.seeds(4, 20)
        target = goal(config, 20, 6)
        for method in Search:
            forwards = de.search(config, target, distance, states, method)
            backwards = de.search(config, target, distance[::-1, ::-1], states[::-1], method)
            assert all((a == b[::-1]).all() for a, b in zip(forwards, backwards, strict=True))

    def test_no_random_numbers(self) -> None:
        config = PRESETS["edge"]
        for method in (Search.SECTION, Search.WINDOW):
            _, one = search(config, digits(16), 5, method, seed=1)
            _, two = search(config, digits(16), 5, method, seed=2)
            assert all((a == b).all() for a, b in zip(one, two, strict=True))

    def test_unknown_method(self) -> None:
        with pytest.raises(ValueError, match="4"):
            search(PRESETS["tiny"], digits(8), 3, 4)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=r"secant.*window"):
            Settings.make(PRESETS["tiny"], 8, 64, perplexity=3, search="secant")

    def test_the_sampler_uses_it(self) -> None:
        config = PRESETS["tiny"]
        for method in Search:
            settings = Settings.make(config, 16, 64, perplexity=5, iterations=4, search=str(method))
            tables = sampler.run(config, settings, digits(16))
            _, found = search(config, digits(16), 5, method)
            assert (tables.generations == found.generations).all()
            assert (tables.mantissa == found.mantissa).all()


class TestRestart:
    """DE/best/1 on digits 0 to 15 in ``tiny``: the population of row 10 collapses on a wrong place."""

    def test_it_happens_and_helps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        config, images = PRESETS["tiny"], digits(16)
        spans: list[tuple[int, bool]] = []
        vary = evolution.Best1._vary

        def watched(self: evolution.Best1, config: Config, drawn: np.ndarray) -> evolution.Best1:
            varied = vary(self, config, drawn)
            spans.extend(
                (int(u.max() - u.min()), bool((trial == again).all()))
                for u, trial, again in zip(
                    self.u, varied.trial, evolution.scatter(config, drawn), strict=True
                )
            )
            return varied

        monkeypatch.setattr(evolution.Best1, "_vary", watched)
        _, found = search(config, images, 4.5, Search.DE_BEST1)
        assert (found.status == Status.SOLVED).all()
        assert [row for row in range(16) if found.generations[row] > 40] == [10]
        assert all((span < 64) == again for span, again in spans)
        assert sum(again for _, again in spans) == 1

        monkeypatch.setattr(evolution, "COLLAPSE", 0)
        _, without = search(config, images, 4.5, Search.DE_BEST1)
        assert [row for row in range(16) if without.status[row] == Status.UNCONVERGED] == [10]
        assert all((np.delete(a, 10) == np.delete(b, 10)).all() for a, b in zip(found, without, strict=True))


Points = list[int]
Steps = Generator[Points, list[int], None]
"""Yields the u of a generation, is sent their perplexities."""


def best1_in_words(config: Config, target: int, state: int) -> Steps:
    g = config.profile.log_beta.fraction
    low, high = -8 << g, (config.derived.distance_width + 6) << g

    def draw() -> int:
        nonlocal state
        state = prng.draw_row(state)
        return state

    def at_random() -> Points:
        return [low + (draw() >> (64 - g)) * ((high - low) >> g) for _ in range(32)]

    population = at_random()
    scores = [abs(perp - target) for perp in (yield population)]
    while True:
        if max(population) - min(population) < 64:
            population = at_random()
            scores = [abs(perp - target) for perp in (yield population)]
            continue
        best, trials = population[scores.index(min(scores))], []
        for k in range(32):
            number, taken = draw(), [k]
            for place, left in ((32, 31), (16, 30)):
                chosen = [i for i in range(32) if i not in taken][((number >> place & 0xFFFF) * left) >> 16]
                taken.append(chosen)
            step = (population[taken[1]] - population[taken[2]]) // 2
            trials.append(max(low, min(high - 1, best + step)))
        for k, perp in enumerate((yield list(trials))):
            if abs(perp - target) <= scores[k]:
                population[k], scores[k] = trials[k], abs(perp - target)


def bracketing_in_words(config: Config, target: int, windows: bool) -> Steps:
    """Section, or with ``windows`` the half octaves and the windows about the secant."""
    g, top = config.profile.log_beta.fraction, config.derived.distance_width + 6
    one = 1 << g
    ends: dict[str, tuple[int, int | None]] = {"a": (-8 * one, None), "b": (top * one, None)}

    def limited(points: Points) -> Points:
        return [min(max(u, -8 * one), top * one - 1) for u in points]

    def section() -> Points:
        h = math.floor(Fraction((ends["b"][0] - ends["a"][0]) * 1986, 65536))
        return limited([ends["a"][0] + (k + 1) * max(1, h) for k in range(32)])

    def window() -> Points:
        (a, pa), (b, pb) = ends["a"], ends["b"]
        assert pa is not None
        assert pb is not None
        assert pa >= target > pb
        rho = math.floor(Fraction(pa - target, pa - pb) * 2**24)
        s = a + math.floor(Fraction((b - a) * rho, 2**24))
        bits = max(b - a, 0).bit_length()
        x = max(0, min(2 * bits - g - 7, bits - 5))
        return limited([s + math.floor(Fraction((2 * k - 31) * 2**x, 2)) for k in range(32)])

    points, is_window = section(), False
    if windows:
        halves = [*range(-16, 0, 4), *range(24)]
        rest = [24 * one + math.floor(Fraction(k * (top - 12) * one, 2)) for k in range(4)]
        points = [h * one // 2 for h in halves] + [v // 2 for v in rest]
    while True:
        perps = yield points
        n = next((k for k, perp in enumerate(perps) if perp < target), 32)
        if n > 0:
            ends["a"] = (points[n - 1], perps[n - 1])
        if n < 32:
            ends["b"] = (points[n], perps[n])
        known = ends["a"][1] is not None and ends["b"][1] is not None
        is_window = windows and known and not (is_window and n in (0, 32))
        points = window() if is_window else section()


def steps_of(config: Config, target: int, method: Search, state: int) -> Steps:
    if method == Search.DE_BEST1:
        return best1_in_words(config, target, state)
    return bracketing_in_words(config, target, method == Search.WINDOW)


def in_words(config: Config, target: int, steps: Steps, evaluate: Callable[[int], tuple[int, ...]]) -> list:
    """One row's M, q, Perp, generations, status, y, e; ``evaluate`` gives M, q, Perp, y, e of a u."""
    best: list[tuple[int, ...]] = []
    points = next(steps)
    for generation in range(1, 129):
        assert len(points) == 32
        values = [evaluate(u) for u in points]
        best = [min(best + values, key=lambda value: abs(value[2] - target))]
        found = best[0]
        if abs(found[2] - target) < config.profile.stop:
            return [*found[:3], generation, Status.SOLVED, *found[3:]]
        points = steps.send([value[2] for value in values])
    return [*best[0][:3], 128, Status.UNCONVERGED, *best[0][3:]]


def evaluation(config: Config, dn: np.ndarray) -> Callable[[int], tuple[int, ...]]:
    """Of a u, on one row's normalised distances."""
    p = config.profile
    c, g, fb = p.cordic.fraction, p.log_beta.fraction, p.mantissa.fraction

    def evaluate(u: int) -> tuple[int, ...]:
        x, y = cordic.rotate((u % 2**g) << (c - g), p.post_last, c)
        m = min(
            max(math.floor(Fraction(int(x) - int(y), 2 ** (c - fb)) + Fraction(1, 2)), 1 << fb), (2 << fb) - 1
        )
        s, t = pe.sums(config, np.array(m), np.array(u >> g), dn)
        return (m, u >> g, *(int(value) for value in fitness.fitness(config, s, t)))

    return evaluate


class TestInWords:
    """Bit for bit what the prose says, in another style and a row at a time."""

    @pytest.mark.parametrize("method", [Search.SECTION, Search.WINDOW], ids=str)
    @pytest.mark.parametrize("formats", ["wide", "edge"])
    def test_digits(self, method: Search, formats: str) -> None:
        config = load("tiny", [f"formats={formats}"])
        distance, found = search(config, digits(16, 40), 5.5, method)
        dn = pea.normalise(config, distance)
        target = goal(config, 16, 5.5)
        for row in (0, 6, 15):
            words = in_words(config, target, steps_of(config, target, method, 0), evaluation(config, dn[row]))
            assert [int(values[row]) for values in found] == words

    def test_best1_through_a_restart(self) -> None:
        config = PRESETS["tiny"]
        distance, found = search(config, digits(16), 4.5, Search.DE_BEST1)
        dn = pea.normalise(config, distance)
        target = goal(config, 16, 4.5)
        states = prng.seeds(1, 16)
        for row in (3, 10):
            steps = best1_in_words(config, target, int(states[row]))
            assert [int(values[row]) for values in found] == in_words(
                config, target, steps, evaluation(config, dn[row])
            )

    @pytest.mark.parametrize("name", ["one outlier", "14 equal and one next to them"])
    def test_hard_rows(self, name: str) -> None:
        """Windows that miss, and brackets at their ends."""
        config = PRESETS["paper"]
        images, perplexity = hard_rows()[name]
        distance, found = search(config, images, perplexity, Search.WINDOW)
        dn = pea.normalise(config, distance)
        target = goal(config, 64, perplexity)
        slowest = int(found.generations.argmax())
        assert found.generations[slowest] == 5
        words = in_words(
            config,
            target,
            bracketing_in_words(config, target, windows=True),
            evaluation(config, dn[slowest]),
        )
        assert [int(values[slowest]) for values in found] == words

    @presets
    def test_windows_of_every_width(self, config: Config) -> None:
        """A target passed between any two points of the octaves, and again in the windows that follow."""
        rng = np.random.default_rng(8)
        target = goal(config, 64, 15)
        state = bracket.Window.start(config, np.zeros(31, np.uint64))
        steps = [bracketing_in_words(config, target, windows=True) for _ in range(31)]
        assert [next(row) for row in steps] == state.trial.tolist()
        for _ in range(4):
            above = target + rng.integers(0, target, (31, 32))
            below = target - 1 - rng.integers(0, target, (31, 32))
            perplexity = np.where(np.arange(32) <= np.arange(31)[:, None], above, below)
            state = state.step(config, target, perplexity)
            expected = [row.send(perps) for row, perps in zip(steps, perplexity.tolist(), strict=True)]
            assert state.windowed.all()
            assert state.trial.tolist() == expected

    @pytest.mark.parametrize("span", [63, 64])
    def test_where_a_restart_begins(self, span: int) -> None:
        """A population that spans 64 steps goes on, one that spans 63 starts again."""
        config = PRESETS["tiny"]
        target = goal(config, 16, 5)
        states = prng.seeds(1, 1)
        u = np.array([[5 << 20, (5 << 20) + span, *[(5 << 20) + 20] * 30]])
        worse = np.full((1, 32), config.profile.perplexity.max)
        population = evolution.Best1(u, u, np.full_like(u, evolution.WORST), states)
        varied = population.step(config, target, worse)
        again = evolution.scatter(config, evolution.draw_generation(states)[0])
        assert (varied.trial == again).all() == (span < 64)
        assert (varied.fitness == evolution.WORST).all() == (span < 64)

    @pytest.mark.parametrize("method", [Search.DE_BEST1, Search.SECTION, Search.WINDOW], ids=str)
    @pytest.mark.parametrize("steepness", [0, 3, 30, 61])
    def test_perplexities_out_of_the_air(
        self, method: Search, steepness: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rows that never converge, on a perplexity that is noise, falls in steps, or falls too steeply.

        Brackets close to nothing, turn around and lie at the ends of the range; windows miss on both sides.
        """
        config, rows = PRESETS["edge"], 24
        target = goal(config, rows, 7.5)
        stop, top = config.profile.stop, config.profile.perplexity.max
        roots = np.random.default_rng(steepness).integers(-8 << 20, 32 << 20, rows)

        def perplexity(u: int, root: int) -> int:
            noise = (prng.draw_row((u & (1 << 40) - 1) + 1) >> 40) - (1 << 23)
            away = (((root - u) << steepness) >> 30) + (noise >> 3)
            away += stop if away >= 0 else -stop
            return min(max(target + away, 1 << 19), top)

        def evaluate(config: Config, u: np.ndarray, dn: np.ndarray) -> de.Evaluation:
            of_rows = dn[:, 0]  # the row's number, see below
            perp = np.array(
                [
                    [perplexity(v, int(roots[i])) for v in of]
                    for i, of in zip(of_rows, u.tolist(), strict=True)
                ]
            )
            return de.Evaluation(u & 1023, u >> 20, perp, u & 7, u & 3)

        monkeypatch.setattr(de, "evaluate", evaluate)
        monkeypatch.setattr(de, "normalise", lambda *_: np.repeat(np.arange(rows)[:, None], rows - 1, axis=1))
        states = prng.seeds(2, rows)
        found = de.search(config, target, pea.distances(digits(rows)), states, method)
        assert (found.status == Status.UNCONVERGED).all()
        for row in range(0, rows, 4):

            def plain(u: int, root: int = int(roots[row])) -> tuple[int, ...]:
                return u & 1023, u >> 20, perplexity(u, root), u & 7, u & 3

            words = in_words(config, target, steps_of(config, target, method, int(states[row])), plain)
            assert [int(values[row]) for values in found] == words
