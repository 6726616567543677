# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 in its two native formats: python batches (pickles) and binary batches.

An image is 3072 bytes, red plane first, then green, then blue, rows from the top; the bytes are kept in
this order.
"""

import pickle
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nms.contract.errors import UserError
from nms.datasets.buffers import Hold, hold_in_memory
from nms.datasets.images import Images

PIXELS = 3072
RECORD = 1 + PIXELS
"""Bytes of an image in a binary batch: the label, then the pixels."""

BATCH = re.compile(r"(data_batch_(\d+)|test_batch)(\.bin)?")

PERMITTED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
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


def recognises(path: Path) -> bool:
    """Whether ``path`` is a batch, or a directory with training batches."""
    if path.is_dir():
        return bool(_list_training(path))
    return BATCH.fullmatch(path.name) is not None


def load(path: Path, limit: int | None, hold: Hold = hold_in_memory) -> Images:
    """Load one batch, or a directory's training batches in their order.

    Batches past the limit are not opened.
    """
    labels = []

    def parts() -> Iterator[bytes]:
        for _, pixels, classes in _read_batches(path, limit):
            labels.append(classes)
            yield pixels.tobytes()

    images = hold(parts()).reshape(-1, PIXELS)
    return Images(images, np.concatenate(labels), (32, 32, 3), path.resolve().name, planar=True)


def write_subset(path: Path, kept: np.ndarray, target: Path) -> None:
    """Write the images ``kept`` into the folder ``target``, in batches of the same names and format.

    A batch of which nothing is kept is left out. The file of class names beside the batches is copied.
    """
    begin = 0
    for batch, pixels, labels in _read_batches(path, int(kept[-1]) + 1):
        chosen = kept[(kept >= begin) & (kept < begin + len(pixels))] - begin
        begin += len(pixels)
        if not len(chosen):
            continue
        if batch.suffix == ".bin":
            records = np.concatenate([labels[chosen, None].astype(np.uint8), pixels[chosen]], axis=1)
            records.tofile(target / batch.name)
        else:
            with (target / batch.name).open("wb") as file:
                _Python2(file, protocol=2).dump(_select(_unpickle(batch), chosen))
    folder = path if path.is_dir() else path.parent
    for name in ("batches.meta", "batches.meta.txt"):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, target / name)


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


def _read_batches(path: Path, limit: int | None) -> Iterator[tuple[Path, np.ndarray, np.ndarray]]:
    """Yield (file, pixels, labels) of each batch up to the limit; one is in memory at a time."""
    wanted = limit
    for batch in _list_training(path) if path.is_dir() else [path]:
        read: Callable = _read_binary if batch.suffix == ".bin" else _read_python
        pixels, labels = read(batch, wanted)
        yield batch, pixels, labels
        if wanted is not None:
            wanted -= len(pixels)
            if wanted <= 0:
                break


def _list_training(directory: Path) -> list[Path]:
    """List ``data_batch_*`` by number; where both formats are present, the python batches."""
    found = [
        (match, entry) for entry in directory.iterdir() if (match := BATCH.fullmatch(entry.name)) and match[2]
    ]
    formats = {match[3] for match, _ in found}
    kept = [(int(match[2]), entry) for match, entry in found if match[3] is None or None not in formats]
    return [entry for _, entry in sorted(kept)]


def _unpickle(path: Path) -> dict:
    """Read the dictionary of a python batch, its keys as bytes."""
    try:
        with path.open("rb") as file:
            batch = _ArraysOnly(file, encoding="bytes").load()
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle may raise anything
        raise UserError(
            f"{path}: damaged or truncated CIFAR-10 python batch ({type(error).__name__})"
        ) from None
    if not isinstance(batch, dict):
        raise UserError(f"{path}: holds a {type(batch).__name__}; a CIFAR-10 python batch is a dictionary")
    return {key.encode("latin1") if isinstance(key, str) else key: value for key, value in batch.items()}


def _read_python(path: Path, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    batch = _unpickle(path)
    for key in (b"data", b"labels"):
        if key not in batch:
            raise UserError(
                f"{path}: no {key.decode()!r} in this batch; a CIFAR-10 python batch has 'data' and 'labels'"
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
    labels = np.array(batch[b"labels"], object)
    if labels.ndim != 1 or not all(isinstance(label, int) for label in labels):
        raise UserError(f"{path}: 'labels' must be a list of integers")
    if len(labels) != len(data):
        raise UserError(f"{path}: {len(data)} images but {len(labels)} labels")
    if not len(data):
        raise UserError(f"{path}: holds no images")
    return data[:limit], labels[:limit].astype(np.int64)


def _read_binary(path: Path, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    size = path.stat().st_size
    if not size or size % RECORD:
        raise UserError(
            f"{path}: {size} bytes; a CIFAR-10 binary batch is a multiple of {RECORD}, and not empty"
        )
    records = size // RECORD
    wanted = records if limit is None else min(limit, records)
    raw = np.fromfile(path, np.uint8, wanted * RECORD).reshape(wanted, RECORD)
    labels = raw[:, 0].astype(np.int64)
    if labels.max() > 9:
        first = int(np.argmax(labels > 9))
        raise UserError(f"{path}: label {labels[first]} of image {first}; CIFAR-10 has classes 0 to 9")
    return raw[:, 1:], labels
