# SPDX-License-Identifier: Apache-2.0
"""Data sets sampled by the bit-true model: groups of any size, the command, the estimator."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nms import cli, datasets
from nms.contract.config import ReducedConfig, load, load_published
from nms.contract.errors import UserError
from nms.contract.settings import Pick, Settings
from nms.golden import exact, herding, near_duplicates, sampler
from nms.golden.reduction import reduce
from nms.sampling import BitTrue, count_to_keep, group_by_batch, group_by_class, sample
from nms.sampling.estimator import DESNESampler
from nms.sampling.journal import Journal

picks = pytest.mark.parametrize("pick", ["herding", "centre", "medoid", "hub", "neighbour"])


def reduced(name: str, *overrides: str) -> ReducedConfig:
    config = load(name, overrides)
    assert isinstance(config, ReducedConfig)
    return config


def colours(count: int) -> np.ndarray:
    """Random images of two colours in uneven halves: (count, 20, 12, 3)."""
    rng = np.random.default_rng(count)
    images = np.repeat(rng.integers(0, 256, (count, 1, 1, 3)), 20, axis=1).repeat(12, axis=2)
    images[:, 7:] = rng.integers(0, 256, (count, 1, 1, 3))
    return (images * 0.9 + rng.integers(0, 25, images.shape)).astype(np.uint8)


@picks
@pytest.mark.parametrize("count", [4, 5, 17, 64])
def test_a_group_is_a_run(pick: str, count: int) -> None:
    images = colours(count)
    method = BitTrue(reduced("lean"), (20, 12, 3), pick=pick, side=4, iterations=20)
    for keep in {1, count // 3, count} - {0}:
        settings = method.settings(count, keep, 7)
        assert (settings.keep, settings.side, settings.seed) == (keep, 4, 7)
        found = method.sample(images, keep, 7)
        tables = sampler.run(method.config, settings, images)
        assert np.array_equal(found.kept, tables.kept)
        assert np.isfinite(found.embedding).all() == (pick != "herding" and count >= 5)


@picks
@pytest.mark.parametrize("count", [1, 2, 3])
def test_groups_that_no_hardware_takes_are_herded(pick: str, count: int) -> None:
    images = colours(count)
    method = BitTrue(reduced("lean"), (20, 12, 3), pick=pick)
    rows = reduce(images.reshape(count, -1), method.settings(4, 1, 1))
    for keep in range(count + 1):
        found = method.sample(images, keep, 1)
        assert found.embedding.shape == (count, 2)
        expected = herding.choose(exact.distances(rows), keep).tolist() if keep else []
        assert found.kept.tolist() == expected


@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("side", [0, 4, 8])
def test_herding_is_float64s(planes: bool, side: int) -> None:
    """Rounding the means moves few images: 95 of 100 kept are those of means without rounding."""
    config = reduced("herding", "pixels=1024")
    shared = 0
    for seed in range(20):
        images = colours(40 + seed)[:40]
        shape = (20, 12, 3)
        if planes:
            images, shape = np.ascontiguousarray(np.moveaxis(images, 3, 1)), (3, 20, 12)
        method = BitTrue(config, shape, planes=planes, side=side)
        shared += len(np.intersect1d(method.sample(images, 10, 1).kept, method.sample_exactly(images, 10, 1)))
    assert shared >= (200 if side == 0 else 190)


@picks
def test_picks_are_mostly_float64s(pick: str) -> None:
    """Maps of few bits drift from those of float64; random picks would share 0.3."""
    digits = load_digits().data.astype(np.uint8)
    method = BitTrue(reduced("lean"), (8, 8), pick=pick)
    shares = [
        len(np.intersect1d(method.sample(group, 19, 1).kept, method.sample_exactly(group, 19, 1))) / 19
        for group in digits[: 6 * 64].reshape(6, 64, 64)
    ]
    assert np.mean(shares) >= 0.55


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pick": "best"}, "pick 'best'"), ({"side": 5}, "side 5"), ({"side": 32}, "side 32"),
        ({"shape": (8, 8), "grey": True}, "grey"), ({"shape": (193,)}, "pixels 193"),
        ({"pick": "hub", "perplexity": 1.0}, "perplexity 1"),
        ({"pick": "hub", "evaluations": 16}, "evaluations 16"),
        ({"pick": "hub", "iterations": -1}, "iterations -1"),
        ({"config": reduced("herding"), "pick": "hub"}, "pick hub"),
    ],
)  # fmt: skip
def test_refusals(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        BitTrue(**{"config": reduced("lean"), "shape": (20, 12, 3), **options})


def test_what_decides_the_result_is_described() -> None:
    method = BitTrue(reduced("lean"), (20, 12, 3))
    assert method.describe().keys() == {"configuration", "grey", "pick", "side"}
    assert method.describe()["side"] == 8
    mapped = replace(method, pick="hub").describe()
    assert {name: mapped[name] for name in ("perplexity", "iterations", "evaluations")} == {
        "perplexity": 15.0, "iterations": 48, "evaluations": 6,
    }  # fmt: skip
    json.dumps(mapped)


class TestPublished:
    """Groups by the published method on reduced images."""

    CONFIG = load_published("tiny", ["images=32", "pixels=48", "side=4", "picks=1"])

    def method(self, pick: str | None) -> BitTrue:
        return BitTrue(self.CONFIG, (20, 12, 3), pick=pick, iterations=10, search="window")

    @pytest.mark.parametrize("pick", [None, "medoid", "hub", "neighbour"])
    @pytest.mark.parametrize("count", [5, 32])
    def test_a_group_is_a_run(self, pick: str | None, count: int) -> None:
        images, method = colours(count), self.method(pick)
        settings = method.settings(count, 2, 7)
        assert isinstance(settings, Settings)
        assert (settings.side, settings.pick, settings.iterations) == (4, Pick.parse(pick or "centre"), 10)
        found, tables = method.sample(images, 2, 7), sampler.run(self.CONFIG, settings, images)
        assert np.array_equal(found.kept, tables.kept)
        assert np.array_equal(found.embedding, tables.embedding * self.CONFIG.profile.position.lsb)

    @pytest.mark.parametrize("count", [1, 4])
    def test_groups_without_a_map_are_herded(self, count: int) -> None:
        images, method = colours(count), self.method("hub")
        rows = reduce(images.reshape(count, -1), method.settings(5, 1, 1))
        for keep in range(1, count + 1):
            expected = herding.choose(exact.distances(rows), keep)
            assert np.array_equal(method.sample(images, keep, 1).kept, expected)

    def test_nearly_as_in_float64(self) -> None:
        images = colours(32)
        for pick in ("centre", "medoid", "hub", "neighbour"):
            method = replace(self.method(pick), iterations=100)
            theirs = method.sample_exactly(images, 10, 3)
            assert len(np.intersect1d(method.sample(images, 10, 3).kept, theirs)) >= 8

    def test_what_decides_the_result_is_described(self) -> None:
        found = self.method("hub").describe()
        assert (found["pick"], found["search"], found["side"], found["iterations"]) == (
            "hub",
            "window",
            4,
            10,
        )
        assert "evaluations" not in found
        assert BitTrue(self.CONFIG, (4, 4)).describe()["iterations"] == 300

    def test_command(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As the estimator keeps them, and as a level keeps its first group."""
        images, labels = colours(60), np.arange(60) % 2
        np.savez(tmp_path / "some.npz", images=images, labels=labels)
        (tmp_path / "mine.toml").write_text(
            'preset = "tiny"\nimages = 32\npixels = 48\nside = 4\npicks = 1\n'
        )
        words = [
            "-c",
            str(tmp_path / "mine.toml"),
            "--data",
            str(tmp_path / "some.npz"),
            "--iterations",
            "10",
        ]
        words += ["--pick", "medoid", "--search", "window", "--level", "golden", "-o", str(tmp_path / "out")]
        assert nms(*words, monkeypatch=monkeypatch) == 0
        figures = json.loads((tmp_path / "out" / "sample.json").read_text())
        assert figures["software_only"] == []
        assert figures["settings"]["search"] == "window"
        [first] = figures["verified"]["groups"]
        assert first["as_run"] == first["keep"] == 9
        own = DESNESampler(
            config=tmp_path / "mine.toml",
            image_shape=(20, 12, 3),
            pick="medoid",
            search="window",
            iterations=10,
            random_state=1,
        ).fit(images.reshape(60, -1), labels)
        assert np.array_equal(np.load(tmp_path / "out" / "kept.npy"), own.sample_indices_)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"pick": "herding"}, "pick herding"), ({"evaluations": 4}, "evaluations 4"),
            ({"threshold": 8}, "threshold 8"), ({"search": "secant"}, "secant"), ({"side": 8}, "side 8"),
            ({"config": reduced("lean"), "search": "window"}, "search window: configuration lean"),
            ({"config": load_published("tiny", ["side=4"]), "pick": "hub", "grey": True}, "picks=1"),
        ],
    )  # fmt: skip
    def test_refusals(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(UserError, match=words):
            BitTrue(**{"config": self.CONFIG, "shape": (20, 12, 3), **options})


def tremor(count: int, scenes: int) -> np.ndarray:
    """A stream of few scenes, each image a noisy one, some shifted by a row: (count, 20, 12, 3)."""
    rng = np.random.default_rng(count)
    rows = np.kron(rng.integers(0, 230, (scenes, 11, 1, 3)), np.ones((1, 2, 12, 1)))
    seen = rng.integers(0, scenes, count)
    images = np.stack([rows[scene, (first := rng.integers(0, 2)) : first + 20] for scene in seen])
    return np.clip(images + rng.integers(0, 9, images.shape), 0, 255).astype(np.uint8)


class TestNearDuplicates:
    """Left out as the hardware does."""

    @picks
    @pytest.mark.parametrize("keep", [2, 4, 12])
    def test_a_group_is_a_run(self, pick: str, keep: int) -> None:
        images = tremor(30, 9)
        method = BitTrue(reduced("lean"), (20, 12, 3), pick=pick, iterations=20, threshold=30, window=9)
        settings = method.settings(30, keep, 7)
        assert (settings.threshold, settings.window, settings.across) == (30, 9, False)
        found, tables = method.sample(images, keep, 7), sampler.run(method.config, settings, images)
        assert np.array_equal(found.kept, tables.kept)
        own = tables.standing == 1
        assert own.sum() == 9
        mapped = np.isfinite(found.embedding).all(axis=1)
        assert np.array_equal(mapped, own if pick != "herding" and keep < 9 else np.zeros(30, bool))
        if keep < 9:
            assert own[found.kept].all()
        else:
            assert found.kept.tolist() == sorted([*np.flatnonzero(own), *np.flatnonzero(~own)[:3]])

    @pytest.mark.parametrize("planes", [False, True])
    @pytest.mark.parametrize("keep", [4, 12])
    def test_as_in_float64(self, planes: bool, keep: int) -> None:
        images, shape = tremor(40, 9), (20, 12, 3)
        if planes:
            images, shape = np.ascontiguousarray(np.moveaxis(images, 3, 1)), (3, 20, 12)
        method = BitTrue(reduced("herding"), shape, planes=planes, threshold=30)
        assert np.array_equal(method.sample(images, keep, 1).kept, method.sample_exactly(images, keep, 1))

    def test_small_groups_too(self) -> None:
        images = tremor(3, 1)
        images[2] = 255 - images[2]
        method = BitTrue(reduced("herding"), (20, 12, 3), threshold=30)
        assert method.sample(images, 2, 1).kept.tolist() == [0, 2]
        assert method.sample(images, 1, 1).kept.tolist() == [0]

    @pytest.mark.parametrize(("across", "workers"), [(False, 1), (True, 1), (True, 2)])
    def test_groups_are_the_batches_of_a_job(self, across: bool, workers: int) -> None:
        images, labels = tremor(90, 8), np.repeat([0, 1], 45)
        method = BitTrue(reduced("herding"), (20, 12, 3), threshold=30, across=across)
        found = sample(images, labels, 6 / 90, method, size=15, workers=workers).kept
        expected, removal = [], near_duplicates.Removal(method.settings(15, 1, 1))
        for first in range(0, 90, 15):
            group = images[first : first + 15].reshape(15, -1)
            standing = removal.find_standing(group)
            tables = sampler.run(method.config, method.settings(15, 1, 1), group, standing=standing)
            expected.append(first + tables.kept[0])
        assert found.tolist() == expected

    def test_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """As the estimator keeps them; a count of what stands; again the same from the journal."""
        images, labels = tremor(90, 8), np.arange(90) % 2
        np.savez(tmp_path / "some.npz", images=images, labels=labels)
        words = ["-c", "herding", "--data", str(tmp_path / "some.npz"), "--ratio", "0.1", "--size", "15"]
        words += ["--threshold", "30", "--window", "8", "--across", "--level", "golden"]
        assert nms(*words, "-o", str(tmp_path / "out"), monkeypatch=monkeypatch) == 0
        assert "distinct images" in capsys.readouterr().out
        kept = np.load(tmp_path / "out" / "kept.npy").tolist()
        figures = json.loads((tmp_path / "out" / "sample.json").read_text())
        near = figures["near_duplicates"]
        assert (near["distinct"], near["removed"]) == (8, 82)
        assert near["kept_to_fill_up"] > 0  # what later groups keep stood in the first
        assert figures["software_only"] == []
        settings = figures["settings"]
        assert (settings["threshold"], settings["window"], settings["across"]) == (30, 8, True)
        [first] = figures["verified"]["groups"]
        assert first["as_run"] == first["as_float64"] == first["keep"]
        found = DESNESampler(
            0.1, config="herding", threshold=30, window=8, across=True, size=15, image_shape=(20, 12, 3),
            random_state=1,
        ).fit(images.reshape(90, -1), labels)  # fmt: skip
        assert kept == found.sample_indices_.tolist()

    def test_an_interrupted_run_goes_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What stands is in the journal, and is not searched for again."""
        np.savez(tmp_path / "some.npz", images=tremor(60, 8))
        words = ["-c", "herding", "--data", str(tmp_path / "some.npz"), "--size", "20", "--threshold", "30"]
        assert nms(*words, "-o", str(tmp_path / "whole"), monkeypatch=monkeypatch) == 0
        add, done = Journal.add, []

        def stop(journal: Journal, entry: dict[str, Any]) -> None:
            add(journal, entry)
            done.append(entry)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "add", stop)
            assert nms(*words, "-o", str(tmp_path / "parts"), monkeypatch=monkeypatch) == 130
        monkeypatch.setattr(near_duplicates.Removal, "find_standing", None)
        assert len(done) == 1
        assert nms(*words, "--resume", "-o", str(tmp_path / "parts"), monkeypatch=monkeypatch) == 0
        kept = [np.load(tmp_path / name / "kept.npy").tolist() for name in ("whole", "parts")]
        assert kept[0] == kept[1]
        capsys.readouterr()


def nms(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of ``nms sample`` with these arguments, on one worker."""
    monkeypatch.setattr(sys, "argv", ["nms", "sample", "--workers", "1", *arguments])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    return int(exited.value.code or 0)


class TestCommand:
    def test_classes_in_groups_as_large_as_the_hardware_holds(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Quotas, groups and picks put together by hand from reduced images and distances."""
        images, labels = colours(300), np.arange(300) * 7 % 3
        np.savez(tmp_path / "some.npz", images=images, labels=labels)
        words = ["-c", "herding", "--data", str(tmp_path / "some.npz"), "--ratio", "0.2", "--grey"]
        assert nms(*words, "-o", str(tmp_path / "out"), monkeypatch=monkeypatch) == 0
        kept = np.load(tmp_path / "out" / "kept.npy")
        groups = group_by_class(labels, 64)
        assert groups.sizes.tolist() == [50] * 6
        edges_y, edges_x = np.arange(9) * 20 // 8, np.arange(9) * 12 // 8
        means = np.empty((300, 8, 8))
        for y in range(8):
            for x in range(8):
                box = images[:, edges_y[y] : edges_y[y + 1], edges_x[x] : edges_x[x + 1]].reshape(300, -1)
                means[:, y, x] = np.floor(box.mean(axis=1) + 0.5)
        own = [
            members[herding.choose(exact.distances(means[members].astype(np.uint8)), 10)]
            for members in groups.members
        ]
        assert kept.tolist() == sorted(np.concatenate(own).tolist())
        figures = json.loads((tmp_path / "out" / "sample.json").read_text())
        assert figures["kept"] == 60
        assert figures["software_only"] == []
        assert figures["groups"] == {
            "count": 6, "smallest": 50, "largest": 50, "lower_perplexity": 0, "without_map": 0,
        }  # fmt: skip
        assert figures["settings"]["size"] == 64
        assert figures["settings"]["configuration"]["name"] == "herding"
        assert all(of["kept"] == 20 for of in figures["classes"].values())
        assert "perplexity" not in capsys.readouterr().out

    def test_batches_in_order_without_labels(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        images = colours(70)
        np.savez(tmp_path / "some.npz", images=images)
        words = ["-c", "lean", "--pick", "medoid", "--iterations", "10", "--data", str(tmp_path / "some.npz")]
        assert nms(*words, "-o", str(tmp_path / "out"), monkeypatch=monkeypatch) == 0
        method = BitTrue(reduced("lean"), (20, 12, 3), pick="medoid", iterations=10)
        groups = group_by_batch(70, 64)
        parts = zip(groups.members, groups.quotas(21).tolist(), groups.seeds(1), strict=True)
        own = [members[method.sample(images[members], keep, seed).kept] for members, keep, seed in parts]
        assert np.load(tmp_path / "out" / "kept.npy").tolist() == np.concatenate(own).tolist()
        figures = json.loads((tmp_path / "out" / "sample.json").read_text())
        assert figures["groups"]["lower_perplexity"] == 1  # of 6 images
        assert figures["settings"]["perplexity"] == 15.0

    def test_planes(self, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """CIFAR's planes are kept like the same images with interleaved colours."""
        data = datasets.load(str(shared_data / "native" / "cifar-10-batches-py"), 200)
        assert data.planar
        np.savez(tmp_path / "some.npz", images=data.pixels, labels=data.labels)
        for name, source in (("a", data.name), ("b", "some.npz")):
            folder = shared_data / "native" if name == "a" else tmp_path
            words = ["-c", "herding", "--data", str(folder / source), "--count", "200"]
            assert nms(*words, "-o", str(tmp_path / name), monkeypatch=monkeypatch) == 0
        kept = [np.load(tmp_path / name / "kept.npy") for name in "ab"]
        assert len(kept[0]) == 60
        # the order of a reduced image's bytes changes no distance
        assert np.array_equal(*kept)

    def test_groups_are_sent_through_the_model(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        words = ["-c", "herding", "--count", "100", "--group", "batch", "--level", "golden", "--verify", "2"]
        assert nms(*words, "-o", str(tmp_path), monkeypatch=monkeypatch) == 0
        verified = json.loads((tmp_path / "sample.json").read_text())["verified"]
        assert [(group["images"], group["keep"]) for group in verified["groups"]] == [(64, 19), (36, 11)]
        for group in verified["groups"]:
            assert group["as_float64"] == group["as_run"] == group["keep"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["-c", "herding", "--iterations", "9"], "iterations 9: configuration herding has no such"),
            (["-c", "herding", "--contrast"], "contrast: configuration herding"),
            (["-c", "herding", "--pick", "medoid"], "pick medoid: configuration herding has herding alone"),
            (["-c", "herding", "--size", "65"], "size 65: configuration herding holds at most 64 images"),
            (["-c", "lean", "--perplexity", "9"], "perplexity 9: herding draws no map; name another --pick"),
            (["-c", "lean", "--pick", "hub", "--grid", "9"], "grid 9: configuration lean"),
            (["-c", "lean", "--pick", "hub", "--evaluations", "0"], "evaluations 0"),
            (["--side", "4"], "side 4: configuration paper reduces no images"),
            (["-c", "tiny", "--grey"], "grey: configuration tiny"),
            (["--search", "window"], "search window: float64 has one of its own"),
            (["-c", "lean", "--search", "window"], "search window: configuration lean"),
            (["-c", "tiny", "-P", "side=4", "--threshold", "8"], "threshold 8: configuration tiny"),
            (["-c", "tiny", "-P", "side=4", "--pick", "hub"], "picks=1"),
            (["-c", "herding", "--grey"], "grey: needs interleaved pixels of three bytes"),
            (["--threshold", "8"], "threshold 8: configuration paper has no such setting"),
            (["-c", "herding", "--threshold", "256"], "threshold 256: must be 0 to 255"),
            (["-c", "herding", "--threshold", "8", "--window", "17"], "window 17: must be 1 to 16"),
            (["-c", "herding", "--window", "9"], "window 9: needs --threshold"),
            (["-c", "herding", "--across", "--threshold", "0"], "across: needs --threshold"),
            (["-c", "herding", "-P", "window=0", "--threshold", "8"], "removes no near-duplicates"),
            (["-c", "herding", "--threshold", "8", "--near-duplicates", "0.2"], "threshold 8: --near-dup"),
        ],
    )  # fmt: skip
    def test_refusals(
        self,
        arguments: list[str],
        words: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert nms(*arguments, "-o", str(tmp_path / "out"), monkeypatch=monkeypatch) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
        assert not (tmp_path / "out").exists()


class TestEstimator:
    @picks
    def test_as_the_groups_do_it(self, pick: str) -> None:
        images, labels = colours(100), np.arange(100) % 2
        config = reduced("lean")
        method = BitTrue(config, (20, 12, 3), pick=pick, side=4, iterations=10)
        expected = sample(images, labels, 0.25, method, size=32, seed=5).kept
        found = DESNESampler(
            0.25, config="lean", pick=pick, side=4, iterations=10, size=32, image_shape=(20, 12, 3),
            random_state=5,
        ).fit(images.reshape(100, -1), labels)  # fmt: skip
        assert np.array_equal(found.sample_indices_, expected)
        assert len(expected) == count_to_keep(0.25, 100)
        assert np.isnan(found.embedding_).all() == (pick == "herding")

    def test_rows_are_taken_as_they_are(self) -> None:
        digits = load_digits().data[:64].astype(np.uint8)
        found = DESNESampler(0.3, config="herding").fit(digits)
        assert np.array_equal(found.sample_indices_, herding.choose(exact.distances(digits), 19))

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"config": "paper"}, "config paper: must reduce"), ({"config": "herdin"}, "herding"),
            ({"config": "herding", "size": 65}, "size 65"), ({"side": 4}, "needs? config"),
            ({"config": "herding", "grid": 4}, "no such settings"), ({"grey": True}, "needs? config"),
            ({"config": "herding", "image_shape": (8, 9)}, "image_shape"),
            ({"threshold": 8}, "needs? config"), ({"search": "window"}, "needs? config"),
            ({"config": "herding", "search": "window"}, "search window"),
            ({"config": "herding", "threshold": 8}, "no rows to compare"),
            ({"config": "herding", "threshold": 8, "near_duplicates": 0.2}, "give one"),
        ],
    )  # fmt: skip
    def test_refusals(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(ValueError, match=words):
            DESNESampler(**options).fit(load_digits().data[:64].astype(np.uint8))

    def test_bytes_alone(self) -> None:
        with pytest.raises(ValueError, match="takes bytes"):
            DESNESampler(config="herding").fit(load_digits().data[:64])
