# SPDX-License-Identifier: Apache-2.0
"""Removal of near-duplicates: the rule, its cost, and ``nms sample --near-duplicates``."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nms import datasets
from nms import run as job
from nms.contract.errors import UserError
from nms.datasets.images import Images
from nms.evaluation import scenario
from nms.sampling import Method, near_duplicates, pool, sample
from nms.sampling.estimator import DESNESampler
from nms.sampling.near_duplicates import NearDuplicates, fill_up, find_distinct, iterate_images, margin
from tests.nms.sampling.test_sampling import nms

FAST = Method(perplexity=5.0, iterations=8)


def scenes(count: int, copies: int, shift: int = 1) -> np.ndarray:
    """(count * (1 + copies), 12, 12, 1): unrelated images, each followed by near-duplicates of it."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 230, (count, 12, 12, 1), np.uint8)
    alike = [images, *(scenario.make_near_duplicates(images, shift, rng) for _ in range(copies))]
    return np.stack(alike, axis=1).reshape(-1, 12, 12, 1)


def by_definition(images: np.ndarray, distance: float, window: int) -> list[bool]:
    """The rule, image by image, shift by shift."""

    def normal(pixels: np.ndarray) -> np.ndarray:
        return (pixels - pixels.mean()) / pixels.std()

    cut = margin(*images.shape[1:3])
    rows, columns = (side - 2 * cut for side in images.shape[1:3])
    shifts = [(y, x) for y in range(2 * cut + 1) for x in range(2 * cut + 1)]
    stood: list[np.ndarray] = []
    found = []
    for image in images.astype(float):
        windows = [normal(image[y : y + rows, x : x + columns]) for y, x in shifts]
        found.append(
            all(
                np.sqrt(np.square(middle - own).mean()) > distance
                for middle in stood[-window:]
                for own in windows
            )
        )
        if found[-1]:
            stood.append(normal(image[cut : cut + rows, cut : cut + columns]))
    return found


