# SPDX-License-Identifier: Apache-2.0
"""Every loader on real files where they are present, and on small and damaged files written here."""

import gzip
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from nms import datasets
from nms.contract.errors import UserError
from tests.conftest import ROOT

RANDOM = np.random.default_rng(1)


def bytes_of(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def refused(spec: Path | str, *words: str, **options: int) -> None:
    """Loading must fail with one line that has all of ``words`` in it."""
    with pytest.raises(UserError) as caught:
        datasets.load(str(spec), **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


class TestDigits:
    def test_scaled_by_fifteen(self) -> None:
        digits = datasets.load("digits")
        data, target = load_digits(return_X_y=True)
        assert digits.images.dtype == np.uint8
        assert digits.images.max() == 240
        np.testing.assert_array_equal(digits.images, data * 15)
        np.testing.assert_array_equal(digits.labels, target)
        assert digits.shape == (8, 8, 1)

    def test_count(self) -> None:
        assert len(datasets.load("digits", count=7).images) == 7
        assert len(datasets.load("digits", most=9).images) == 9

    def test_digits_without_scikit_learn(self) -> None:
        """Its import takes longer than all else of a small run."""
        program = "import sys; from nms import datasets; datasets.load('digits'); print(*sys.modules)"
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert "sklearn" not in done.stdout.split()
        assert len(datasets.load("digits", most=9, count=11).images) == 11

    def test_counts_that_cannot_be(self) -> None:
        refused("digits", "count 1798", "holds 1797", count=1798)
        refused("digits", "count 0", "at least 1", count=0)
        refused("digits", "count -3", count=-3)

    def test_resize_is_for_pictures(self) -> None:
        refused("digits", "resize 16", resize=16)
        refused("digits", "resize 0", resize=0)


def test_no_such_data(tmp_path: Path) -> None:
    refused(tmp_path / "none", "none", "no such file or directory")
    refused("", "''", "no such file or directory")
    (tmp_path / "notes.txt").write_text("hello")
    refused(tmp_path / "notes.txt", "notes.txt", "not a known kind")


def write_python(path: Path, data: object, labels: object, **extra: object) -> None:
    path.write_bytes(pickle.dumps({b"data": data, b"labels": labels, **extra}, protocol=2))


Anything = namedtuple("Anything", "x")


class TestCifarPython:
    def test_real(self, shared_data: Path) -> None:
        """Both native formats hold the same pixels, and they are those of the original pickle."""
        python = datasets.load(str(shared_data / "native" / "cifar-10-batches-py"))
        binary = datasets.load(str(shared_data / "native" / "cifar-10-batches-bin"))
        original = pickle.loads(
            (shared_data / "native/cifar-10-batches-py/data_batch_1").read_bytes(), encoding="bytes"
        )
        np.testing.assert_array_equal(python.images, original[b"data"])
        np.testing.assert_array_equal(python.labels, original[b"labels"])
        np.testing.assert_array_equal(python.images, binary.images)
        np.testing.assert_array_equal(python.labels, binary.labels)
        assert python.images.shape == (1000, 3072)
        assert python.shape == (32, 32, 3)
        assert python.planar
        assert python.name == "cifar-10-batches-py"

    def test_planes(self, shared_data: Path) -> None:
        """Rows are planar: put pixel by pixel they are the images of the interleaved .npz file."""
        planar = datasets.load(str(shared_data / "native" / "cifar-10-batches-py"), count=8).images
        with np.load(shared_data / "cifar10_exact4000.npz") as file:
            interleaved = file["x_train"][:8]
        np.testing.assert_array_equal(planar.reshape(8, 3, 32, 32).transpose(0, 2, 3, 1), interleaved)

    def test_batches_in_order(self, tmp_path: Path) -> None:
        for number in (10, 2, 1):
            write_python(
                tmp_path / f"data_batch_{number}", np.full((3, 3072), number, np.uint8), [number] * 3
            )
        write_python(tmp_path / "test_batch", np.zeros((3, 3072), np.uint8), [0] * 3)
        found = datasets.load(str(tmp_path))
        assert found.images[:, 0].tolist() == [1, 1, 1, 2, 2, 2, 10, 10, 10]
        assert datasets.load(str(tmp_path / "test_batch")).images.shape == (3, 3072)

    def test_count_limits_reading(self, tmp_path: Path) -> None:
        write_python(tmp_path / "data_batch_1", bytes_of(5, 3072), [1] * 5)
        (tmp_path / "data_batch_2").write_bytes(b"damaged")
        assert datasets.load(str(tmp_path), count=5).images.shape == (5, 3072)
        refused(tmp_path, "data_batch_2", "damaged", count=6)

    def test_numpy_of_today(self, tmp_path: Path) -> None:
        """Pickles that numpy 2 writes, by any protocol, name other modules than the original's."""
        pixels = bytes_of(2, 3072)
        for protocol in range(2, 6):
            (tmp_path / "data_batch_1").write_bytes(
                pickle.dumps({"data": pixels, "labels": [1, 2]}, protocol)
            )
            np.testing.assert_array_equal(datasets.load(str(tmp_path)).images, pixels)

    def test_runs_no_code(self, tmp_path: Path) -> None:
        path = tmp_path / "data_batch_1"
        path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "mark").encode() + b"'\ntR.")
        refused(tmp_path, "data_batch_1", "os.system", "only numpy arrays")
        assert not (tmp_path / "mark").exists()
        path.write_bytes(b"cbuiltins\neval\n(S'1'\ntR.")
        refused(tmp_path, "builtins.eval")
        path.write_bytes(b"cnumpy\nload\n(S'x'\ntR.")
        refused(tmp_path, "numpy.load")

    def test_damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "data_batch_1"
        write_python(path, bytes_of(4, 3072), [0] * 4)
        whole = path.read_bytes()
        for length in (0, 1, 40, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:length])
            refused(tmp_path, "data_batch_1", "damaged or truncated")

    @pytest.mark.parametrize(
        ("data", "labels", "word"),
        [
            (np.zeros((4, 3072), np.float32), [0] * 4, "float32"),
            (np.zeros((4, 3071), np.uint8), [0] * 4, "(4, 3071)"),
            (np.zeros((4, 32, 96), np.uint8), [0] * 4, "(4, 32, 96)"),
            ([[0] * 3072], [0], "list"),
            (np.zeros((4, 3072), np.uint8), [0] * 3, "4 images but 3 labels"),
            (np.zeros((4, 3072), np.uint8), [0.5] * 4, "integers"),
            (np.zeros((4, 3072), np.uint8), [[0], [1, 2], 3, 4], "integers"),
            (np.zeros((4, 3072), np.uint8), None, "integers"),
            (np.zeros((0, 3072), np.uint8), [], "no images"),
        ],
    )
    def test_wrong_contents(self, tmp_path: Path, data: object, labels: object, word: str) -> None:
        write_python(tmp_path / "data_batch_1", data, labels)
        refused(tmp_path, "data_batch_1", word)

    def test_not_a_batch(self, tmp_path: Path) -> None:
        (tmp_path / "data_batch_1").write_bytes(pickle.dumps([1, 2]))
        refused(tmp_path, "list", "dictionary")
        (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": b"", b"fine_labels": []}))
        refused(tmp_path, "'labels'")


class TestCifarBinary:
    def write(self, path: Path, labels: list[int]) -> np.ndarray:
        pixels = bytes_of(len(labels), 3072)
        path.write_bytes(
            b"".join(bytes([label]) + row.tobytes() for label, row in zip(labels, pixels, strict=True))
        )
        return pixels

    def test_batches_in_order(self, tmp_path: Path) -> None:
        second = self.write(tmp_path / "data_batch_2.bin", [3, 4])
        first = self.write(tmp_path / "data_batch_1.bin", [1, 2])
        found = datasets.load(str(tmp_path), count=3)
        np.testing.assert_array_equal(found.images, np.concatenate([first, second[:1]]))
        assert found.labels.tolist() == [1, 2, 3]

    def test_damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "data_batch_1.bin"
        self.write(path, [1, 2])
        path.write_bytes(path.read_bytes()[:-1])
        refused(path, "data_batch_1.bin", "6145 bytes", "multiple of 3073")
        path.write_bytes(b"")
        refused(tmp_path, "0 bytes")
        self.write(path, [1, 10, 11])
        refused(path, "label 10 of image 1")


def write_idx(path: Path, array: np.ndarray, kind: int = 8) -> None:
    contents = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(contents) if path.suffix == ".gz" else contents)


