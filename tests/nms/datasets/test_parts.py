# SPDX-License-Identifier: Apache-2.0
"""Data sets as others write them: several parts and splits, several labels, other types and layouts."""

import gzip
import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nms import datasets
from nms.contract.errors import UserError
from nms.datasets import Choice, memory
from nms.datasets.idx import TYPES
from nms.datasets.labels import number_labels

RANDOM = np.random.default_rng(1)


def bytes_of(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def write_idx(path: Path, array: np.ndarray, code: int = 8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    contents = header + array.astype(TYPES[code]).tobytes()
    path.write_bytes(gzip.compress(contents) if path.suffix == ".gz" else contents)


class TestIdx:
    @pytest.fixture
    def emnist(self, tmp_path: Path) -> Path:
        """Six splits of different sizes, each of a training and a test part."""
        for place, split in enumerate(("balanced", "byclass", "bymerge", "digits", "letters", "mnist")):
            for part, count in (("train", 20 + place), ("test", 10 + place)):
                name = f"emnist-{split}-{part}-{{}}-ubyte.gz"
                write_idx(tmp_path / name.format("images-idx3"), bytes_of(count, 4, 3))
                write_idx(tmp_path / name.format("labels-idx1"), np.arange(count) % 7)
        return tmp_path

    def test_a_split_is_asked_for(self, emnist: Path) -> None:
        with pytest.raises(UserError, match=r"6 splits.*--split: balanced, byclass, .* letters, mnist"):
            datasets.load(str(emnist))
        with pytest.raises(UserError, match=r"split 'letter': .* letters"):
            datasets.load(str(emnist), choice=Choice("letter"))

    def test_training_images_are_read_and_their_test_part_is_found(self, emnist: Path) -> None:
        letters = Choice("letters")
        assert len(datasets.load(str(emnist), choice=letters).images) == 24
        held_out = datasets.load_test_part(str(emnist), choice=letters)
        assert held_out is not None
        assert len(held_out.images) == 14
        assert len(datasets.load(str(emnist), choice=Choice("digits-test")).images) == 13

    def test_the_words_of_a_split_are_meant_not_spelt(self, tmp_path: Path) -> None:
        for part, count in (("train", 5), ("t10k", 3)):
            write_idx(tmp_path / f"{part}-images-idx3-ubyte", bytes_of(count, 4, 3))
            write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(count))
        assert len(datasets.load(str(tmp_path), choice=Choice("test")).images) == 3
        assert len(datasets.load(str(tmp_path), choice=Choice("training")).images) == 5
        assert datasets.load_test_part(str(tmp_path), choice=Choice("test")) is None  # of itself
        with pytest.raises(UserError, match="split 'letters': digits has no parts with names"):
            datasets.load("digits", choice=Choice("letters"))

    def test_without_training_images_it_says_so(self, tmp_path: Path) -> None:
        write_idx(tmp_path / "t10k-images-idx3-ubyte", bytes_of(5, 4, 3))
        write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.zeros(5))
        assert datasets.load(str(tmp_path)).notes[0] == "has no training images; read are those of t10k"

    def test_folders_of_the_files_own_names(self, tmp_path: Path) -> None:
        """As Kaggle's archive unpacks: beside each file, or instead of it, a folder of its name."""
        arrays = {"train-images.idx3-ubyte": bytes_of(5, 4, 3), "train-labels.idx1-ubyte": np.ones(5)}
        for name, array in arrays.items():
            dashed = name.replace(".", "-")
            write_idx(tmp_path / name, array)
            write_idx(tmp_path / dashed / dashed, array)
        assert len(datasets.load(str(tmp_path)).images) == 5
        for name in arrays:
            (tmp_path / name).unlink()
        assert datasets.load(str(tmp_path)).labels.tolist() == [1] * 5

    @pytest.mark.parametrize("inner", ["raw", "gzip"])
    def test_folders_of_others(self, inner: str, tmp_path: Path) -> None:
        write_idx(tmp_path / inner / "train-images-idx3-ubyte.gz", bytes_of(5, 4, 3))
        write_idx(tmp_path / inner / "train-labels-idx1-ubyte.gz", np.arange(5))
        assert datasets.load(str(tmp_path)).labels.tolist() == list(range(5))

    def test_a_single_class_is_said(self, tmp_path: Path) -> None:
        write_idx(tmp_path / "images-idx3", bytes_of(5, 4, 3))
        write_idx(tmp_path / "labels-idx1", np.array([7, 7, 7, 1, 2]))
        assert datasets.load(str(tmp_path), 3).notes == ("all 3 images are of class 7",)
        assert datasets.load(str(tmp_path), 4).notes == ()

    def test_many_columns_of_labels(self, tmp_path: Path) -> None:
        """As QMNIST has them: eight integers an image, the class first."""
        write_idx(tmp_path / "qmnist-train-images-idx3-ubyte.gz", bytes_of(5, 4, 3))
        columns = np.arange(40).reshape(5, 8)
        write_idx(tmp_path / "qmnist-train-labels-idx2-int.gz", columns, 12)
        found = datasets.load(str(tmp_path))
        assert found.labels.tolist() == columns[:, 0].tolist()
        assert "first of 8 columns" in found.notes[0]

    @pytest.mark.parametrize("code", TYPES)
    def test_all_types(self, code: int, tmp_path: Path) -> None:
        images = RANDOM.integers(0, 128, (5, 4, 3))
        write_idx(tmp_path / "images-idx3", images, code)
        write_idx(tmp_path / "labels-idx1", np.array([3, 0, 1, 2, 100]), code)
        found = datasets.load(str(tmp_path))
        np.testing.assert_array_equal(found.images, images.reshape(5, -1))
        assert found.labels.tolist() == [3, 0, 1, 2, 100]
        assert bool(found.notes) == (code != 8)
        found.write_subset(np.array([1, 4]), tmp_path)
        np.testing.assert_array_equal(datasets.load(str(tmp_path)).images, found.images[[1, 4]])

    def test_plain_under_a_compressed_name(self, tmp_path: Path) -> None:
        for name, array in (("images-idx3", bytes_of(5, 4, 3)), ("labels-idx1", np.zeros(5))):
            write_idx(tmp_path / name, array)
            (tmp_path / name).rename(tmp_path / f"{name}.gz")
        assert len(datasets.load(str(tmp_path)).images) == 5


