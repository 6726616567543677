# SPDX-License-Identifier: Apache-2.0
"""Pictures in files of their own: depth, orientation, frames, and how folders and lists lay them out."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nms import datasets
from nms.contract.errors import UserError
from nms.datasets import Choice

RANDOM = np.random.default_rng(1)


def picture(*shape: int) -> Image.Image:
    return Image.fromarray(RANDOM.integers(0, 256, shape or (4, 6, 3), dtype=np.uint8))


def save(path: Path, image: Image.Image | None = None, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or picture()).save(path, **options)


def write_deep_png(path: Path, kind: int, channels: int) -> None:
    """A PNG of 16 bits a channel: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA."""
    values = RANDOM.integers(0, 250, (4, 6 * channels)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 6, 4, 16, kind, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def write_deep_tiff(path: Path, order: str, channels: int) -> None:
    """An uncompressed TIFF of 16 bits a channel, grey or RGB, of either byte order."""
    data = RANDOM.integers(0, 250, 24 * channels).astype(order + "u2").tobytes()
    after = 8 + len(data)
    tags = [
        (256, 6), (257, 4), (259, 1), (262, 2 if channels == 3 else 1), (273, 8), (277, channels), (278, 4),
        (279, len(data)),
    ]  # fmt: skip
    entries = [(tag, struct.pack(order + "HHIHH", tag, 3, 1, value, 0)) for tag, value in tags]
    place = after + 2 + 12 * (len(tags) + 1) + 4
    where = struct.pack(order + "I", place) if channels == 3 else struct.pack(order + "HH", 16, 0)
    entries.append((258, struct.pack(order + "HHI", 258, 3, channels) + where))
    directory = struct.pack(order + "H", len(entries)) + b"".join(entry for _, entry in sorted(entries))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    bits = struct.pack(order + "HHH", 16, 16, 16)
    path.write_bytes(mark + struct.pack(order + "I", after) + data + directory + bytes(4) + bits)


class TestDepth:
    """More than 8 bits a channel is refused, grey or colour, whatever the container."""

    def check(self, path: Path) -> None:
        Image.open(path).load()  # a file that Pillow reads
        with pytest.raises(UserError, match=rf"{path.name}: not 8 bits a channel"):
            datasets.load(str(path.parent.parent))

    @pytest.mark.parametrize(("kind", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
    def test_png(self, kind: int, channels: int, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        write_deep_png(tmp_path / "a" / "0.png", kind, channels)
        self.check(tmp_path / "a" / "0.png")

    @pytest.mark.parametrize("order", "<>")
    @pytest.mark.parametrize("channels", [1, 3])
    def test_tiff(self, order: str, channels: int, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        write_deep_tiff(tmp_path / "a" / "0.tif", order, channels)
        self.check(tmp_path / "a" / "0.tif")

    @pytest.mark.parametrize(("mark", "channels"), [("P5", 1), ("P6", 3)])
    def test_netpbm(self, mark: str, channels: int, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        values = RANDOM.integers(0, 250, 24 * channels).astype(">u2").tobytes()
        (tmp_path / "a" / "0.ppm").write_bytes(f"{mark}\n6 4\n4095\n".encode() + values)
        self.check(tmp_path / "a" / "0.ppm")


class TestContents:
    @pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
    @pytest.mark.parametrize("resize", [None, 3])
    def test_turned_as_exif_says(self, suffix: str, resize: int | None, tmp_path: Path) -> None:
        image = Image.fromarray(np.kron(np.arange(6).reshape(2, 3) * 40, np.ones((8, 8))).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by a quarter, clockwise
        lossless = {"webp": {"lossless": True}, "jpg": {"quality": 100}}.get(suffix, {})
        save(tmp_path / "a" / f"0.{suffix}", image, exif=exif, **lossless)
        found = datasets.load(str(tmp_path), resize=resize)
        turned = image.transpose(Image.Transpose.ROTATE_270)
        if resize:
            turned = turned.resize((resize, resize), Image.Resampling.BILINEAR)
        assert found.shape[:2] == turned.size[::-1]
        assert np.abs(found.pixels[0, ..., 0].astype(int) - np.asarray(turned)).max() <= 2

    def test_what_is_not_carried_is_counted(self, tmp_path: Path) -> None:
        frames = [picture(4, 6), picture(4, 6)]
        save(tmp_path / "a" / "0.gif", frames[0], save_all=True, append_images=frames[1:])
        save(tmp_path / "a" / "1.tif", frames[0], save_all=True, append_images=frames[1:])
        save(tmp_path / "a" / "2.png", picture(4, 6, 4))
        (tmp_path / "a" / "3.heic").write_bytes(b"")
        (tmp_path / "a" / "notes.txt").write_text("")
        notes = datasets.load(str(tmp_path)).notes
        assert notes == (
            "without 2 other files (.heic 1, .txt 1)",
            "of 2 of 3 images with several frames, the first",
            "without the transparency of 1 of 3 images",
        )

    def test_unequal_sizes(self, tmp_path: Path) -> None:
        save(tmp_path / "a" / "0.png")
        save(tmp_path / "a" / "1.png", picture(5, 5, 3))
        with pytest.raises(UserError, match="--resize"):
            datasets.load(str(tmp_path))
        assert datasets.load(str(tmp_path), resize=3).shape == (3, 3, 3)


class TestFolders:
    def test_classes_in_turn(self, tmp_path: Path) -> None:
        """With a limit below their number; all images come class by class."""
        for name, count in (("a", 4), ("b", 2), ("c", 3)):
            for number in range(count):
                save(tmp_path / name / f"{number}.png")
        assert datasets.load(str(tmp_path)).labels.tolist() == [0] * 4 + [1] * 2 + [2] * 3
        assert datasets.load(str(tmp_path), 9).labels.tolist() == [0] * 4 + [1] * 2 + [2] * 3
        some = datasets.load(str(tmp_path), 7)
        assert some.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
        assert datasets.load(str(tmp_path), 5).labels.tolist() == [0, 1, 2, 0, 1]
        some.write_subset(np.array([1, 3]), tmp_path / "subset")
        assert sorted(file.parent.name + file.name for file in (tmp_path / "subset").rglob("*.png")) == [
            "a1.png", "b0.png",
        ]  # fmt: skip

    def test_what_systems_leave_behind(self, tmp_path: Path) -> None:
        save(tmp_path / "a" / "0.png")
        save(tmp_path / "b" / "0.png")
        for name in ("a/._0.png", "__MACOSX/a/0.png", ".DS_Store", "a/.DS_Store", "a/Thumbs.db", "._b"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"\0")
        found = datasets.load(str(tmp_path))
        assert [found.name_class(label) for label in found.labels] == ["a", "b"]
        assert found.notes == ()

    def test_images_below_class_folders(self, tmp_path: Path) -> None:
        """As Tiny ImageNet has them, and a class of several folders."""
        for name in ("train/n01/images/0.JPEG", "train/n02/images/0.JPEG", "train/n02/more/0.JPEG"):
            save(tmp_path / name)
        save(tmp_path / "val/images/0.JPEG")
        (tmp_path / "words.txt").write_text("n01 cat")
        found = datasets.load(str(tmp_path))
        assert [found.name_class(label) for label in found.labels] == ["n01", "n02", "n02"]
        found.write_subset(np.array([2]), tmp_path / "subset")
        assert (tmp_path / "subset/n02/more/0.JPEG").is_file()

    def test_parts(self, tmp_path: Path) -> None:
        for part, count in (("train", 3), ("val", 2), ("test", 1)):
            for number in range(count):
                save(tmp_path / part / "cat" / f"{number}.png")
        assert len(datasets.load(str(tmp_path)).images) == 3
        assert len(datasets.load(str(tmp_path), choice=Choice("val")).images) == 2
        held_out = datasets.load_test_part(str(tmp_path))
        assert held_out is not None
        assert len(held_out.images) == 1

    def test_parts_with_a_number(self, tmp_path: Path) -> None:
        """As in COCO, and flat; several years are asked for."""
        for name in ("train2017/0.png", "val2017/0.png", "val2017/1.png", "annotations/a.json"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            save(tmp_path / name) if name.endswith("png") else (tmp_path / name).write_text("")
        found = datasets.load(str(tmp_path))
        assert (len(found.images), found.labelled) == (1, False)
        assert len(datasets.load(str(tmp_path), choice=Choice("validation")).images) == 2
        save(tmp_path / "train2014/0.png")
        with pytest.raises(UserError, match=r"2 splits.*train2014, train2017"):
            datasets.load(str(tmp_path))
        assert len(datasets.load(str(tmp_path), choice=Choice("train2014")).images) == 1

    def test_a_class_called_train(self, tmp_path: Path) -> None:
        for name in ("bus", "car", "train"):
            save(tmp_path / name / "0.png")
        found = datasets.load(str(tmp_path))
        assert [found.name_class(label) for label in found.labels] == ["bus", "car", "train"]

    def test_flat(self, tmp_path: Path) -> None:
        save(tmp_path / "0.png")
        save(tmp_path / "1.png")
        found = datasets.load(str(tmp_path))
        assert not found.labelled
        assert len(found.images) == 2
        (tmp_path / "subset").mkdir()
        found.write_subset(np.array([1]), tmp_path / "subset")
        assert os.listdir(tmp_path / "subset") == ["1.png"]

    def test_empty_class_folders(self, tmp_path: Path) -> None:
        """The first few are named, and the others keep their names."""
        save(tmp_path / "z" / "0.png")
        for number in range(7):
            (tmp_path / f"a{number}").mkdir()
        found = datasets.load(str(tmp_path))
        assert found.notes == ("without 7 folders that have no images: a0, a1, a2, a3, a4, ...",)
        assert [found.name_class(label) for label in found.labels] == ["z"]

    def test_names_that_are_no_text(self, tmp_path: Path) -> None:
        """Classes are told apart, and can be printed and written."""
        for name in (b"\xff", b"\xfe", "é".encode()):
            save(tmp_path / os.fsdecode(b"data\xff") / os.fsdecode(name) / "0.png")
        found = datasets.load(str(tmp_path / os.fsdecode(b"data\xff")))
        assert found.name == "data\\xff"
        assert {found.name_class(label) for label in range(3)} == {"é", "\\xfe", "\\xff"}

    def test_own_output_is_no_class(self, tmp_path: Path) -> None:
        save(tmp_path / "a" / "0.png")
        save(tmp_path / "out" / "subset" / "a" / "0.png")
        (tmp_path / "out" / "sample.json").write_text("{}")
        found = datasets.load(str(tmp_path))
        assert len(found.images) == 1
        assert found.notes == ("without the folder out, an output of a command",)

    def test_pipes_and_loops(self, tmp_path: Path) -> None:
        save(tmp_path / "a" / "0.png")
        os.mkfifo(tmp_path / "a" / "1.png")
        (tmp_path / "a" / "2").symlink_to(tmp_path / "a")
        found = datasets.load(str(tmp_path))
        assert len(found.images) == 1
        assert found.notes == ("without 1 other files (no regular file 1)",)


class TestLists:
    @pytest.mark.parametrize(
        ("name", "text", "labels"),
        [
            ("list.txt", "a/0 0.png\nb/0.png\n", ["-1", "-1"]),
            ("list.txt", "a/0 0.png  cat\n\nb/0.png dog\n", ["cat", "dog"]),
            ("list.lst", "b/0.png 7\na/0 0.png 3\n", ["7", "3"]),
            ("list.csv", "a/0 0.png,-1\nb/0.png,1\n", ["-1", "1"]),
            ("list.csv", "label,file\ncat,a/0 0.png\ndog,b/0.png\n", ["cat", "dog"]),
            ("list.csv", '\ufefffile,label\r\n"a/0 0.png","a, b"\r\nb/0.png,é\r\n', ["a, b", "é"]),
            ("list.tsv", "path\tsize\na/0 0.png\t3\n", ["-1"]),
        ],
    )
    def test_forms(self, name: str, text: str, labels: list[str], tmp_path: Path) -> None:
        save(tmp_path / "a" / "0 0.png")
        save(tmp_path / "b" / "0.png")
        (tmp_path / name).write_bytes(text.encode())
        found = datasets.load(str(tmp_path / name))
        assert [found.name_class(label) for label in found.labels] == labels
        (tmp_path / "subset").mkdir()
        found.write_subset(np.array([0]), tmp_path / "subset")
        again = datasets.load(str(tmp_path / "subset" / name))
        np.testing.assert_array_equal(again.images, found.images[:1])
        assert [again.name_class(label) for label in again.labels] == labels[:1]

    def test_missing(self, tmp_path: Path) -> None:
        save(tmp_path / "0.png")
        (tmp_path / "list.txt").write_text("0.png\n1.png\n")
        with pytest.raises(UserError, match=r"line 2: no image '1\.png'"):
            datasets.load(str(tmp_path / "list.txt"))
        (tmp_path / "list.csv").write_text("0.png,1\n0.png,\n")
        with pytest.raises(UserError, match="1 of 2 images have no label"):
            datasets.load(str(tmp_path / "list.csv"))