@pytest.fixture
def idx(tmp_path: Path) -> Path:
    """A directory with a good pair of IDX files, ``train-...``."""
    write_idx(tmp_path / "train-images-idx3-ubyte", bytes_of(5, 4, 3))
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(5, dtype=np.uint8))
    return tmp_path


class TestIdx:
    def test_real(self, shared_data: Path) -> None:
        fashion = datasets.load(str(shared_data / "native" / "fashion"))
        assert fashion.images.shape == (1000, 784)
        assert fashion.shape == (28, 28, 1)
        assert fashion.labels[:5].tolist() == [9, 0, 0, 3, 0]  # the first training labels as published
        with gzip.open(shared_data / "native/fashion/train-images-idx3-ubyte.gz") as file:
            assert fashion.images.tobytes() == file.read()[16:]
        mnist = datasets.load(str(shared_data / "native" / "mnist"), count=10)
        assert mnist.labels.tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]

    def test_plain_and_gz(self, idx: Path) -> None:
        plain = datasets.load(str(idx))
        assert plain.shape == (4, 3, 1)
        assert plain.labels.tolist() == [0, 1, 2, 3, 4]
        for file in list(idx.iterdir()):
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
        zipped = datasets.load(str(idx / "train-images-idx3-ubyte.gz"))
        np.testing.assert_array_equal(plain.images, zipped.images)

    def test_train_before_test(self, idx: Path) -> None:
        write_idx(idx / "t10k-images-idx3-ubyte", bytes_of(2, 4, 3))
        write_idx(idx / "t10k-labels-idx1-ubyte", np.zeros(2, np.uint8))
        assert len(datasets.load(str(idx)).images) == 5
        assert len(datasets.load(str(idx / "t10k-images-idx3-ubyte")).images) == 2

    def test_count(self, idx: Path) -> None:
        assert datasets.load(str(idx), count=3).images.shape == (3, 12)
        refused(idx, "count 6", "holds 5", count=6)

    def test_wrong_magic(self, idx: Path) -> None:
        images, labels = idx / "train-images-idx3-ubyte", idx / "train-labels-idx1-ubyte"
        write_idx(labels, np.arange(5, dtype=np.uint8), kind=10)
        refused(idx, "train-labels", "00 00 0a 01", "begins with 00 00")
        write_idx(labels, np.arange(5, dtype=np.uint8))
        write_idx(images, bytes_of(5, 12))
        refused(idx, "train-images", "2 dimensions", "have 3")
        images.write_bytes(b"")
        refused(idx, "train-images", "nothing")

    def test_truncated(self, idx: Path) -> None:
        path = idx / "train-images-idx3-ubyte"
        whole = path.read_bytes()
        path.write_bytes(whole[:10])
        refused(idx, "train-images", "header")
        path.write_bytes(whole[:-1])
        refused(idx, "train-images", "59 of the 60 bytes")
        assert len(datasets.load(str(idx), count=4).images) == 4
        path.write_bytes(whole + b"more")
        refused(idx, "train-images", "longer than the 60 bytes")

    def test_truncated_gz(self, idx: Path) -> None:
        path = idx / "train-images-idx3-ubyte"
        whole = gzip.compress(path.read_bytes())
        path.unlink()
        zipped = idx / "train-images-idx3-ubyte.gz"
        for length in (0, 5, len(whole) // 2, len(whole) - 1):
            zipped.write_bytes(whole[:length])
            refused(idx, "train-images-idx3-ubyte.gz")
        zipped.write_bytes(b"not compressed at all")
        refused(idx, "train-images-idx3-ubyte.gz", "begins with")
        zipped.write_bytes(whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
        refused(idx, "train-images-idx3-ubyte.gz", "damaged or truncated")

    def test_promises_too_much(self, idx: Path) -> None:
        path = idx / "train-images-idx3-ubyte"
        path.write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1))
        refused(idx, "train-images", "truncated", "promises")

    def test_labels(self, idx: Path) -> None:
        labels = idx / "train-labels-idx1-ubyte"
        write_idx(labels, np.arange(4, dtype=np.uint8))
        refused(idx, "train-labels", "4 labels for the 5 images")
        refused(idx, "4 labels for the 5 images", count=2)
        refused(labels, "train-labels", "name the file of images")
        labels.unlink()
        refused(idx, "no labels beside it", "train-labels-idx1-ubyte")

    def test_empty(self, idx: Path) -> None:
        write_idx(idx / "train-images-idx3-ubyte", bytes_of(0, 4, 3))
        write_idx(idx / "train-labels-idx1-ubyte", bytes_of(0))
        refused(idx, "train-images", "no pixels")