class TestCifar100:
    @pytest.mark.parametrize("binary", [False, True])
    def test_both_labels(self, binary: bool, tmp_path: Path) -> None:
        pixels, fine, coarse = bytes_of(6, 3072), np.arange(6) + 50, np.arange(6) + 3
        folder = tmp_path / "cifar-100"
        folder.mkdir()
        for part in ("train", "test"):
            rows = np.column_stack([coarse, fine, pixels]).astype(np.uint8)
            batch = {"data": pixels, "fine_labels": [*fine], "coarse_labels": coarse.tolist()}
            (folder / (f"{part}.bin" if binary else part)).write_bytes(
                rows.tobytes() if binary else pickle.dumps(batch, 2)
            )
        (folder / "meta").write_bytes(b"")
        found = datasets.load(str(folder))
        assert found.labels.tolist() == fine.tolist()
        assert "--labels coarse" in found.notes[0]
        assert datasets.load(str(folder), choice=Choice(labels="coarse")).labels.tolist() == coarse.tolist()
        with pytest.raises(UserError, match="one of fine_labels, coarse_labels"):
            datasets.load(str(folder), choice=Choice(labels="medium"))
        assert datasets.load_test_part(str(folder)) is not None
        (tmp_path / "subset").mkdir()
        found.write_subset(np.array([0, 5]), tmp_path / "subset")
        again = datasets.load(str(tmp_path / "subset"))
        np.testing.assert_array_equal(again.images, pixels[[0, 5]])
        assert again.labels.tolist() == [50, 55]

    def test_labels_as_numpy_integers(self, tmp_path: Path) -> None:
        batch = {b"data": bytes_of(3, 3072), b"labels": [np.int64(3), np.int64(1), np.int64(2)]}
        (tmp_path / "data_batch_1").write_bytes(pickle.dumps(batch, 2))
        assert datasets.load(str(tmp_path)).labels.tolist() == [3, 1, 2]


