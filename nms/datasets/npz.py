# SPDX-License-Identifier: Apache-2.0
"""Files .npz of arrays of images and, if they have them, of labels, by the words of their names.

``images`` and ``labels``, ``x_train`` and ``y_train``, ``train_images`` and ``train_labels``, or ``arr_0``
and ``arr_1``, as numpy calls arrays without a name.
"""

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from nms.contract.errors import UserError
from nms.datasets.buffers import PIECE, hold_in_file, read_pieces
from nms.datasets.images import Images
from nms.datasets.labels import leave_unlabelled, number_labels
from nms.datasets.parts import Choice, Part, split_words
from nms.datasets.request import Request
from nms.datasets.values import find_layout, hold_as_bytes

IMAGES = dict.fromkeys(("images", "image", "imgs", "img", "x", "data"))
"""Words for images, in the order in which arrays of otherwise equal names count."""
LABELS = {"labels", "label", "y", "targets", "target", "classes"}
UNNAMED = ("arr_0", "arr_1")


def find_parts(path: Path) -> list[Part]:
    """The arrays of images in a file named ``*.npz``.

    Raises
    ------
    UserError
        It has none; the message names its arrays.
    """
    if path.suffix != ".npz" or not path.is_file():
        return []
    with _open(path) as archive:
        names = _list(archive)
    known: dict[frozenset[str], str] = {}
    for word in IMAGES:
        for name in names:
            if word in split_words(name):
                known.setdefault(split_words(name).difference(IMAGES), name)
    found = [Part(words, name) for words, name in known.items()]
    if not found and UNNAMED[0] in names:
        return [Part(frozenset(), UNNAMED[0])]
    if not found:
        raise UserError(
            f"{path}: no array 'images', 'x_train' or the like; it holds {', '.join(names) or 'nothing'}"
        )
    return found


def load(path: Path, images: str, request: Request) -> Images:
    """Load the array ``images`` of shape (N, D), (N, H, W), (N, H, W, C) or (N, C, H, W), and its labels."""
    with _open(path) as archive:
        pixels = _read_header(path, archive, images)
        if len(pixels.shape) not in (2, 3, 4) or not math.prod(pixels.shape):
            raise UserError(
                f"{path}: {images!r} is {pixels.shape}; must be (N, D), (N, H, W), (N, H, W, C) or "
                "(N, C, H, W)"
            )
        name = _find_labels(_list(archive), images, request.choice)
        marks = _read_header(path, archive, name) if name else None
        if marks and marks.shape[0] != pixels.shape[0]:
            raise UserError(f"{path}: {pixels.shape[0]} images but {marks.shape[0]} labels")
        total = pixels.shape[0]
        count = request.count(total)
        shape, planar = find_layout(pixels.shape[1:])
        request.check_room(count, math.prod(shape), path.name)
        held, notes = hold_as_bytes(
            lambda: pixels.read(archive, count), count * math.prod(shape), pixels.dtype, request.hold,
            f"{path}: {images!r}", lambda: pixels.read(archive, total),
        )  # fmt: skip
        numbers, classes = leave_unlabelled(count)
        if marks:
            given = np.frombuffer(b"".join(marks.read(archive, count)), marks.dtype)
            numbers, classes = number_labels(given.reshape(count, *marks.shape[1:]), f"{path}: {name!r}")
    if planar:
        notes += (f"{images!r} is {pixels.shape}, taken as (N, C, H, W)",)

    def write(kept: np.ndarray, target: Path) -> None:
        with _open(path) as archive:
            arrays = {array.name: array.take(archive, kept) for array in (pixels, marks) if array}
        np.savez_compressed(target / path.name, **arrays)  # type: ignore[arg-type]  # numpy's stub

    return Images(held.reshape(count, -1), numbers, shape, path.stem, planar, classes, notes, write)


@dataclass(frozen=True)
class _Array:
    """An array of an .npz file, read item by item; numpy's own loader would read all of it."""

    path: Path
    name: str
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype

    @property
    def item(self) -> int:
        """Bytes of an item."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def read(self, archive: zipfile.ZipFile, count: int) -> Iterator[bytes]:
        """Read the first ``count`` items, in C order."""
        with archive.open(f"{self.name}.npy") as file:
            _read_npy_header(file)
            if not self.fortran:
                yield from read_pieces(file, count * self.item)
                return
            whole = math.prod(self.shape) * self.dtype.itemsize
            held = hold_in_file(read_pieces(file, whole), whole).view(self.dtype)
        items = held.reshape(self.shape[::-1]).T
        step = max(1, PIECE // self.item)
        for begin in range(0, count, step):
            yield np.ascontiguousarray(items[begin : min(begin + step, count)]).tobytes()

    def take(self, archive: zipfile.ZipFile, kept: np.ndarray) -> np.ndarray:
        """The items ``kept``, as they are."""
        last = int(kept[-1]) + 1
        held = hold_in_file(self.read(archive, last), last * self.item)
        return held.view(self.dtype).reshape(last, *self.shape[1:])[kept]


def _find_labels(names: list[str], images: str, choice: Choice) -> str | None:
    """The array of labels whose name has the words of that of the images, and those that were chosen."""
    if images == UNNAMED[0]:
        return UNNAMED[1] if UNNAMED[1] in names else None
    words = split_words(images).difference(IMAGES)
    found = [name for name in names if split_words(name) & LABELS and words <= split_words(name) - LABELS]
    exact = [name for name in found if split_words(name) - LABELS == words]
    if choice.labels:
        found = [name for name in found if split_words(choice.labels) <= split_words(name)]
        if len(found) != 1:
            labels = [name for name in names if split_words(name) & LABELS]
            raise UserError(f"labels {choice.labels!r}: must be one of {', '.join(labels) or 'none'}")
        return found[0]
    return next(iter(exact or found), None)


def _list(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name.removesuffix(".npy") for name in archive.namelist())


@contextmanager
def _open(path: Path) -> Iterator[zipfile.ZipFile]:
    """An .npz file; whatever is wrong with it is one line."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"{path}: damaged or truncated .npz file ({error})") from None


def _read_header(path: Path, archive: zipfile.ZipFile, name: str) -> _Array:
    """Read the header of an array."""
    try:
        info = archive.getinfo(f"{name}.npy")
        with archive.open(info) as file:
            shape, fortran, dtype = _read_npy_header(file)
            stored = info.file_size - file.tell()
    except (ValueError, KeyError) as error:
        raise UserError(f"{path}: {name!r} has no readable header ({error})") from None
    if dtype.hasobject:
        raise UserError(
            f"{path}: {name!r} is objects, which only running code of the file would read; "
            "must be numbers or strings, as by x.astype(str)"
        )
    if not shape:
        raise UserError(f"{path}: {name!r} is a single value; must be an array")
    promised = math.prod(shape) * dtype.itemsize
    if promised != stored:
        raise UserError(f"{path}: {name!r} is truncated, {stored} of {promised} bytes")
    return _Array(path, name, shape, fortran and len(shape) > 1, dtype)


def _read_npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(file)