class TestNpz:
    @pytest.mark.parametrize(
        ("shape", "expected"),
        [((6, 12), (1, 12, 1)), ((6, 4, 3), (4, 3, 1)), ((6, 2, 2, 3), (2, 2, 3))],
    )
    def test_shapes(self, tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, int, int]) -> None:
        images = bytes_of(*shape)
        np.savez(tmp_path / "some.npz", images=images, labels=np.arange(6))
        found = datasets.load(str(tmp_path / "some.npz"))
        np.testing.assert_array_equal(found.images, images.reshape(6, -1))
        assert found.labels.tolist() == list(range(6))
        assert found.shape == expected
        assert found.name == "some"
        np.savez_compressed(tmp_path / "other.npz", images=images)
        other = datasets.load(str(tmp_path / "other.npz"), count=4)
        np.testing.assert_array_equal(other.images, images.reshape(6, -1)[:4])
        assert other.labels.tolist() == [-1] * 4

    @pytest.mark.parametrize(
        ("arrays", "word"),
        [
            ({"images": np.full((6, 12), 255.5)}, "float64"),
            ({"images": np.full((6, 12), -1)}, "int64"),
            ({"images": np.zeros(6, np.uint8)}, "(6,)"),
            ({"images": np.zeros((0, 12), np.uint8)}, "(0, 12)"),
            ({"images": np.zeros((6, 0), np.uint8)}, "(6, 0)"),
            ({"images": np.uint8(3)}, "single value"),
            ({"images": np.array([{}], object)}, "objects"),
            (
                {"other": np.zeros((6, 12), np.uint8)},
                "no array 'images'",
            ),
            ({}, "it holds nothing"),
            ({"images": np.zeros((6, 12), np.uint8), "labels": np.zeros(5, int)}, "6 images but 5 labels"),
            ({"images": np.zeros((6, 12), np.uint8), "labels": np.full(6, 0.5)}, "float64"),
            ({"images": np.zeros((6, 12), np.uint8), "labels": np.zeros((6, 2), int)}, "(6, 2)"),
        ],
    )
    def test_wrong_contents(self, tmp_path: Path, arrays: dict[str, np.ndarray], word: str) -> None:
        np.savez(tmp_path / "bad.npz", **arrays)  # type: ignore[arg-type]
        refused(tmp_path / "bad.npz", "bad.npz", word)

    def test_damaged(self, tmp_path: Path) -> None:
        path = tmp_path / "bad.npz"
        np.savez(path, images=bytes_of(6, 12))
        whole = path.read_bytes()
        for length in (0, 10, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:length])
            refused(path, "bad.npz", "damaged or truncated")
        flipped = bytearray(whole)
        flipped[whole.index(b"NUMPY") + 140] ^= 1
        path.write_bytes(flipped)
        refused(path, "bad.npz", "damaged or truncated")

    def test_header_that_lies(self, tmp_path: Path) -> None:
        path = tmp_path / "bad.npz"
        np.savez(tmp_path / "good.npz", images=bytes_of(6, 12))
        with zipfile.ZipFile(tmp_path / "good.npz") as good, zipfile.ZipFile(path, "w") as bad:
            bad.writestr("images.npy", good.read("images.npy")[:-5])
        refused(path, "67 of 72 bytes")
        with zipfile.ZipFile(path, "w") as bad:
            bad.writestr("images.npy", b"nothing of numpy's")
        refused(path, "no readable header")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of three 6 x 4 colour images."""
    for name in ("cat", "ant"):
        (tmp_path / name).mkdir()
        for index in range(3):
            Image.fromarray(bytes_of(4, 6, 3)).save(tmp_path / name / f"{index}.png")
    return tmp_path


class TestFolder:
    def test_real(self, shared_data: Path) -> None:
        """The folder's PNG files hold exact CIFAR-10 pixels, so each is one of the binary batch."""
        images = datasets.load(str(shared_data / "native" / "imagefolder"))
        assert images.images.shape == (200, 3072)
        assert images.labels.tolist() == [label for label in range(10) for _ in range(20)]
        batch = datasets.load(str(shared_data / "native" / "cifar-10-batches-bin"))
        interleaved = batch.images.reshape(-1, 3, 1024).transpose(0, 2, 1).reshape(-1, 3072)
        known = {row.tobytes(): label for row, label in zip(interleaved, batch.labels.tolist(), strict=True)}
        assert [known[row.tobytes()] for row in images.images] == images.labels.tolist()

    def test_order_and_pixels(self, folder: Path) -> None:
        (folder / ".hidden").mkdir()
        (folder / "ant" / "notes.txt").write_text("not an image")
        found = datasets.load(str(folder))
        assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert found.shape == (4, 6, 3)
        with Image.open(folder / "cat" / "1.png") as image:
            np.testing.assert_array_equal(found.images[4], np.asarray(image).reshape(-1))

    def test_count_limits_reading(self, folder: Path) -> None:
        (folder / "cat" / "1.png").write_bytes(b"damaged")
        assert len(datasets.load(str(folder), count=3).images) == 3
        refused(folder, "1.png", "not a readable image", count=4)

    def test_resize(self, folder: Path) -> None:
        Image.fromarray(np.full((9, 5, 3), 77, np.uint8)).save(folder / "ant" / "3.png")
        found = datasets.load(str(folder), resize=5)
        assert found.shape == (5, 5, 3)
        assert found.images.shape == (7, 75)
        assert set(found.images[3].tolist()) == {77}

    def test_odd_one_is_named(self, folder: Path) -> None:
        Image.fromarray(bytes_of(4, 5, 3)).save(folder / "cat" / "0.png")
        refused(folder, "0.png", "5 x 4", "6 x 4", "--resize")

    def test_grey(self, folder: Path) -> None:
        """Grey images stay grey, until there is a coloured one among them."""
        grey = bytes_of(4, 6)
        for file in folder.glob("*/*.png"):
            Image.fromarray(grey).save(file)
        found = datasets.load(str(folder))
        assert found.shape == (4, 6, 1)
        np.testing.assert_array_equal(found.images[0], grey.reshape(-1))
        Image.fromarray(bytes_of(4, 6, 3)).save(folder / "cat" / "2.png")
        mixed = datasets.load(str(folder))
        assert mixed.shape == (4, 6, 3)
        np.testing.assert_array_equal(mixed.images[0], np.repeat(grey.reshape(-1), 3))

    def test_deep_pixels(self, folder: Path) -> None:
        Image.fromarray(np.zeros((4, 6), np.uint16)).save(folder / "cat" / "0.png")
        refused(folder, "0.png", "not 8 bits a channel")

    def test_truncated(self, folder: Path) -> None:
        path = folder / "ant" / "1.png"
        path.write_bytes(path.read_bytes()[:-30])
        refused(folder, "1.png", "damaged or truncated")

    def test_empty(self, tmp_path: Path) -> None:
        refused(tmp_path, "no images", "no class folders")
        (tmp_path / "ant").mkdir()
        refused(tmp_path, "no images in its class folders")