class TestNpz:
    @pytest.mark.parametrize(
        "names",
        [
            ("x_train", "y_train", "x_test", "y_test"),
            ("train_images", "train_labels", "test_images", "test_labels"),
            ("X", "y", "X_test", "y_test"),
        ],
    )
    def test_names_of_others(self, names: tuple[str, ...], tmp_path: Path) -> None:
        arrays = (bytes_of(6, 4, 3), np.arange(6)[:, None], bytes_of(3, 4, 3), np.arange(3)[:, None])
        np.savez(tmp_path / "some.npz", **dict(zip(names, arrays, strict=True)))  # type: ignore[arg-type]
        found = datasets.load(str(tmp_path / "some.npz"))
        np.testing.assert_array_equal(found.images, arrays[0].reshape(6, -1))
        assert found.labels.tolist() == list(range(6))
        held_out = datasets.load_test_part(str(tmp_path / "some.npz"))
        assert held_out is not None
        assert held_out.labels.tolist() == [0, 1, 2]

    def test_arrays_without_names(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "some.npz", bytes_of(6, 4, 3), np.arange(6))
        assert datasets.load(str(tmp_path / "some.npz"), 4).labels.tolist() == [0, 1, 2, 3]

    def test_fortran_order(self, tmp_path: Path) -> None:
        images = bytes_of(6, 4, 5, 3)
        np.savez(tmp_path / "some.npz", images=np.asfortranarray(images), labels=np.arange(6))
        found = datasets.load(str(tmp_path / "some.npz"), 4)
        np.testing.assert_array_equal(found.images, images[:4].reshape(4, -1))

    def test_planes_first(self, tmp_path: Path) -> None:
        images = bytes_of(6, 3, 4, 5)
        np.savez(tmp_path / "some.npz", images=images)
        found = datasets.load(str(tmp_path / "some.npz"))
        assert (found.shape, found.planar) == ((4, 5, 3), True)
        np.testing.assert_array_equal(found.pixels, images.transpose(0, 2, 3, 1))
        assert "(N, C, H, W)" in found.notes[0]

    @pytest.mark.parametrize(
        ("values", "expected", "word"),
        [
            (np.array([0.0, 0.5, 1.0, 0.25], np.float32), [0, 128, 255, 64], "multiplied by 255"),
            (np.array([0.4, 254.6, 7.0, 0.0]), [0, 255, 7, 0], "rounded"),
            (np.array([0, 255, 3, 4], ">u2"), [0, 255, 3, 4], "taken as bytes"),
            (np.array([False, True, True, False]), [0, 255, 255, 0], "truth values"),
        ],
    )
    def test_other_types_are_converted_with_a_word(
        self, values: np.ndarray, expected: list[int], word: str, tmp_path: Path
    ) -> None:
        np.savez(tmp_path / "some.npz", images=np.stack([values, values[::-1]]))
        found = datasets.load(str(tmp_path / "some.npz"))
        assert found.images.tolist() == [expected, expected[::-1]]
        assert word in found.notes[0]

    def test_the_conversion_does_not_depend_on_the_count(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "some.npz", images=np.array([[0.0, 1.0], [200.0, 255.0]]))
        assert datasets.load(str(tmp_path / "some.npz"), 1).images.tolist() == [[0, 1]]

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            (np.array([-1.0, 1.0]), r"-1 to 1.*\(x \+ 1\) \* 127.5"),
            (np.array([0, 4095], np.uint16), r"0 to 4095.*x - x.min\(\)"),
            (np.array([0.0, np.nan]), "nan"),
            (np.array([1j, 2]), "complex128"),
        ],
    )
    def test_others_are_refused_with_how_to_convert(
        self, values: np.ndarray, words: str, tmp_path: Path
    ) -> None:
        np.savez(tmp_path / "some.npz", images=np.stack([values] * 2))
        with pytest.raises(UserError, match=words):
            datasets.load(str(tmp_path / "some.npz"))


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "numbers", "names"),
        [
            (np.array([-1, 1, -1]), [0, 1, 0], {0: "-1", 1: "1"}),
            (np.array([1 << 63, 0, 5], np.uint64), [2, 0, 1], {0: "0", 1: "5", 2: str(1 << 63)}),
            ([1 << 70, 0, -5], [2, 1, 0], {0: "-5", 1: "0", 2: str(1 << 70)}),
            (np.array(["b", "a", "b"]), [1, 0, 1], {0: "a", 1: "b"}),
            (np.array([b"b", b"a", b"b"]), [1, 0, 1], {0: "a", 1: "b"}),
            (np.array([True, False, True]), [1, 0, 1], {0: "False", 1: "True"}),
            (np.array([[7], [0], [9]]), [7, 0, 9], {}),
            (np.array([3.0, 1.0]), [3, 1], {}),
            (np.eye(3, dtype=np.float32)[[2, 0]], [2, 0], {}),
            ([np.int64(4), np.int64(0)], [4, 0], {}),
        ],
    )
    def test_all_kinds(self, labels: object, numbers: list[int], names: dict[int, str]) -> None:
        found, called = number_labels(labels, "labels")  # type: ignore[arg-type]
        assert found.tolist() == numbers
        assert called == names

    @pytest.mark.parametrize("labels", [np.array([0.5]), [None], [{}], np.zeros((3, 2)), [[1], [1, 2]]])
    def test_what_is_none(self, labels: object) -> None:
        with pytest.raises(UserError, match="must be"):
            number_labels(labels, "labels")  # type: ignore[arg-type]


