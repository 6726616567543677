# SPDX-License-Identifier: Apache-2.0
"""Sampling whole data sets: groups, options, interruptions, subsets, the command, the estimator."""

import json
import resource
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import parametrize_with_checks

from nms import cli, datasets
from nms import run as job
from nms.contract.config import PRESETS
from nms.contract.errors import UserError
from nms.contract.settings import Settings
from nms.datasets.pictures import Files
from nms.golden import sampler as bit_true
from nms.sampling import Method, count_to_keep, group_by_batch, group_by_class, pool, sample, select, whole
from nms.sampling.estimator import DESNESampler
from nms.sampling.journal import Journal
from nms.sampling.select import draw_hardware_start, equalise_contrast, project_randomly

FAST = Method(perplexity=5.0, iterations=20)


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    images, labels = load_digits(return_X_y=True)
    return (images[:count] * 15).astype(np.uint8), labels[:count].astype(np.int64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve digits as PNG files in one class folder."""
    (tmp_path / "data" / "a").mkdir(parents=True)
    for index, image in enumerate(digits(12)[0]):
        Image.fromarray(image.reshape(8, 8)).save(tmp_path / "data" / "a" / f"{index:02}.png")
    return tmp_path / "data"


class TestGroups:
    def test_by_class(self) -> None:
        labels = np.array([2, 0, 2, 2, 0, 2, 2])
        groups = group_by_class(labels, 2)
        assert [group.tolist() for group in groups.members] == [[1, 4], [0, 2], [3, 5], [6]]
        assert groups.classes.tolist() == [0, 2, 2, 2]

    def test_groups_are_as_few_and_as_equal_as_can_be(self) -> None:
        assert group_by_class(np.zeros(1030, int), 512).sizes.tolist() == [344, 343, 343]
        assert group_by_class(np.zeros(1024, int), 512).sizes.tolist() == [512, 512]

    def test_batches(self) -> None:
        groups = group_by_batch(10, 4)
        assert [group.tolist() for group in groups.members] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]

    @pytest.mark.parametrize("seed", range(10))
    def test_quotas(self, seed: int) -> None:
        """Exact in all; each class, and each group of it, within one of its share."""
        rng = np.random.default_rng(seed)
        labels = rng.choice(7, 400, p=rng.dirichlet(np.ones(7)))
        groups = group_by_class(labels, int(rng.integers(5, 60)))
        keep = count_to_keep(float(rng.uniform(0.01, 1)), 400)
        quotas = groups.quotas(keep)
        assert quotas.sum() == keep
        assert (quotas <= groups.sizes).all()
        for label in np.unique(labels):
            own = groups.classes == label
            share = keep * np.mean(labels == label)
            assert abs(quotas[own].sum() - share) < 1
            assert (
                np.abs(quotas[own] - quotas[own].sum() * groups.sizes[own] / groups.sizes[own].sum()) < 1
            ).all()

    @pytest.mark.parametrize(("ratio", "count", "keep"), [(0.3, 50000, 15000), (0.25, 2, 1), (1.0, 3, 3)])
    def test_to_keep(self, ratio: float, count: int, keep: int) -> None:
        assert count_to_keep(ratio, count) == keep

    def test_refusals(self) -> None:
        for ratio in (0.0, 1.1, float("nan")):
            with pytest.raises(UserError, match="ratio"):
                count_to_keep(ratio, 10)
        with pytest.raises(UserError, match="keeps none"):
            count_to_keep(0.01, 10)
        for size in (0, 5000):
            with pytest.raises(UserError, match=f"size {size}"):
                group_by_batch(10, size)


class TestSelect:
    @pytest.mark.parametrize("edge", [False, True])
    def test_hardware_options_keep_what_the_bit_true_model_keeps(self, edge: bool) -> None:
        images, _ = digits(32)
        config = PRESETS["edge" if edge else "paper"]
        tables = bit_true.run(config, Settings.make(config, 32, 64, 0.3, 8.0, 40, 5, "window"), images)
        np.testing.assert_allclose(
            draw_hardware_start(32, 5),
            tables.embedding_init / 2.0**config.profile.position.fraction,
            atol=2.0**-20,
        )
        kept = select(images, 10, Method(perplexity=8.0, iterations=40, grid="hardware"), 5)
        assert len(set(kept.tolist()) & set(tables.kept.tolist())) >= (9 if edge else 10)

    @pytest.mark.parametrize(
        "options",
        [
            {"grid": "hardware"}, {"grid": 3}, {"pick": "random"}, {"pick": "medoid"},
            {"quota": "proportional"}, {"start": "projection"}, {"contrast": True},
        ],
    )  # fmt: skip
    def test_options(self, options: dict[str, Any]) -> None:
        images, _ = digits(60)
        method = Method(perplexity=5.0, iterations=20, **options)
        kept = select(images, 20, method, 3)
        assert kept.tolist() == sorted(set(kept.tolist()))
        assert len(kept) == 20
        assert kept.tolist() == select(images, 20, method, 3).tolist()
        assert kept.tolist() != select(images, 20, FAST, 3).tolist()
        hardware = {"grid"} if options.get("grid") != "hardware" else set()
        assert set(method.software_only) == hardware | (set(options) - {"grid", "contrast"})

    @pytest.mark.parametrize("count", range(1, 9))
    def test_small_groups(self, count: int) -> None:
        images, _ = digits(count)
        for keep in range(count + 1):
            for start in ("random", "projection"):
                assert len(select(images, keep, Method(iterations=5, start=start))) == keep

    def test_identical_images(self) -> None:
        for start in ("random", "projection"):
            kept = select(np.full((30, 12), 7, np.uint8), 10, Method(iterations=20, start=start))
            assert len(set(kept.tolist())) == 10

    def test_copies_are_kept_once(self) -> None:
        """Of 15 images, each three times, 15 are kept, and few of them twice."""
        images = np.repeat(digits(15)[0], 3, axis=0)
        kept = select(images, 15, Method(perplexity=5.0, start="projection"))
        assert len(set((kept // 3).tolist())) >= 13

    def test_floats_as_bytes(self) -> None:
        images, _ = digits(60)
        assert select(images, 20, FAST).tolist() == select(images.astype(float), 20, FAST).tolist()

    @pytest.mark.parametrize("options", [{}, {"contrast": True}, {"start": "projection"}])
    def test_pixels_are_never_all_float64(self, options: dict[str, Any]) -> None:
        """Of a group of large images: a copy of all would take 64 MiB."""
        images = np.random.default_rng(1).integers(0, 256, (8, 1 << 20), np.uint8)
        method = Method(perplexity=2.0, iterations=2, **options)
        tracemalloc.start()
        try:
            method.sample(images, 3, 1)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 9 << 20 if not options else peak < 8 * images.size

    def test_projection_and_contrast(self) -> None:
        images, _ = digits(60)
        y = project_randomly(images, 1)
        np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(y.std(axis=0), 1)
        z = equalise_contrast(images.astype(float))
        np.testing.assert_allclose([z.mean(axis=1), z.std(axis=1)], [[0] * 60, [1] * 60], atol=1e-12)
        np.testing.assert_array_equal(equalise_contrast(images), np.clip(np.rint(128 + 42 * z), 0, 255))
        darker = (images // 2).astype(float) * 2 + 10
        np.testing.assert_allclose(equalise_contrast(darker), equalise_contrast(darker / 2 + 3))

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({"perplexity": 1.0}, "perplexity 1"), ({"iterations": -1}, "iterations -1"),
            ({"grid": 0}, "grid 0"), ({"grid": "fine"}, "grid 'fine'"),
            ({"pick": "best"}, "pick 'best'"), ({"quota": ""}, "quota ''"),
            ({"start": "pca"}, "start 'pca'"),
        ],
    )  # fmt: skip
    def test_refusals(self, options: dict[str, Any], word: str) -> None:
        with pytest.raises(UserError, match=word):
            Method(**options)
        with pytest.raises(UserError, match="keep 4"):
            select(digits(3)[0], 4)


class TestJournal:
    def test_a_line_cut_short_does_not_count(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "journal"
        with Journal(path, {"seed": 1}, resume=False) as journal:
            journal.add({"group": 0, "kept": [1]})
            journal.add({"group": 1, "kept": [2]})
        path.write_bytes(path.read_bytes()[:-3])
        with Journal(path, {"seed": 1}, resume=True) as journal:
            assert list(journal.finished) == [0]
            journal.add({"group": 1, "kept": [3]})
        with Journal(path, {"seed": 1}, resume=True) as journal:
            assert journal.finished[1]["kept"] == [3]

    def test_another_run_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        with Journal(path, {"seed": 1}, resume=False) as journal:
            journal.add({"group": 0, "kept": []})
        with pytest.raises(UserError, match="1 finished groups"):
            Journal(path, {"seed": 1}, resume=False)
        with pytest.raises(UserError, match="seed 1, this one 2"):
            Journal(path, {"seed": 2}, resume=True)
        path.write_bytes(b"something\n")
        with pytest.raises(UserError, match="damaged"):
            Journal(path, {"seed": 1}, resume=True)

    def test_a_full_disk(self, tmp_path: Path) -> None:
        """One line; what is whole can be resumed."""
        path = tmp_path / "journal"
        before = resource.getrlimit(resource.RLIMIT_FSIZE)

        def fill() -> None:
            with Journal(path, {"seed": 1}, resume=False) as journal:
                journal.add({"group": 0, "kept": [1]})
                resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
                journal.add({"group": 1, "kept": [2] * 100})

        try:
            with pytest.raises(UserError, match=f"output '{path}': File too large"):
                fill()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        with Journal(path, {"seed": 1}, resume=True) as journal:
            assert list(journal.finished) == [0]

    def test_nothing_finished_leaves_nothing(self, tmp_path: Path) -> None:
        with Journal(tmp_path / "out" / "journal", {}, resume=False):
            pass
        assert not (tmp_path / "out").exists()


@parametrize_with_checks([DESNESampler(iterations=3)])
def test_scikit_learn_checks(estimator: DESNESampler, check: Any) -> None:
    """All of scikit-learn's checks that apply; none is expected to fail."""
    check(estimator)


class TestEstimator:
    def test_as_the_command_does_it(self) -> None:
        images, labels = digits(200)
        found = DESNESampler(0.1, perplexity=5.0, iterations=20, random_state=7).fit(images, labels)
        expected = sample(images, labels, 0.1, FAST, seed=7)
        np.testing.assert_array_equal(found.sample_indices_, expected.kept)
        np.testing.assert_array_equal(found.embedding_, expected.embedding)
        assert (np.bincount(found.groups_) == np.bincount(labels)).all()
        names = DESNESampler(0.1, perplexity=5.0, iterations=20, random_state=7).fit(
            images, np.array(list("abcdefghij"))[labels]
        )
        np.testing.assert_array_equal(names.sample_indices_, expected.kept)

    def test_fit_resample(self) -> None:
        images, labels = digits(50)
        sampler = DESNESampler(0.2, iterations=5, random_state=0)
        chosen, own = sampler.fit_resample(images, labels)
        np.testing.assert_array_equal(chosen, images[sampler.sample_indices_])
        np.testing.assert_array_equal(own, labels[sampler.sample_indices_])
        assert len(sampler.fit_resample(images)) == 10

    @pytest.mark.parametrize(("jobs", "processes"), [(None, 1), (3, 3), (-1, 4), (-2, 3), (-9, 1)])
    def test_processes(self, jobs: int | None, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(joblib._parallel_backends, "cpu_count", lambda: 4)
        assert DESNESampler(n_jobs=jobs)._count_workers() == processes

    @pytest.mark.parametrize(
        ("options", "word"),
        [({"ratio": 2.0}, "ratio 2"), ({"pick": "x"}, "pick"), ({"n_jobs": 0}, "n_jobs 0"),
         ({"n_jobs": 1.5}, "n_jobs 1.5"),
         ({"random_state": -1}, "random_state -1"), ({"size": 0}, "size 0")],
    )  # fmt: skip
    def test_refusals(self, options: dict[str, Any], word: str) -> None:
        images, labels = digits(50)
        with pytest.raises(ValueError, match=word):
            DESNESampler(**options).fit(images, labels)
        with pytest.raises(ValueError, match="continuous"):
            DESNESampler().fit(images, labels + 0.5)


def nms(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of ``nms sample`` with these arguments and few iterations, in this process."""
    monkeypatch.setattr(
        sys, "argv", ["nms", "sample", "--perplexity", "5", "--iterations", "8", "--workers", "1", *arguments]
    )
    with pytest.raises(SystemExit) as exited:
        cli.main()
    return int(exited.value.code or 0)


class TestCommand:
    def test_digits(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = str(tmp_path / "out")
        assert (
            nms("--count", "200", "-o", out, "--write", "npy", "--write", "csv", monkeypatch=monkeypatch) == 0
        )
        figures = json.loads((tmp_path / "out" / "sample.json").read_text())
        kept = np.load(tmp_path / "out" / "kept.npy")
        images, labels = digits(200)
        expected = sample(images, labels, 0.3, Method(perplexity=5.0, iterations=8))
        np.testing.assert_array_equal(kept, expected.kept)
        assert figures["kept"] == 60 == sum(of["kept"] for of in figures["classes"].values())
        assert figures["seed"] == 1
        assert figures["settings"]["group"] == "class"
        assert figures["software_only"] == ["grid"]
        rows = (tmp_path / "out" / "kept.csv").read_text().splitlines()
        assert rows == ["index,label", *(f"{index},{labels[index]}" for index in kept)]
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
            "kept.csv",
            "kept.npy",
            "sample.json",
        ]
        assert "200 images" in capsys.readouterr().out

    def test_a_full_disk_at_the_end_loses_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["--count", "40", "--group", "batch", "--size", "20", "-o", str(tmp_path / "out")]

        def full(*_: Any) -> None:
            raise UserError("output 'out': No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("nms.sampling.outcome.save", full)
            assert nms(*arguments, monkeypatch=patched) == 2
        assert "No space left on device; all groups are in" in capsys.readouterr().err
        monkeypatch.setattr(pool, "run_task", pytest.fail)
        assert nms(*arguments, "--resume", monkeypatch=monkeypatch) == 0

    def test_an_interruption_loses_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["--count", "120", "--group", "batch", "--size", "20"]
        assert nms(*arguments, "-o", str(tmp_path / "whole"), monkeypatch=monkeypatch) == 0
        out, work = tmp_path / "out", pool.run_task
        worked: list[int] = []

        def counted(task: pool.Task) -> pool.TaskResult:
            if len(worked) == 3:
                worked.clear()
                raise KeyboardInterrupt
            worked.append(task.number)
            return work(task)

        monkeypatch.setattr(pool, "run_task", counted)
        capsys.readouterr()
        assert nms(*arguments, "-o", str(out), monkeypatch=monkeypatch) == 130
        assert "3 of 6 groups" in capsys.readouterr().err
        assert [file.name for file in out.iterdir()] == ["sample.journal"]
        assert nms(*arguments, "-o", str(out), monkeypatch=monkeypatch) == 2
        assert "--resume" in capsys.readouterr().err
        assert nms(*arguments, "-o", str(out), "--resume", "--seed", "2", monkeypatch=monkeypatch) == 2
        assert "seed 1, this one 2" in capsys.readouterr().err
        assert nms(*arguments, "-o", str(out), "--resume", monkeypatch=monkeypatch) == 0
        assert worked == [3, 4, 5]
        for name in ("kept.npy", "sample.json"):
            assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        assert not (out / "sample.journal").exists()

    def test_an_image_that_cannot_be_read(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = [
            "--data",
            str(folder),
            "--group",
            "batch",
            "--size",
            "6",
            "-o",
            str(folder.parent / "out"),
        ]
        damaged = folder / "a" / "07.png"
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[: len(whole) - 40])
        assert nms(*arguments, monkeypatch=monkeypatch) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert "07.png: damaged" in said
        assert "1 of 2 groups" in said
        damaged.write_bytes(whole)
        assert nms(*arguments, "--resume", monkeypatch=monkeypatch) == 0

    def test_changed_images_are_not_resumed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        images, labels = digits(40)
        np.savez(tmp_path / "some.npz", images=images, labels=labels)
        data, groups = datasets.stream(str(tmp_path / "some.npz")), group_by_batch(40, 10)
        with Journal(tmp_path / "journal", {}, resume=False) as journal:
            tasks = whole.make_tasks(data.images, groups, groups.quotas(10), FAST, 1)
            whole.record_results(journal, pool.run_locally(tasks, 1), lambda _: None)
            whole.check_unchanged(journal, data, groups)
            np.savez(tmp_path / "some.npz", images=images[::-1], labels=labels)
            with pytest.raises(UserError, match="has changed"):
                whole.check_unchanged(journal, datasets.stream(str(tmp_path / "some.npz")), groups)

    def test_verify_by_the_bit_true_model(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["--count", "60", "--group", "batch", "--size", "16", "-o", str(tmp_path / "out")]
        checked = ["--grid", "hardware", "--level", "golden", "--verify", "2", "-c", "tiny"]
        assert nms(*arguments, *checked, monkeypatch=monkeypatch) == 0
        verified = json.loads((tmp_path / "out" / "sample.json").read_text())["verified"]
        assert [group["group"] for group in verified["groups"]] == [0, 1]
        for group in verified["groups"]:
            assert group["as_float64"] == group["as_run"] == group["keep"] == 5
        other = [*arguments, "--force"]
        assert nms(*other, "--level", "rtl", "-c", "tiny", "--size", "20", monkeypatch=monkeypatch) == 2
        assert "0 of 3 groups fit the preset tiny; group 0: count 20" in capsys.readouterr().err

    def test_what_decides_nothing_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A configuration without a level, and nothing to resume."""
        assert nms("--count", "20", "-o", str(tmp_path / "a"), monkeypatch=monkeypatch) == 0
        assert "note" not in capsys.readouterr().err
        arguments = ["--count", "20", "-c", "tiny", "--resume", "-o", str(tmp_path / "b")]
        assert nms(*arguments, monkeypatch=monkeypatch) == 0
        said = capsys.readouterr().err
        assert "note: configuration tiny decides nothing here; --level" in said
        assert "note: nothing to resume in" in said

    def test_groups_that_do_not_fit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(datasets.memory, "find_free", lambda: 2 * 64 * 20)
        arguments = ["--count", "40", "--group", "batch", "-o", str(tmp_path / "out")]
        assert nms(*arguments, monkeypatch=monkeypatch) == 2
        assert "size 40: groups of so many images" in (said := capsys.readouterr().err)
        assert "--size 16 fits" in said
        assert nms(*arguments, "--size", "16", monkeypatch=monkeypatch) == 0

    def test_labels_have_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Groups are formed by labels of any kind, and what is written calls them by their names."""
        images = np.random.default_rng(1).integers(0, 256, (40, 6, 6), np.uint8)
        np.savez(tmp_path / "some.npz", images=images, labels=np.tile([-1, 1], 20))
        arguments = ["--data", str(tmp_path / "some.npz"), "--write", "csv", "-o", str(tmp_path / "out")]
        assert nms(*arguments, monkeypatch=monkeypatch) == 0
        figures = json.loads((tmp_path / "out" / "sample.json").read_text())
        assert figures["settings"]["group"] == "class"
        assert figures["classes"] == {name: {"images": 20, "kept": 6} for name in ("-1", "1")}
        rows = (tmp_path / "out" / "kept.csv").read_text().splitlines()
        assert {row.split(",")[1] for row in rows[1:]} == {"-1", "1"}

    def test_a_difference_is_exit_status_1(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from nms.sim.compare import TableComparison

        real = job.run

        def wrong(*arguments: Any, **more: Any) -> job.Outcome:
            outcome = real(*arguments[:3], "golden")
            return job.Outcome("rtl", outcome.tables, [TableComparison("kept", 5, 1)])

        monkeypatch.setattr(job, "run", wrong)
        arguments = ["--count", "32", "--group", "batch", "--size", "16", "-o", str(tmp_path / "out")]
        assert nms(*arguments, "--level", "golden", "-c", "tiny", monkeypatch=monkeypatch) == 1

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (["--ratio", "0"], "ratio 0"), (["--size", "0"], "size 0"), (["--seed", "-1"], "seed -1"),
            (["--grid", "fine"], "grid 'fine'"), (["--pick", "best"], "pick 'best'"),
            (["--verify", "2"], "verify 2"), (["--scheduler", "tcp://a:1"], "workers 1"),
            (["--data", "nowhere"], "nowhere"),
            (["--count", "2", "--ratio", "0.1"], "keeps none of 2"), (["--write", "txt"], "txt"),
            (["--resize", "9"], "size 9"), (["-c", "papr"], "papr"),
        ],
    )  # fmt: skip
    def test_refusals(
        self,
        arguments: list[str],
        word: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert nms(*arguments, "-o", str(tmp_path / "out"), monkeypatch=monkeypatch) == 2
        said = capsys.readouterr()
        assert word in said.err
        assert len(said.err.strip().splitlines()) == 1
        assert not (tmp_path / "out").exists()

    def test_labels_are_needed_for_classes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        np.savez(tmp_path / "some.npz", images=digits(40)[0])
        arguments = ["--data", str(tmp_path / "some.npz"), "-o", str(tmp_path / "out")]
        assert nms(*arguments, "--group", "class", monkeypatch=monkeypatch) == 2
        assert "no labels" in capsys.readouterr().err
        assert nms(*arguments, monkeypatch=monkeypatch) == 0
        figures = json.loads((tmp_path / "out" / "sample.json").read_text())
        assert figures["settings"]["group"] == "batch"
        assert figures["classes"] == {}

    def test_subset(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        out = tmp_path / "out"
        arguments = ["--count", "50", "-o", str(out), "--write", "subset", "--write", "npy"]
        assert nms(*arguments, monkeypatch=monkeypatch) == 0
        images, labels = digits(50)
        found, kept = datasets.load(str(out / "subset" / "digits.npz")), np.load(out / "kept.npy")
        np.testing.assert_array_equal(found.images, images[kept])
        np.testing.assert_array_equal(found.labels, labels[kept])
        assert nms(*arguments, monkeypatch=monkeypatch) == 2
        assert "exists" in capsys.readouterr().err


def test_kept_pictures_are_named_by_their_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--data", str(folder), "--group", "batch", "--write", "csv", "-o", str(tmp_path / "out")]
    assert nms(*words, monkeypatch=monkeypatch) == 0
    head, *rows = (tmp_path / "out" / "kept.csv").read_text().splitlines()
    assert head == "index,label,file"
    assert len(rows) == 4
    for row in rows:
        index, _, file = row.split(",")
        assert file == f"a/{int(index):02}.png"


def test_files_are_read_by_the_workers(folder: Path) -> None:
    """A folder's images travel as names, and are pixels only in the worker."""
    data = datasets.stream(str(folder))
    groups = group_by_batch(12, 6)
    given = list(whole.make_tasks(data.images, groups, groups.quotas(4), FAST, 1))
    assert all(isinstance(task.images, Files) for task in given)
    found = [groups.members[done.number][done.kept].tolist() for done in pool.run_locally(iter(given), 1)]
    expected = sample(digits(12)[0], None, 4 / 12, FAST, 6).kept.tolist()
    assert sorted(index for group in found for index in group) == expected
