# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 and CIFAR-100 in their two native formats: python batches (pickles) and binary batches.

An image is 3072 bytes, red plane first, then green, then blue, rows from the top; the bytes are kept in
this order.
"""

import pickle
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nms.contract.errors import UserError
from nms.datasets.images import Images
from nms.datasets.labels import number_labels
from nms.datasets.parts import Choice, Part, split_words
from nms.datasets.request import Request

PIXELS = 3072

BATCH = re.compile(r"(?:train_)?data_batch_(\d+)(\.bin)?|(test_batch|val_data)(\.bin)?")
"""A batch of CIFAR-10, or of ImageNet scaled down to its size."""

WHOLE = re.compile(r"(train|test)(\.bin)?")
"""A part of CIFAR-100, which is one file."""

NAMES = ("batches.meta", "batches.meta.txt", "meta", "fine_label_names.txt", "coarse_label_names.txt")
"""Files of class names beside the batches."""

PERMITTED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("_codecs", "encode"),
    ("__builtin__", "bytes"),
    ("builtins", "bytes"),
}
"""All that a pickled dictionary of arrays and bytes needs; nothing here runs code of the file's choice."""


class _ArraysOnly(pickle._Unpickler):
    """The unpickler in Python: the one in C allocates whatever a damaged index asks for."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in PERMITTED:
            raise UserError(
                f"its pickle asks for {module}.{name}; only numpy arrays, bytes and dictionaries are read"
            )
        return super().find_class(module, name)


@dataclass(frozen=True)
class Batches:
    """The files of a part, in order; ``hundred`` of CIFAR-100, whose images have two labels."""

    files: tuple[Path, ...]
    hundred: bool

    @property
    def binary(self) -> bool:
        """Whether the files are binary batches, not pickles."""
        return self.files[0].suffix == ".bin"


def find_parts(path: Path) -> list[Part]:
    """The parts of a folder of batches, or a single batch.

    Training batches are in the order of their numbers. Where both formats are present, the python batches
    count.
    """
    if not path.is_dir():
        found = BATCH.fullmatch(path.name) or _match_whole(path)
        if not found or not path.is_file():
            return []
        words = {"train"} if found[1] else {"test"}
        return [Part(frozenset(words), Batches((path,), found.re is WHOLE))]
    files = sorted(entry for entry in path.iterdir() if entry.is_file())
    ten = [(match, entry) for entry in files if (match := BATCH.fullmatch(entry.name))]
    training = sorted((int(match[1]), entry) for match, entry in ten if match[1])
    held_out = [entry for match, entry in ten if match[3]]
    parts = {
        "train": Batches(_choose_format([entry for _, entry in training]), False),
        "test": Batches(_choose_format(held_out), False),
    }
    if not training:
        whole = [(match, entry) for entry in files if (match := _match_whole(entry))]
        for name in parts:
            parts[name] = Batches(_choose_format([entry for match, entry in whole if match[1] == name]), True)
    return [Part(frozenset({name}), batches) for name, batches in parts.items() if batches.files]


def load(path: Path, batches: Batches, request: Request) -> Images:
    """Load the batches of a part in their order; those past the limit are not opened."""
    labels: list[np.ndarray | list] = []
    labels_of, notes = _choose_labels(batches, request.choice)
    if batches.binary:
        record = PIXELS + (2 if batches.hundred else 1)
        most = sum(file.stat().st_size for file in batches.files) // record
    else:
        most = sum(file.stat().st_size for file in batches.files) // PIXELS
    count = request.count(most)
    request.check_room(count, PIXELS, path.name)

    def parts() -> Iterator[bytes]:
        for _, pixels, found in _read_batches(batches, request.limit):
            labels.extend(found[labels_of])
            yield pixels.tobytes()

    images = request.hold(parts(), count * PIXELS).reshape(-1, PIXELS)
    numbers, classes = number_labels(labels, f"{path}: {labels_of!r}")

    def write(kept: np.ndarray, target: Path) -> None:
        _write_subset(batches, kept, target)

    name = path.resolve().name
    return Images(images, numbers, (32, 32, 3), name, True, classes, notes, write)


def _match_whole(path: Path) -> re.Match[str] | None:
    """Whether a file is a part of CIFAR-100, by its name and what is beside it, or is in it."""
    match = WHOLE.fullmatch(path.name)
    if match is None or not path.is_file():
        return None
    if match[2]:
        return match if path.stat().st_size % (PIXELS + 2) == 0 else None
    with path.open("rb") as file:
        return match if file.read(1) == b"\x80" else None


def _choose_format(files: list[Path]) -> tuple[Path, ...]:
    python = [file for file in files if file.suffix != ".bin"]
    return tuple(python or files)


def _choose_labels(batches: Batches, choice: Choice) -> tuple[str, tuple[str, ...]]:
    """The key of the labels, and what to say of others."""
    known = ("fine_labels", "coarse_labels") if batches.hundred else ("labels",)
    found = [name for name in known if split_words(choice.labels or "") <= frozenset(name.split("_"))]
    if not found:
        raise UserError(f"labels {choice.labels!r}: must be one of {', '.join(known)}")
    said = batches.hundred and not choice.labels
    return found[0], ("labels are the fine ones; --labels coarse takes the others",) if said else ()


def _write_subset(batches: Batches, kept: np.ndarray, target: Path) -> None:
    """Write the images ``kept`` into the folder ``target``, in batches of the same names and format.

    A batch of which nothing is kept is left out. The file of class names beside the batches is copied.
    """
    begin = 0
    for batch, pixels, labels in _read_batches(batches, int(kept[-1]) + 1):
        chosen = kept[(kept >= begin) & (kept < begin + len(pixels))] - begin
        begin += len(pixels)
        if not len(chosen):
            continue
        if batches.binary:
            columns = [np.asarray(labels[name], np.uint8)[chosen, None] for name in sorted(labels)]
            np.concatenate([*columns, pixels[chosen]], axis=1).tofile(target / batch.name)
        else:
            with (target / batch.name).open("wb") as file:
                _Python2(file, protocol=2).dump(_select(_unpickle(batch), chosen))
    for name in NAMES:
        if (batches.files[0].parent / name).is_file():
            shutil.copyfile(batches.files[0].parent / name, target / name)


def _select(batch: dict, chosen: np.ndarray) -> dict:
    """Select the ``chosen`` items of each list or array of a python batch that has one for each image."""
    count = len(batch[b"data"])
    found = {}
    for key, value in batch.items():
        if isinstance(value, list) and len(value) == count:
            value = [value[index] for index in chosen.tolist()]
        elif isinstance(value, np.ndarray) and len(value) == count:
            value = value[chosen]
        found[key] = value
    return found


class _Python2(pickle._Pickler):
    """Pickles bytes as Python 2 did its strings, so that whatever reads CIFAR-10 as published reads this."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def save_bytes(self: Any, value: bytes) -> None:
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes


Labels = dict[str, list | np.ndarray]
"""The labels of a batch, by their key in a python batch."""


def _read_batches(batches: Batches, limit: int | None) -> Iterator[tuple[Path, np.ndarray, Labels]]:
    """Yield (file, pixels, labels) of each batch up to the limit; one is in memory at a time."""
    wanted = limit
    for batch in batches.files:
        read: Callable = _read_binary if batches.binary else _read_python
        pixels, labels = read(batch, batches.hundred, wanted)
        yield batch, pixels, labels
        if wanted is not None:
            wanted -= len(pixels)
            if wanted <= 0:
                break


def _unpickle(path: Path) -> dict:
    """Read the dictionary of a python batch, its keys as bytes."""
    try:
        with path.open("rb") as file:
            batch = _ArraysOnly(file, encoding="bytes").load()
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle may raise anything
        raise UserError(f"{path}: damaged or truncated CIFAR python batch ({type(error).__name__})") from None
    if not isinstance(batch, dict):
        raise UserError(f"{path}: holds a {type(batch).__name__}; a CIFAR python batch is a dictionary")
    return {key.encode("latin1") if isinstance(key, str) else key: value for key, value in batch.items()}


def _read_python(path: Path, hundred: bool, limit: int | None) -> tuple[np.ndarray, Labels]:
    batch = _unpickle(path)
    keys = ("fine_labels", "coarse_labels") if hundred else ("labels",)
    for key in ("data", *keys):
        if key.encode() not in batch:
            raise UserError(
                f"{path}: no {key!r} in this batch; a CIFAR python batch has 'data' and {keys[0]!r}"
            )
    data = batch[b"data"]
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != PIXELS
    ):
        found = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise UserError(f"{path}: 'data' is {found}; must be uint8 (N, {PIXELS})")
    labels: Labels = {}
    for key in keys:
        given = batch[key.encode()]
        if not isinstance(given, (list, np.ndarray)):
            raise UserError(
                f"{path}: {key!r} is {type(given).__name__}; must be a list of integers or strings"
            )
        if len(given) != len(data):
            raise UserError(f"{path}: {len(data)} images but {len(given)} labels")
        number_labels(given, f"{path}: {key!r}")  # names the file where they are none
        labels[key] = given[:limit]
    if not len(data):
        raise UserError(f"{path}: holds no images")
    return data[:limit], labels


def _read_binary(path: Path, hundred: bool, limit: int | None) -> tuple[np.ndarray, Labels]:
    keys = {"coarse_labels": 20, "fine_labels": 100} if hundred else {"labels": 10}
    record = PIXELS + len(keys)
    size = path.stat().st_size
    if not size or size % record:
        raise UserError(
            f"{path}: {size} bytes; a CIFAR binary batch is a multiple of {record}, and not empty"
        )
    records = size // record
    wanted = records if limit is None else min(limit, records)
    raw = np.fromfile(path, np.uint8, wanted * record).reshape(wanted, record)
    labels: Labels = {}
    for column, (key, most) in enumerate(keys.items()):
        own = raw[:, column].astype(np.int64)
        if own.max() >= most:
            first = int(np.argmax(own >= most))
            raise UserError(f"{path}: label {own[first]} of image {first}; there are classes 0 to {most - 1}")
        labels[key] = own
    return raw[:, len(keys) :], labels
