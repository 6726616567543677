# SPDX-License-Identifier: Apache-2.0
"""IDX files, plain or compressed: MNIST and its kin. Images and labels lie in two files side by side.

Header, big-endian: 0, 0, type, number of dimensions, then each dimension in 32 bits.
"""

import gzip
import lzma
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract.errors import UserError
from nms.datasets.buffers import ROWS, hold_in_file, read_pieces
from nms.datasets.images import Images
from nms.datasets.labels import number_labels
from nms.datasets.parts import Part, split_words
from nms.datasets.request import Request
from nms.datasets.values import find_layout, hold_as_bytes

TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
"""The type of the numbers by its code; 8 is that of images, as a rule."""

COMPRESSED: dict[bytes, tuple[Callable, int]] = {
    b"\x1f\x8b": (gzip.open, 1 << 11),
    b"\xfd7": (lzma.open, 1 << 14),
}
"""By the first two bytes of a file: what opens it, and how many times its size it can unpack to, at most."""

SUFFIXES = (".gz", ".xz")

INNER = ("raw", "gzip")
"""Folders into which torchvision, and the archive of EMNIST, put the files."""


def find_parts(path: Path) -> list[Part]:
    """The files of images in a folder, or ``path`` itself if it is named like an IDX file.

    Where two files have the same words in their names, the plain one counts, or the first.

    Raises
    ------
    UserError
        ``path`` is a file of labels.
    """
    if path.is_dir():
        folders = [path, *(path / name for name in INNER if (path / name).is_dir())]
        listed = (entry for folder in folders for entry in _list(folder))
        files = [entry for entry in listed if _is_idx(entry) and "images" in _words(entry)]
        plain = {_words(entry): entry for entry in sorted(files, key=_prefer, reverse=True)}
        return [Part(words - {"images"}, entry) for words, entry in sorted(plain.items(), key=lambda x: x[1])]
    if "idx" not in path.name or not path.is_file():
        return []
    if "images" not in _words(path):
        raise UserError(
            f"{path}: name the file of images (...images-idx3-ubyte); its labels are found beside it"
        )
    return [Part(_words(path) - {"images"}, path)]


def load(path: Path, file: Path, request: Request) -> Images:
    """Load the IDX file of images, and the labels beside it."""
    labels_path = _find_labels(file)
    images, labels = _open_array(file), _open_array(labels_path)
    if images.dimensions not in (3, 4):
        raise UserError(f"{file}: {images.dimensions} dimensions; IDX images have 3, or 4 with colours")
    if labels.dimensions not in (1, 2):
        raise UserError(f"{labels_path}: {labels.dimensions} dimensions; IDX labels have 1 or 2")
    count = request.count(images.total)
    images.check(count)
    if images.total != labels.total:
        raise UserError(f"{labels_path}: {labels.total} labels for the {images.total} images of {file.name}")
    shape, planar = find_layout(images.shape[1:])
    if not count * math.prod(shape):
        sides = " x ".join(map(str, images.shape[1:]))
        raise UserError(f"{file}: holds no pixels, {images.total} images of {sides}")
    labels.check(count)
    request.check_room(count, math.prod(shape), file.name)
    held, notes = hold_as_bytes(
        lambda: images.read(count), count * math.prod(shape), images.dtype, request.hold, str(file),
        lambda: images.read(images.total),
    )  # fmt: skip
    known = np.frombuffer(b"".join(labels.read(count)), labels.dtype).reshape(count, *labels.shape[1:])
    if known.ndim == 2:
        notes += (f"labels are the first of {known.shape[1]} columns of {labels_path.name}",)
        known = known[:, 0]
    numbers, classes = number_labels(known, str(labels_path))

    def write(kept: np.ndarray, target: Path) -> None:
        for array in (images, labels):
            array.write(kept, target / array.path.name)

    name = path.resolve().name if path.is_dir() else path.name.split(".")[0]
    return Images(held.reshape(count, -1), numbers, shape, name, planar, classes, notes, write)