class TestArrow:
    @pytest.mark.parametrize("coded", ["ClassLabel", "string"])
    def test_as_datasets_writes_it(self, coded: str, tmp_path: Path) -> None:
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
        names = (
            {b"huggingface": json.dumps({"info": {"features": features}})} if coded == "ClassLabel" else {}
        )
        images = {}
        for part, count in (("train", 5), ("test", 3)):
            images[part] = bytes_of(count, 4, 6, 3)
            rows = []
            for image in images[part]:
                file = io.BytesIO()
                Image.fromarray(image).save(file, "PNG")
                rows.append({"bytes": file.getvalue(), "path": None})
            labels = [index % 2 for index in range(count)]
            table = pa.table(
                {"image": rows, "label": labels if names else [["cat", "dog"][label] for label in labels]}
            ).replace_schema_metadata(names)
            (tmp_path / "data").mkdir(exist_ok=True)
            parquet.write_table(table.slice(0, 2), tmp_path / "data" / f"{part}-00000-of-00002.parquet")
            parquet.write_table(
                table.slice(2), tmp_path / "data" / f"{part}-00001-of-00002-0a1b2c3d4e5f.parquet"
            )
        found = datasets.load(str(tmp_path))
        np.testing.assert_array_equal(found.pixels, images["train"])
        assert [found.name_class(label) for label in found.labels] == ["cat", "dog", "cat", "dog", "cat"]
        held_out = datasets.load_test_part(str(tmp_path))
        assert held_out is not None
        np.testing.assert_array_equal(held_out.pixels, images["test"])
        some = datasets.load(str(tmp_path), 3)
        np.testing.assert_array_equal(some.pixels, images["train"][:3])
        stream = datasets.stream(str(tmp_path), 3, resize=2)
        assert stream.shape == (2, 2, 3)
        (tmp_path / "subset").mkdir()
        found.write_subset(np.array([1, 4]), tmp_path / "subset")
        again = datasets.load(str(tmp_path / "subset"))
        np.testing.assert_array_equal(again.pixels, images["train"][[1, 4]])
        assert again.name_class(int(again.labels[0])) == "dog"

    @pytest.mark.parametrize("suffix", ["parquet", "arrow"])
    def test_classes_in_turn(self, suffix: str, tmp_path: Path) -> None:
        """Sorted by class, as such files often are: with a limit, of each class."""
        arrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        pictures = []
        for _ in range(9):
            file = io.BytesIO()
            Image.fromarray(bytes_of(4, 6, 3)).save(file, "PNG")
            pictures.append(file.getvalue())
        labels = [0, 0, 0, 0, 1, 1, 1, 2, 2]
        table = arrow.table({"image": pictures, "label": labels})
        path = tmp_path / f"some.{suffix}"
        if suffix == "parquet":
            parquet.write_table(table, path, row_group_size=2)
        else:
            with arrow.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table, 2)
        found = datasets.load(str(path), 5)
        assert found.labels.tolist() == [0, 0, 1, 1, 2]
        every = datasets.load(str(path))
        assert every.labels.tolist() == labels
        np.testing.assert_array_equal(found.images, every.images[[0, 1, 4, 5, 7]])
        (tmp_path / "subset").mkdir()
        found.write_subset(np.array([2, 4]), tmp_path / "subset")
        again = datasets.load(str(tmp_path / "subset"))
        np.testing.assert_array_equal(again.images, every.images[[4, 7]])


class TestMemory:
    @pytest.mark.parametrize("kind", ["npz", "idx", "cifar", "folder"])
    def test_too_many_images_are_refused(
        self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before they are read; the advice is right."""
        if kind == "npz":
            np.savez(tmp_path / "some.npz", images=bytes_of(100, 10, 10))
        elif kind == "idx":
            write_idx(tmp_path / "images-idx3", bytes_of(100, 10, 10))
            write_idx(tmp_path / "labels-idx1", np.zeros(100))
        elif kind == "cifar":
            bytes_of(100, 3073).clip(0, 9).tofile(tmp_path / "data_batch_1.bin")
        else:
            (tmp_path / "a").mkdir()
            for number in range(100):
                Image.fromarray(bytes_of(10, 10)).save(tmp_path / "a" / f"{number}.png")
        item = 3072 if kind == "cifar" else 100
        spec = str(tmp_path / "some.npz" if kind == "npz" else tmp_path)
        monkeypatch.setattr(memory, "find_free", lambda: 50 * item)
        with pytest.raises(UserError, match=r"100 images take .* GiB .* --count 40 fits"):
            datasets.load(spec)
        assert len(datasets.load(spec, 40).images) == 40
        assert len(datasets.stream(spec).images) == 100
        if kind == "folder":
            with pytest.raises(UserError, match="--resize 6"):
                datasets.load(spec)
            assert len(datasets.load(spec, resize=6).images) == 100

    def test_a_container(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is cached of files counts as free."""
        monkeypatch.setattr(memory, "GROUP", tmp_path)
        assert memory._free_in_container() is None
        for name, text in (("max", "1000"), ("current", "900"), ("stat", "anon 300\ninactive_file 500\n")):
            (tmp_path / f"memory.{name}").write_text(text)
        assert memory._free_in_container() == memory.find_free() == 600
        (tmp_path / "memory.max").write_text("max\n")
        assert memory._free_in_container() is None

    def test_some_is_free(self) -> None:
        free = memory.find_free()
        assert free is None or 1 << 20 < free < 1 << 50
