# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 in its two native formats: python batches (pickles) and binary batches.

An image is 3072 bytes, red plane first, then green, then blue, rows from the top; the bytes are kept in
this order.
"""

import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nms.datasets.images import Images
from nms.errors import UserError

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
        return bool(_training(path))
    return BATCH.fullmatch(path.name) is not None


def load(path: Path, limit: int | None) -> Images:
    """The images of one batch, or of a directory's training batches in their order.

    Batches past the limit are not opened.
    """
    batches = _training(path) if path.is_dir() else [path]
    images, labels, wanted = [], [], limit
    for batch in batches:
        read: Callable = _binary if batch.suffix == ".bin" else _python
        pixels, classes = read(batch, wanted)
        images.append(pixels)
        labels.append(classes)
        if wanted is not None:
            wanted -= len(pixels)
            if wanted <= 0:
                break
    return Images(
        np.concatenate(images), np.concatenate(labels), (32, 32, 3), path.resolve().name, planar=True
    )


def _training(directory: Path) -> list[Path]:
    """``data_batch_*`` by number; where both formats are present, the python batches."""
    found = [
        (match, entry) for entry in directory.iterdir() if (match := BATCH.fullmatch(entry.name)) and match[2]
    ]
    formats = {match[3] for match, _ in found}
    kept = [(int(match[2]), entry) for match, entry in found if match[3] is None or None not in formats]
    return [entry for _, entry in sorted(kept)]


def _python(path: Path, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
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
    batch = {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in batch.items()}
    missing = [key for key in ("data", "labels") if key not in batch]
    if missing:
        raise UserError(
            f"{path}: no {missing[0]!r} in this batch; a CIFAR-10 python batch has 'data' and 'labels'"
        )
    data = batch["data"]
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != PIXELS
    ):
        found = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise UserError(f"{path}: 'data' is {found}; must be uint8 (N, {PIXELS})")
    labels = np.array(batch["labels"], object)
    if labels.ndim != 1 or not all(isinstance(label, int) for label in labels):
        raise UserError(f"{path}: 'labels' must be a list of integers")
    if len(labels) != len(data):
        raise UserError(f"{path}: {len(data)} images but {len(labels)} labels")
    if not len(data):
        raise UserError(f"{path}: holds no images")
    return data[:limit], labels[:limit].astype(np.int64)


def _binary(path: Path, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
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