class TestRule:
    @pytest.mark.parametrize("bursts", [0.0, 1.0])
    def test_one_of_each_scene_is_distinct(self, bursts: float, shared_data: Path) -> None:
        """Shifts, brightness and noise are undone: at most a few in a hundred of real images are wrong."""
        data = np.load(shared_data / "cifar10_dev.npz")
        images, _, scenes = scenario.Scenario("redundant", bursts=bursts).make_stream(
            data["x_train"][:400], data["y_train"][:400], np.random.default_rng(1)
        )
        found = find_distinct(images, len(images), NearDuplicates())
        assert len(np.unique(scenes[found])) >= 78
        assert 78 <= found.sum() <= 84

    def test_shifted_and_brighter_copies_are_removed(self) -> None:
        rng = np.random.default_rng(1)
        wide = rng.integers(0, 100, (24, 24, 1), np.uint8)
        one, shifted, other = wide[2:22, 2:22], wide[0:20, 3:23], rng.integers(0, 100, (20, 20, 1), np.uint8)
        stream = np.stack([one, shifted, 2 * one, other, one + 100, np.flip(other)])
        assert find_distinct(stream, 6, NearDuplicates()).tolist() == [True, False, False, True, False, True]
        assert find_distinct(stream, 6, NearDuplicates(2.0)).tolist() == [True] + [False] * 5

    def test_flat_and_tiny_images(self) -> None:
        """Without contrast images are at distance sqrt(2), but for those of the same value."""
        flat = np.repeat(np.arange(3, dtype=np.uint8), 81).reshape(3, 9, 9, 1)
        assert find_distinct(flat[:, :2, :2], 3, NearDuplicates()).tolist() == [True] * 3
        assert not find_distinct(flat, 3, NearDuplicates(1.5))[1:].any()
        spot = flat.copy()
        spot[:, 0, 0] = 255  # beyond the edge of some windows
        stream = np.concatenate([flat, spot])
        assert find_distinct(stream, 6, NearDuplicates()).tolist() == [True] * 3 + [False] * 3

    @pytest.mark.parametrize("window", [1, None])
    @pytest.mark.parametrize("distance", [0.0, 0.2])
    def test_copies_are_always_near_duplicates(self, distance: float, window: int | None) -> None:
        """Also without contrast, and beyond the window: of 100 frames of which 60 are black, 59 go."""
        images = np.zeros((100, 12, 12, 1), np.uint8)
        lit = np.random.default_rng(2).permutation(100)[:40]
        images[lit] = scenes(40, 0)
        found = find_distinct(images, 100, NearDuplicates(distance, window))
        assert found.sum() == 41
        assert found[lit].all()
        twice = find_distinct(np.concatenate([images, images]), 200, NearDuplicates(distance, window))
        assert twice.sum() == 41

    def test_a_window_that_does_not_fit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        images = scenes(40, 0)
        monkeypatch.setattr(near_duplicates.memory, "find_free", lambda: 50 * 144 * 4)
        with pytest.raises(UserError, match=r"near-duplicates-window 40: .* 22 fit"):
            find_distinct(images, 40, NearDuplicates())
        assert find_distinct(images, 40, NearDuplicates(0.2, 22)).all()

    @pytest.mark.parametrize("window", [1, 4, 30])
    def test_as_defined(self, window: int) -> None:
        """Also in a stream whose copies are anywhere, where the window decides."""
        images = scenes(15, 2, 0)[np.random.default_rng(3).permutation(45)]
        found = find_distinct(images, 45, NearDuplicates(0.3, window)).tolist()
        assert found == by_definition(images, 0.3, window)
        assert found != by_definition(images[::-1], 0.3, window)[::-1]  # the order counts
        assert (sum(found) == 15) == (window == 30)

    def test_no_window_is_a_window_of_all(self) -> None:
        images = scenes(20, 3, 0)[np.random.default_rng(3).permutation(80)]
        unlimited = find_distinct(images, 80, NearDuplicates(0.3, None)).tolist()
        assert unlimited == find_distinct(images, 80, NearDuplicates(0.3, 80)).tolist()
        assert sum(unlimited) == 20

    def test_a_near_duplicate_beyond_the_window_counts_as_distinct(self) -> None:
        a, b, c = scenes(3, 0)
        images = np.stack([a, b, c, a + 1, c + 1, b + 1])
        two, three = (find_distinct(images, 6, NearDuplicates(0.2, window)).tolist() for window in (2, 3))
        assert two == [True, True, True, True, False, True]
        assert three == [True] * 3 + [False] * 3

    def test_the_cost_is_linear(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of unrelated images, each is compared with a window; without one, all with all."""
        compared = []
        nearest = near_duplicates._nearest

        def counted(centres: np.ndarray, windows: np.ndarray) -> float:
            compared[-1] += len(centres)
            return nearest(centres, windows)

        monkeypatch.setattr(near_duplicates, "_nearest", counted)
        for count in (100, 200, 400):
            compared.append(0)
            find_distinct(scenes(count, 0), count, NearDuplicates(0.2, 10))
        assert compared == [10 * count - 55 for count in (100, 200, 400)]
        compared.append(0)
        find_distinct(scenes(200, 0), 200, NearDuplicates(0.2, None))
        assert compared[-1] == 200 * 199 / 2

    def test_floats_as_bytes(self) -> None:
        images = scenes(10, 2)
        assert (
            find_distinct(images / 7.0, 30, NearDuplicates()).tolist()
            == find_distinct(images, 30, NearDuplicates()).tolist()
        )

    def test_a_data_set_is_read_piece_by_piece(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In stored order, its colours last, however they are stored."""
        images = np.random.default_rng(1).integers(0, 255, (10, 6, 5, 3), np.uint8)
        monkeypatch.setattr(near_duplicates, "PIECE", 4)
        for planar in (False, True):
            rows = (images.transpose(0, 3, 1, 2) if planar else images).reshape(10, -1)
            data = Images(rows, np.zeros(10, int), (6, 5, 3), "some", planar)
            np.testing.assert_array_equal(np.stack([*iterate_images(data)]), images)

    def test_filling_up(self) -> None:
        fell = np.arange(10) % 2 == 1
        assert fill_up(np.array([4, 0]), fell, 2, 1).tolist() == [0, 4]
        found = fill_up(np.array([0, 2, 4, 6, 8]), fell, 7, 1)
        assert len(set(found)) == 7
        assert {0, 2, 4, 6, 8} < set(found)

    def test_refusals(self) -> None:
        for distance in (-0.1, 2.1, float("nan")):
            with pytest.raises(UserError, match="near-duplicates"):
                NearDuplicates(distance)
        with pytest.raises(UserError, match="near-duplicates-window 0"):
            NearDuplicates(0.2, 0)


@pytest.fixture
def burst(tmp_path: Path) -> Path:
    """Forty scenes of three images each, in two classes by turns."""
    labels = np.repeat(np.arange(40) % 2, 3)
    np.savez(tmp_path / "burst.npz", images=scenes(40, 2), labels=labels)
    return tmp_path / "burst.npz"


class TestSample:
    @pytest.mark.parametrize("group", ["class", "batch"])
    def test_no_near_duplicate_is_kept(
        self, group: str, burst: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = burst.parent / "out"
        arguments = ["--data", str(burst), *f"--ratio 0.25 --group {group} --size 16 -o".split(), str(out)]
        assert nms(*arguments, "--near-duplicates", "0.3", monkeypatch=monkeypatch) == 0
        kept, figures = np.load(out / "kept.npy"), json.loads((out / "sample.json").read_text())
        assert len(set(kept)) == figures["kept"] == 30  # a quarter of all 120
        assert (kept % 3 == 0).all()  # originals, the first of each three
        assert figures["near_duplicates"] == {"distinct": 40, "removed": 80, "kept_to_fill_up": 0}
        assert figures["settings"]["near_duplicates"] == {"distance": 0.3, "window": 256}
        assert figures["software_only"] == ["grid", "near_duplicates"]
        assert figures["groups"]["largest"] <= 16
        assert figures["command"].endswith("--near-duplicates 0.3")
        assert "80 removed, 40 distinct images" in capsys.readouterr().out
        without = burst.parent / "plain"
        assert nms(*arguments[:-1], str(without), monkeypatch=monkeypatch) == 0
        plain = json.loads((without / "sample.json").read_text())
        assert plain["settings"]["near_duplicates"] is None
        assert "near_duplicates" not in plain
        assert (np.load(without / "kept.npy") % 3 > 0).any()

    def test_the_rule_is_that_of_evaluate(self, burst: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Copies anywhere, no window: what stands is what comparing with all gives."""
        order = np.random.default_rng(5).permutation(120)
        np.savez(burst, images=scenes(40, 2, 0)[order])
        out = burst.parent / "out"
        arguments = ["--data", str(burst), "--ratio", "0.3", "-o", str(out), "--near-duplicates", "0.3"]
        assert nms(*arguments, "--near-duplicates-window", "0", monkeypatch=monkeypatch) == 0
        stands = np.flatnonzero(find_distinct(scenes(40, 2, 0)[order], 120, NearDuplicates(0.3, None)))
        assert len(stands) == 40
        assert set(np.load(out / "kept.npy")) < set(stands)

    def test_others_fill_up(
        self, burst: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = burst.parent / "out"
        arguments = ["--data", str(burst), "--ratio", "0.5", "--near-duplicates", "0.3", "-o", str(out)]
        assert nms(*arguments, monkeypatch=monkeypatch) == 0
        kept, figures = np.load(out / "kept.npy"), json.loads((out / "sample.json").read_text())
        assert len(set(kept)) == 60
        assert (kept % 3 == 0).sum() == 40
        assert figures["near_duplicates"]["kept_to_fill_up"] == 20
        assert "20: too few images are distinct" in capsys.readouterr().out

    @pytest.mark.parametrize("after", [0, 3])
    def test_an_interruption_loses_nothing(
        self, after: int, burst: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Whether groups are finished or only the removal, which does not run again."""
        arguments = ["--data", str(burst), "--group", "batch", "--size", "8", "--near-duplicates", "0.3"]
        assert nms(*arguments, "-o", str(burst.parent / "whole"), monkeypatch=monkeypatch) == 0
        out, work = burst.parent / "out", pool.run_task
        worked: list[int] = []

        def counted(task: pool.Task) -> pool.TaskResult:
            if len(worked) == after:
                raise KeyboardInterrupt
            worked.append(task.number)
            return work(task)

        with monkeypatch.context() as patched:
            patched.setattr(pool, "run_task", counted)
            assert nms(*arguments, "-o", str(out), monkeypatch=patched) == 130
        assert len(worked) == after
        monkeypatch.setattr(near_duplicates, "_nearest", None)
        assert nms(*arguments, "-o", str(out), monkeypatch=monkeypatch) == 2
        assert f"{after} finished groups" in capsys.readouterr().err
        other = [*arguments, "-o", str(out), "--resume", "--near-duplicates-window", "9"]
        assert nms(*other, monkeypatch=monkeypatch) == 2
        assert "'window': 256" in capsys.readouterr().err
        assert nms(*arguments, "-o", str(out), "--resume", monkeypatch=monkeypatch) == 0
        for name in ("kept.npy", "sample.json"):
            assert (out / name).read_bytes() == (burst.parent / "whole" / name).read_bytes()

    def test_changed_images_are_not_resumed(
        self, burst: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Also where no group was finished yet."""
        arguments = ["--data", str(burst), "--near-duplicates", "0.3", "-o", str(burst.parent / "out")]

        def interrupted(task: pool.Task) -> pool.TaskResult:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(pool, "run_task", interrupted)
            assert nms(*arguments, monkeypatch=patched) == 130
        np.savez(burst, images=scenes(40, 2)[::-1], labels=np.repeat(np.arange(40) % 2, 3))
        assert nms(*arguments, "--resume", monkeypatch=monkeypatch) == 2
        assert "has changed since that run" in capsys.readouterr().err

    def test_groups_of_distinct_images_are_verified(
        self, burst: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The groups of 16 sent are of different scenes; of all images they would hold five or six."""
        data = datasets.load(str(burst))
        seen: list[np.ndarray] = []
        real = job.run

        def watched(config: Any, settings: Any, images: Images, *more: Any) -> job.Outcome:
            seen.append(images.images)
            return real(config, settings, images, *more)

        monkeypatch.setattr(job, "run", watched)
        sent = [
            "--near-duplicates",
            "0.3",
            "--level",
            "golden",
            "--verify",
            "2",
            "-c",
            "tiny",
            "-P",
            "pixels=144",
        ]
        groups = ["--group", "batch", "--size", "16", "-o", str(burst.parent / "out")]
        assert nms("--data", str(burst), *groups, *sent, monkeypatch=monkeypatch) == 0
        np.testing.assert_array_equal(np.concatenate(seen), data.images[::3][:32])

    def test_refusals(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for words, message in (
            (["--near-duplicates", "3"], "near-duplicates 3"),
            (["--near-duplicates-window", "9"], "near-duplicates-window 9: needs --near-duplicates"),
            (["--near-duplicates", "0.2", "--near-duplicates-window", "-1"], "-1"),
        ):
            assert nms(*words, "-o", str(tmp_path / "out"), monkeypatch=monkeypatch) == 2
            assert message in capsys.readouterr().err
            assert not (tmp_path / "out").exists()


class TestInMemory:
    def test_estimator(self) -> None:
        images = scenes(40, 2)
        rows, labels = images.reshape(120, -1), np.repeat(np.arange(40) % 2, 3)
        found = DESNESampler(
            0.2, perplexity=5.0, iterations=8, near_duplicates=0.3, image_shape=(12, 12), random_state=1
        ).fit(rows, labels)
        expected = sample(images, labels, 0.2, FAST, near_duplicates=NearDuplicates(0.3))
        np.testing.assert_array_equal(found.sample_indices_, expected.kept)
        assert len(found.sample_indices_) == 24
        fell = np.arange(120) % 3 > 0
        assert not fell[found.sample_indices_].any()
        np.testing.assert_array_equal(found.groups_ == -1, fell)
        np.testing.assert_array_equal(np.isnan(found.embedding_).all(axis=1), fell)

    def test_without_a_shape_nothing_is_shifted(self) -> None:
        rows = scenes(10, 0).reshape(10, -1)
        shifted = np.roll(scenes(10, 0), 1, axis=2).reshape(10, -1)
        both = np.concatenate([rows, rows + 10, shifted])
        found = DESNESampler(0.3, iterations=8, near_duplicates=0.3, random_state=1).fit(both)
        assert (found.groups_ == -1).tolist() == [False] * 10 + [True] * 10 + [False] * 10
        with pytest.raises(ValueError, match="image_shape"):
            DESNESampler(near_duplicates=0.3, image_shape=(12, 13)).fit(both)