@dataclass(frozen=True)
class _Array:
    """An IDX file: the type of its numbers, and its sides of which the first counts the items."""

    path: Path
    code: int
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(TYPES[self.code])

    @property
    def dimensions(self) -> int:
        return len(self.shape)

    @property
    def total(self) -> int:
        return self.shape[0]

    @property
    def item(self) -> int:
        """Bytes of an item."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def begin(self) -> int:
        """Bytes of the header."""
        return 4 + 4 * self.dimensions

    def check(self, count: int) -> None:
        """Refuse what a damaged header promises, if there cannot be that many bytes in the file."""
        with _open(self.path) as (_, most):
            self._compare(count, most - self.begin)

    def _compare(self, count: int, found: int) -> None:
        wanted = count * self.item
        if found < wanted:
            raise UserError(f"{self.path}: truncated, {found} of the {wanted} bytes that its header promises")

    def read(self, count: int) -> Iterator[bytes]:
        """Read the first ``count`` items, all of whose bytes must be there."""
        wanted, found = count * self.item, 0
        with _open(self.path) as (file, _):
            file.read(self.begin)
            for piece in read_pieces(file, wanted):
                found += len(piece)
                yield piece
            self._compare(count, found)
            if count == self.total and file.read(1):  # at the end gzip also compares its checksum
                raise UserError(f"{self.path}: longer than the {wanted} bytes that its header promises")

    def write(self, kept: np.ndarray, to: Path) -> None:
        """Write the items ``kept`` into the file ``to``, compressed as this is named."""
        last = int(kept[-1]) + 1
        items = hold_in_file(self.read(last), last * self.item).reshape(last, self.item)
        header = struct.pack(
            f">BBBB{self.dimensions}I", 0, 0, self.code, self.dimensions, len(kept), *self.shape[1:]
        )
        with to.open("wb") as raw, _compress(raw, to.suffix) as file:
            file.write(header)
            for begin in range(0, len(kept), ROWS):
                file.write(items[kept[begin : begin + ROWS]].tobytes())


def _open_array(path: Path) -> _Array:
    """Read the header of an IDX file."""
    with _open(path) as (file, _):
        header = file.read(4)
        if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in TYPES or not header[3]:
            raise UserError(
                f"{path}: begins with {header.hex(' ') or 'nothing'}; an IDX file begins with 00 00, "
                f"its type, as 08 for bytes, and the number of its dimensions"
            )
        sizes = file.read(4 * header[3])
        if len(sizes) < 4 * header[3]:
            raise UserError(f"{path}: truncated within its header")
        return _Array(path, header[2], struct.unpack(f">{header[3]}I", sizes))


@contextmanager
def _open(path: Path) -> Iterator[tuple[Any, int]]:
    """A file's contents, unpacked if they are compressed, and how many bytes they can be at most."""
    size = path.stat().st_size
    try:
        with path.open("rb") as raw:
            opener, ratio = COMPRESSED.get(raw.read(2), (None, 1))
            raw.seek(0)
            if opener is None:
                yield raw, size
            else:
                with opener(raw, "rb") as file:
                    yield file, ratio * size
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{path}: damaged or truncated ({error})") from None


@contextmanager
def _compress(raw: Any, suffix: str) -> Iterator[Any]:
    """The file ``raw``, or what compresses into it."""
    if suffix == ".gz":
        with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
            yield file
    elif suffix == ".xz":
        with lzma.open(raw, "wb") as file:
            yield file
    else:
        yield raw


def _find_labels(images: Path) -> Path:
    """The file of labels whose name has the same words as that of the images."""
    wanted = _words(images) - {"images"} | {"labels"}
    folder = images.parent.parent if images.parent.name == images.name else images.parent
    found = [entry for entry in _list(folder) if _is_idx(entry) and _words(entry) == wanted]
    if not found:
        plain = images.name.replace("images", "labels").replace("idx3", "idx1")
        for suffix in SUFFIXES:
            plain = plain.removesuffix(suffix)
        raise UserError(f"{images}: no labels beside it; expected {plain} or {plain}.gz")
    return min(found, key=_prefer)


def _list(directory: Path) -> list[Path]:
    """The files of a folder, and those in its folders of the same name, as some archives unpack."""
    found: list[Path] = []
    for entry in sorted(directory.iterdir()):
        inner = entry / entry.name
        found += [entry] if entry.is_file() else [inner] if "idx" in entry.name and inner.is_file() else []
    return [entry for entry in found if entry.name[0] != "."]


def _prefer(path: Path) -> tuple[bool, Path]:
    return path.suffix in SUFFIXES, path


def _is_idx(path: Path) -> bool:
    return "idx" in path.name


def _words(path: Path) -> frozenset[str]:
    """The words of a file's name that say what it holds, not how."""
    how = "gz|xz|idx.*|ubyte|byte|short|int|int32|float|double"
    return frozenset(word for word in split_words(path.name) if not re.fullmatch(how, word))