def write_arrow(path: Path) -> None:
    """Three pictures and their labels as a stream of Arrow, as ``datasets`` saves them."""
    arrow = pytest.importorskip("pyarrow")
    rows = []
    for _ in range(3):
        picture = io.BytesIO()
        Image.fromarray(bytes_of(4, 6, 3)).save(picture, "PNG")
        rows.append({"bytes": picture.getvalue(), "path": None})
    table = arrow.table({"image": rows, "label": [0, 1, 1]})
    with arrow.ipc.new_stream(str(path), table.schema) as file:
        file.write_table(table)


@pytest.mark.parametrize(
    "kind",
    [
        "data_batch_1", "data_batch_1.bin", "images-idx3-ubyte", "images-idx3-ubyte.gz", "x.npz", "x.arrow",
        "c/0.png", "c/0.tiff", "c/0.webp",
    ],
)  # fmt: skip
def test_random_damage(kind: str, tmp_path: Path) -> None:
    """Whatever happens to a file's bytes, loading gives images or a refusal: nothing else is raised."""
    random = np.random.default_rng(2)
    path = tmp_path / kind
    spec = str(tmp_path if kind.startswith("c/") else path)
    if kind == "data_batch_1":
        write_python(path, bytes_of(2, 3072), [0, 1])
    elif kind == "data_batch_1.bin":
        path.write_bytes(bytes(2 * 3073))
    elif "idx3" in kind:
        write_idx(path, bytes_of(3, 4, 4))
        write_idx(tmp_path / "labels-idx1-ubyte", np.zeros(3, np.uint8))
    elif kind == "x.npz":
        np.savez_compressed(path, images=bytes_of(3, 9), labels=np.arange(3))
    elif kind == "x.arrow":
        write_arrow(path)
    else:
        path.parent.mkdir()
        Image.fromarray(bytes_of(4, 6, 3)).save(path)
    whole = path.read_bytes()
    header = min(len(whole), 400)  # where the structure is
    refusals = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(0, header, random.integers(1, 4)):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged[: random.integers(1, len(whole) + 1)] if random.random() < 0.3 else damaged)
        try:
            datasets.load(spec)
        except UserError:
            refusals += 1
    assert refusals > 30


