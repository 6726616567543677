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
from nms.contract.config import ReducedConfig, load
from nms.contract.errors import UserError
from nms.golden import exact, herding, sampler
from nms.golden.reduction import reduce
from nms.sampling import BitTrue, count_to_keep, group_by_batch, group_by_class, sample
from nms.sampling.estimator import DESNESampler

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
            (["--side", "4"], "side 4: configuration paper has no such setting"),
            (["-c", "tiny", "--grey"], "grey: configuration tiny"),
            (["-c", "herding", "--grey"], "grey: needs interleaved pixels of three bytes"),
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
            ({"config": "paper"}, "config paper: must be"), ({"config": "herdin"}, "herding"),
            ({"config": "herding", "size": 65}, "size 65"), ({"side": 4}, "needs? config"),
            ({"config": "herding", "grid": 4}, "no such settings"), ({"grey": True}, "needs? config"),
            ({"config": "herding", "image_shape": (8, 9)}, "image_shape"),
        ],
    )  # fmt: skip
    def test_refusals(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(ValueError, match=words):
            DESNESampler(**options).fit(load_digits().data[:64].astype(np.uint8))

    def test_bytes_alone(self) -> None:
        with pytest.raises(ValueError, match="takes bytes"):
            DESNESampler(config="herding").fit(load_digits().data[:64])
