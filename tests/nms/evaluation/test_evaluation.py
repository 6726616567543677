# SPDX-License-Identifier: Apache-2.0
"""``nms evaluate``: streams, methods, models, pairs, the command; faults that must be seen."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from nms import cli, datasets
from nms.contract.config import load_published
from nms.contract.errors import UserError
from nms.evaluation import methods, model
from nms.evaluation.evaluate import Row, apply_method, compare_pairs, evaluate
from nms.evaluation.methods import METHODS, MethodOptions, count_standing, divide_among_classes
from nms.evaluation.scenario import (
    Scenario,
    Source,
    Trial,
    draw,
    find_copies,
    make_near_duplicates,
)
from nms.golden import exact, herding
from nms.sampling import BitTrue, Method

FAST = MethodOptions(Method(perplexity=5.0, iterations=20), batch=40)


@pytest.fixture(scope="module")
def source() -> Source:
    """Three hundred digits, without a test part."""
    images, labels = load_digits(return_X_y=True)
    pixels = (images[:300] * 15).astype(np.uint8).reshape(-1, 8, 8, 1)
    return Source(pixels, labels[:300].astype(np.int64), None, "digits", 0)


@pytest.fixture(scope="module")
def trial(source: Source) -> Trial:
    return source.draw_trial(1, Scenario(), 120)


class TestScenario:
    def test_held_out_images_are_in_no_stream(self, source: Source) -> None:
        for kind in ("clean", "redundant", "long-tail"):
            found = source.draw_trial(3, Scenario(kind))
            assert len(found.test_images) == 60
            assert not find_copies(found.test_images, found.images).any()

    def test_a_leaked_test_image_is_refused(self, trial: Trial) -> None:
        leaked = np.concatenate([trial.images, trial.test_images[:1]])
        with pytest.raises(ValueError, match="1 images of the stream are test images"):
            Trial(1, leaked, np.append(trial.labels, 0), trial.scenes, trial.test_images, trial.test_labels)

    def test_training_images_that_are_test_images_are_left_out(self, source: Source, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", images=source.images[:200], labels=source.labels[:200])
        np.savez(tmp_path / "b.npz", images=source.images[190:260], labels=source.labels[190:260])
        found = Source.load(str(tmp_path / "a.npz"), str(tmp_path / "b.npz"))
        assert found.removed == 10
        assert found.split == "the test part"
        with pytest.raises(UserError, match="must be other images"):
            Source.load(str(tmp_path / "a.npz"), str(tmp_path / "a.npz"))

    def test_redundant(self, source: Source) -> None:
        """A fifth of the images, each followed by its near-duplicates; or all anywhere."""
        rng = np.random.default_rng(1)
        images, labels, scenes = Scenario("redundant", 0.8).make_stream(source.images, source.labels, rng)
        original = find_copies(images, source.images)
        assert (len(images), original.sum()) == (300, 60)
        assert (labels == labels[original][np.cumsum(original) - 1]).all()
        assert (scenes == scenes[original][np.cumsum(original) - 1]).all()
        shuffled = Scenario("redundant", 0.8, shuffled=True)
        _, mixed, _ = shuffled.make_stream(source.images, source.labels, np.random.default_rng(1))
        assert sorted(mixed) == sorted(labels)
        assert np.count_nonzero(np.diff(mixed)) > np.count_nonzero(np.diff(labels))

    def test_bursts_are_uneven(self, source: Source) -> None:
        """By Zipf's law the first of 60 has 1/4.68 of the 240 near-duplicates; all alike it has 4."""
        longest = [
            np.bincount(
                Scenario("redundant", bursts=bursts).make_stream(
                    source.images, source.labels, np.random.default_rng(1)
                )[2]
            ).max()
            for bursts in (0.0, 1.0)
        ]
        assert longest[0] < 15
        assert longest[1] == pytest.approx(1 + 240 / 4.68, abs=20)

    def test_near_duplicates_are_nearer_than_other_images(self, shared_data: Path) -> None:
        images = np.load(shared_data / "cifar10_dev.npz")["x_train"][:50]
        copies = make_near_duplicates(images, 1, np.random.default_rng(1))
        assert not find_copies(copies, images).any()
        distance = np.square(copies[:, None].astype(float) - images).sum(axis=(2, 3, 4))
        assert (distance.argmin(axis=1) == np.arange(50)).mean() > 0.9

    def test_long_tail(self, source: Source) -> None:
        _, labels, _ = Scenario("long-tail", tail=1.0).make_stream(
            source.images, source.labels, np.random.default_rng(2)
        )
        found = sorted(np.bincount(labels).tolist(), reverse=True)
        assert found == pytest.approx([30 / rank for rank in range(1, 11)], abs=1.5)

    def test_draw_keeps_the_shares_of_classes(self) -> None:
        labels = np.repeat([0, 1, 2], [100, 200, 300])
        found = draw(labels, 60, np.random.default_rng(1))
        assert len(set(found)) == 60
        assert np.bincount(labels[found]) == pytest.approx([10, 20, 30], abs=1)

    def test_the_same_seed_gives_the_same_trial(self, source: Source) -> None:
        one, same, other = (source.draw_trial(seed, Scenario("redundant"), 100) for seed in (1, 1, 2))
        assert np.array_equal(one.images, same.images)
        assert not np.array_equal(one.test_images, other.test_images)

    def test_classes_are_matched_by_name(self, tmp_path: Path) -> None:
        """A class that the test part lacks shifts no label; one that it alone has is refused."""
        for part, classes in (("train", "abcd"), ("test", "dac"), ("other", "ae")):
            for name in classes:
                (tmp_path / part / name).mkdir(parents=True)
                for number in range(3):
                    pixels = np.full(
                        (4, 4), 60 * "abcde".index(name) + number + 4 * (part != "train"), np.uint8
                    )
                    Image.fromarray(pixels).save(tmp_path / part / name / f"{number}.png")
        found = Source.load(str(tmp_path / "train"), str(tmp_path / "test"))
        assert found.test is not None
        images, labels = found.test
        assert labels.tolist() == [0, 0, 0, 2, 2, 2, 3, 3, 3]
        assert (images[:, 0, 0, 0] // 60).tolist() == labels.tolist()
        assert any("no test images of 1 of 4 classes: b" in note for note in found.notes)
        with pytest.raises(UserError, match="label e is not in"):
            Source.load(str(tmp_path / "train"), str(tmp_path / "other"))

    def test_a_test_part_without_labels_is_left_alone(self, tmp_path: Path) -> None:
        """As Tiny ImageNet's, whose labels are elsewhere; unless it is asked for."""
        for number, name in enumerate(("train/cat/0", "train/dog/0", "test/images/0")):
            (tmp_path / name).parent.mkdir(parents=True)
            Image.fromarray(np.full((4, 4), number, np.uint8)).save(tmp_path / f"{name}.png")
        found = Source.load(str(tmp_path))
        assert found.test is None
        assert "the test part has other labels" in found.notes[0]
        with pytest.raises(UserError, match="label images is not in"):
            Source.load(str(tmp_path), str(tmp_path / "test"))

    def test_images_that_are_all_held_out(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "same.npz", images=np.zeros((40, 4, 4), np.uint8), labels=np.arange(40) % 2)
        with pytest.raises(UserError, match="copies of held-out ones"):
            Source.load(str(tmp_path / "same.npz")).draw_trial(1, Scenario())

    @pytest.mark.parametrize("labels", [[-1, 1], [0, 1 << 63], ["no", "yes"], [False, True]])
    def test_labels_of_any_kind(self, labels: list, tmp_path: Path) -> None:
        values = np.tile(np.array(labels, np.uint64 if labels[1] == 1 << 63 else None), 20)
        np.savez(
            tmp_path / "some.npz", images=np.arange(640, dtype=np.uint8).reshape(40, 4, 4), labels=values
        )
        found = Source.load(str(tmp_path / "some.npz"))
        assert found.labels.tolist() == [0, 1] * 20


class TestMethods:
    @pytest.mark.parametrize("name", METHODS)
    def test_each_keeps_what_it_should_and_again_the_same(self, name: str, trial: Trial) -> None:
        options = FAST
        if name.startswith("published-"):
            config = load_published("tiny", ["images=64", "side=4", "picks=1"])
            options = replace(FAST, bit_true=BitTrue(config, (8, 8), iterations=9, search="window"))
        kept = apply_method(name, METHODS[name][1], trial, 25, options)
        assert len(kept) == (120 if name == "all" else 25)
        assert np.array_equal(kept, apply_method(name, METHODS[name][1], trial, 25, options))
        if name in (
            "balanced",
            "nms-class",
            "herding",
            "lean-medoid",
            "published-hub",
            "k-means",
            "k-center",
            "pca",
            "projection",
        ):
            counts = np.bincount(trial.labels[kept])
            assert counts.max() - counts.min() <= 1

    def test_herding_is_the_models(self, trial: Trial) -> None:
        """Of each class in groups of at most 64 images, reduced by their shape."""
        bit_true = replace(FAST.bit_true, side=4)
        options = replace(FAST, bit_true=bit_true, shape=(8, 8, 1))
        kept = apply_method("herding", METHODS["herding"][1], trial, 30, options)
        means = trial.images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
        rows = np.floor(means + 0.5).astype(np.uint8)
        for label in range(10):
            own = np.flatnonzero(trial.labels == label)
            expected = own[herding.choose(exact.distances(rows[own]), 3)]
            assert np.array_equal(kept[trial.labels[kept] == label], expected)

    def test_near_duplicates_as_the_hardware_leaves_them_out(self) -> None:
        """Herding of a stream of few scenes keeps one of each, as long as there are enough."""
        scenes = np.random.default_rng(1).integers(0, 256, (30, 12, 1, 1)).repeat(12, axis=2)
        images = np.repeat(scenes, 4, axis=0).astype(np.uint8)
        none = (images[:0], np.empty(0, np.int64))
        stream = Trial(1, images, np.repeat([0, 1, 2], 40), np.repeat(np.arange(30), 4), *none)
        bit_true = replace(FAST.bit_true, shape=(12, 12, 1), threshold=8, across=True)
        options = replace(FAST, bit_true=bit_true, shape=(12, 12, 1))
        assert count_standing(images.reshape(120, -1), stream.labels, options) == 30
        for keep in (9, 30):
            kept = apply_method("herding", METHODS["herding"][1], stream, keep, options)
            assert len(np.unique(stream.scenes[kept])) == keep

    def test_groups_of_a_class_know_those_before(self) -> None:
        """What stood in the first group does not stand in the second, whose first images are then kept."""
        scenes = np.random.default_rng(2).integers(0, 256, (8, 12, 1, 1)).repeat(12, axis=2)
        images = np.tile(scenes, (10, 1, 1, 1)).astype(np.uint8)
        rows, labels = images.reshape(80, -1), np.zeros(80, np.int64)
        for across, standing in ((True, 8), (False, 16)):
            bit_true = replace(FAST.bit_true, shape=(12, 12, 1), threshold=8, across=across)
            options = replace(FAST, bit_true=bit_true, shape=(12, 12, 1))
            assert count_standing(rows, labels, options) == standing
            kept = METHODS["herding"][1](rows, labels, 6, options, 1)
            assert (kept[kept >= 40].tolist() == [40, 41, 42]) == across

    @pytest.mark.parametrize("data", ["native/fashion", "native/cifar-10-batches-py"])
    def test_scenes_of_real_streams_stand(self, data: str, shared_data: Path) -> None:
        """Of 1,000 images about the 200 originals; of as many without copies nearly all."""
        found = datasets.load(str(shared_data / data), 1000)
        source = Source(found.pixels, found.labels, (found.pixels[:0], found.labels[:0]), data, 0)
        shape = found.pixels.shape[1:]
        bit_true = replace(FAST.bit_true, shape=shape, threshold=8, across=True)
        options = replace(FAST, bit_true=bit_true, shape=shape)
        for kind, least, most in (("redundant", 190, 220), ("clean", 940, 1000)):
            trial = source.draw_trial(5, Scenario(kind))
            assert least <= count_standing(trial.images.reshape(1000, -1), trial.labels, options) <= most

    @pytest.mark.parametrize("wrong", [[0, 1], [0, 1, 1], [0, 1, 2, 3], [0, 1, 120], [-1, 0, 1]])
    def test_a_wrong_number_of_images_is_refused(self, wrong: list[int], trial: Trial) -> None:
        with pytest.raises(ValueError, match="pca: kept"):
            apply_method("pca", lambda *_: np.array(wrong), trial, 3, FAST)

    def test_shares_of_classes(self) -> None:
        labels = np.repeat([4, 5, 6], [2, 20, 78])
        assert divide_among_classes(labels, 21, "balanced") == {4: 2, 5: 10, 6: 9}
        assert divide_among_classes(labels, 100, "balanced") == {4: 2, 5: 20, 6: 78}
        assert divide_among_classes(labels, 50, "proportional") == {4: 1, 5: 10, 6: 39}

    def test_k_center_keeps_one_of_each_heap(self) -> None:
        rows = np.repeat(np.array([[0, 0], [0, 200], [200, 0]], np.uint8), 4, axis=0)
        kept = methods.select_k_center(rows, 3, FAST, 1)
        assert sorted(kept // 4) == [0, 1, 2]
        assert len(methods.select_k_means(rows, 5, FAST, 1)) == 5  # more than there are different images

    def test_only_given_images_are_chosen_and_others_fill_up(self, trial: Trial) -> None:
        """Of 20 images, all methods take 20; the missing 5 are others."""
        own = np.arange(40, 60)
        kept = apply_method("random", METHODS["random"][1], trial, 15, FAST, own)
        assert set(kept) < set(own)
        kept = apply_method("random", METHODS["random"][1], trial, 25, FAST, own)
        assert set(own) < set(kept)
        assert len(set(kept)) == 25

    def test_published_figures_can_be_drawn_again(self, trial: Trial) -> None:
        """The seed of a method is that of the published figures, in which -dedup was called -apart."""
        seed = np.random.SeedSequence([trial.seed, *b"random-apart"]).generate_state(1)[0]
        expected = np.random.default_rng(seed).permutation(120)[:25]
        kept = apply_method("random-dedup", METHODS["random"][1], trial, 25, FAST)
        assert kept.tolist() == sorted(expected)


class TestEvaluate:
    def test_more_data_is_better_and_chance_is_seen(self, source: Source) -> None:
        found = evaluate(
            source, Scenario(), ["balanced", "all"], 0.1, range(5), model.ridge, FAST, progress=lambda: None
        )
        few, every = found.rows
        assert every.mean > few.mean + 5
        assert few.kept == dict.fromkeys(range(5), 24)
        assert not compare_pairs(every, few).within

    def test_wrong_labels_are_worth_chance(self, trial: Trial) -> None:
        labels = np.random.default_rng(1).permutation(trial.labels)
        shuffled = Trial(1, trial.images, labels, trial.scenes, trial.test_images, trial.test_labels)
        assert model.ridge(shuffled)(np.arange(120)) < 0.35 < model.ridge(trial)(np.arange(120))

    def test_figures_of_a_pair(self) -> None:
        one = Row("one", {1: 50.0, 2: 60.0, 3: 70.0}, {}, {})
        two = Row("two", {1: 51.0, 2: 62.0, 3: 73.0}, {}, {})
        assert (one.mean, one.error) == pytest.approx((60.0, 10 / 3**0.5))
        found = compare_pairs(two, one)
        assert (found.mean, found.error) == pytest.approx((2.0, 1 / 3**0.5))
        assert not found.within
        assert compare_pairs(one, one).within

    def test_other_seeds_make_no_pairs(self) -> None:
        with pytest.raises(ValueError, match="not of the same seeds"):
            compare_pairs(Row("a", {1: 50.0, 2: 60.0}, {}, {}), Row("b", {1: 50.0, 3: 60.0}, {}, {}))

    def test_cnn(self, trial: Trial) -> None:
        pytest.importorskip("torch")
        assert model.cnn(trial)(np.arange(120)) > 0.6


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["nms", "evaluate", *words])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    return int(exit_.value.code or 0)


class TestCommand:
    def test_file_and_json(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["--count", "150", "--methods", "projection,random", "--iterations", "20", "--json"]
        assert command(monkeypatch, *words, "-o", str(tmp_path / "out")) == 0
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert printed == json.loads((tmp_path / "out" / "evaluate.json").read_text())
        rows = printed["rows"]
        assert [row["method"] for row in rows] == [
            METHODS[of][0] for of in ("balanced", "projection", "random")
        ]
        assert rows[0]["kept"] == [15] * 5
        for row in rows:
            assert row["below_two_standard_errors"] == (
                abs(row["difference_points"]) < 2 * row["difference_standard_error"] or row is rows[0]
            )

    def test_another_row_to_compare_with(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The same accuracies, differences from another method; which images stand is counted."""
        words = ["--count", "120", "--iterations", "9", "--scenario", "redundant"]
        names = ["--methods", "nms-class-dedup,random-dedup"]
        assert command(monkeypatch, *words, *names, "-o", str(tmp_path / "a")) == 0
        assert "images without near-duplicates" in capsys.readouterr().out
        assert command(monkeypatch, *words, *names, "--against", "random-dedup", "--json") == 0
        usual = json.loads((tmp_path / "a" / "evaluate.json").read_text())
        found = json.loads(capsys.readouterr().out)
        rows, others = ({row["method"]: row for row in of["rows"]} for of in (usual, found))
        assert [*others] == [[*rows][at] for at in (2, 0, 1)]
        for method, row in rows.items():
            assert row["accuracies_percent"] == others[method]["accuracies_percent"]
        first = others["random, near-duplicates removed"]["accuracy_percent"]
        last = others["NMS by class, near-duplicates removed"]
        assert last["difference_points"] == pytest.approx(last["accuracy_percent"] - first)
        assert found["input"]["distinct_images"] == usual["input"]["distinct_images"]
        assert max(usual["input"]["distinct_images"]) < 60
        assert usual["input"]["standing_images"] == []

    def test_what_stands_is_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["-c", "herding", "--count", "120", "--methods", "herding", "--threshold", "60", "--across"]
        assert command(monkeypatch, *words, "--scenario", "redundant") == 0
        assert "images, by the model's threshold" in capsys.readouterr().out

    def test_published_map_of_reduced_images(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = "-c tiny -P images=64 -P side=4 -P picks=1 --search window --iterations 9 --count 120 --json"
        assert command(monkeypatch, *words.split(), "--methods", "published-hub") == 0
        found = json.loads(capsys.readouterr().out)
        assert found["rows"][1]["method"] == "published map + hub, reduced"
        assert found["settings"]["bit_true"]["search"] == "window"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ("--seeds 4", "seeds 4"),
            ("--against foo", "methods 'foo'"),
            ("--methods foo", "methods 'foo'"),
            ("--methods all-dedup", "methods 'all-dedup'"),
            ("--bursts -1", "bursts -1"),
            ("--scenario odd", "scenario 'odd'"),
            ("--duplicates 1", "duplicates 1"),
            ("--tail -1", "tail -1"),
            ("--shift -1", "shift -1"),
            ("--ratio 0", "ratio 0"),
            ("--ratio 0.001", "10 classes"),
            ("--count 5000", "count 5000"),
            ("--model svm", "model 'svm'"),
            ("--methods published-hub", "methods 'published-hub': configuration lean is of another method"),
            ("-c herding --methods lean-hub", "methods 'lean-hub': configuration herding"),
            ("-c tiny -P side=4 --methods herding", "methods 'herding': configuration tiny"),
            ("-c tiny", "configuration tiny: must reduce images"),
            ("-c tiny -P side=4 --evaluations 4", "evaluations 4: configuration tiny"),
            ("--search window", "search window: configuration lean"),
            ("--near-duplicates 3", "near-duplicates 3"),
            ("--threshold 999", "threshold 999"),
            ("--window 3", "window 3: needs --threshold"),
            ("--classes some", "classes 'some'"),
            ("--data nowhere", "data 'nowhere'"),
        ],
    )
    def test_mistakes(
        self, words: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command(monkeypatch, *words.split()) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nms:")]
        assert len(lines) == 1
        assert message in lines[0]