class TestStreams:
    """Streamed images are those that are loaded; a written subset loads as the images chosen."""

    def check(self, spec: str, folder: Path, subset: str = "") -> None:
        whole, stream = datasets.load(spec), datasets.stream(spec)
        everything = np.arange(len(whole.labels))
        np.testing.assert_array_equal(np.asarray(stream.images[everything[::-1]]), whole.images[::-1])
        np.testing.assert_array_equal(stream.labels, whole.labels)
        assert (stream.shape, stream.name, stream.planar) == (whole.shape, whole.name, whole.planar)
        assert len(datasets.stream(spec, count=2).images) == 2
        kept = everything[::2]
        (folder / "subset").mkdir()
        stream.write_subset(kept, folder / "subset")
        found = datasets.load(str(folder / "subset" / subset))
        np.testing.assert_array_equal(found.images, whole.images[kept])
        np.testing.assert_array_equal(found.labels, whole.labels[kept])

    def test_digits(self, tmp_path: Path) -> None:
        self.check("digits", tmp_path, "digits.npz")

    def test_cifar_binary(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        (data / "batches.meta.txt").write_text("a class")
        for number in (1, 2, 3):
            TestCifarBinary().write(data / f"data_batch_{number}.bin", [number, 0, 9])
        self.check(str(data), tmp_path)
        assert (tmp_path / "subset" / "batches.meta.txt").read_text() == "a class"

    def test_cifar_python(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        for number in (1, 2):
            write_python(data / f"data_batch_{number}", bytes_of(3, 3072), [number, 0, 9])
        self.check(str(data), tmp_path)

    def test_cifar_python_as_published(self, tmp_path: Path, shared_data: Path) -> None:
        """What reads the published batches reads the subset: same keys and types in either encoding."""
        source = shared_data / "native" / "cifar-10-batches-py" / "data_batch_1"
        datasets.load(str(source)).write_subset(np.array([3, 999]), tmp_path)
        for encoding in ("bytes", "latin1"):
            published, written = (
                pickle.loads((folder / "data_batch_1").read_bytes(), encoding=encoding)
                for folder in (source.parent, tmp_path)
            )
            assert {key: type(value) for key, value in written.items()} == {
                key: type(value) for key, value in published.items()
            }
            labels, names = (
                next(key for key in written if key in (word, word.encode()))
                for word in ("labels", "filenames")
            )
            for key in (labels, names):
                assert written[key] == [published[key][3], published[key][999]]

    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_idx(self, tmp_path: Path, suffix: str) -> None:
        data = tmp_path / "data"
        data.mkdir()
        write_idx(data / f"train-images-idx3-ubyte{suffix}", bytes_of(7, 4, 3))
        write_idx(data / f"train-labels-idx1-ubyte{suffix}", np.arange(7, dtype=np.uint8))
        self.check(str(data), tmp_path)
        assert sorted(file.name for file in (tmp_path / "subset").iterdir()) == sorted(
            file.name for file in data.iterdir()
        )

    @pytest.mark.parametrize("labelled", [False, True])
    @pytest.mark.parametrize("shape", [(7, 12), (7, 2, 2, 3)])
    def test_npz(self, tmp_path: Path, shape: tuple[int, ...], labelled: bool) -> None:
        labels = {"labels": np.arange(7)} if labelled else {}
        np.savez(tmp_path / "some.npz", images=bytes_of(*shape), **labels)  # type: ignore[arg-type]
        self.check(str(tmp_path / "some.npz"), tmp_path, "some.npz")

    def test_folder(self, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
        target = tmp_path_factory.mktemp("other")
        self.check(str(folder), target)
        assert (target / "subset/ant/2.png").read_bytes() == (folder / "ant/2.png").read_bytes()

    def test_no_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        np.savez(tmp_path / "some.npz", images=bytes_of(7, 12))
        monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: open("/dev/full", "wb"))  # noqa: SIM115
        with pytest.raises(UserError, match=r"No space left.*TMPDIR"):
            datasets.stream(str(tmp_path / "some.npz"))
