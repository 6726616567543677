# SPDX-License-Identifier: Apache-2.0
"""IDX files, plain or .gz: MNIST, Fashion-MNIST. Images and labels lie in two files side by side.

Header, big-endian: 0, 0, type (8 = unsigned byte), number of dimensions, then each dimension in 32 bits.
"""

import gzip
import math
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from nms.datasets.images import Images
from nms.errors import UserError

UNSIGNED_BYTE = 8
PIECE = 1 << 24


def recognises(path: Path) -> bool:
    """Whether ``path`` is named like an IDX file, or is a directory with an IDX file of images."""
    if path.is_dir():
        return _images_of(path) is not None
    return "idx" in path.name


def load(path: Path, limit: int | None) -> Images:
    """The images of an IDX file with the labels beside it; a directory's training images if it has them."""
    images_path = _images_of(path) if path.is_dir() else path
    if images_path is None or "images" not in images_path.name:
        raise UserError(
            f"{path}: name the file of images (...images-idx3-ubyte); its labels are found beside it"
        )
    labels_path = _labels_of(images_path)
    images, total = _read(images_path, dimensions=3, limit=limit)
    labels, labelled = _read(labels_path, dimensions=1, limit=limit)
    if total != labelled:
        raise UserError(f"{labels_path}: {labelled} labels for the {total} images of {images_path.name}")
    count, height, width = images.shape
    if not images.size:
        raise UserError(f"{images_path}: holds no pixels, {total} images of {height} x {width}")
    name = path.resolve().name if path.is_dir() else images_path.name.split(".")[0]
    return Images(images.reshape(count, -1), labels.astype(np.int64), (height, width, 1), name)


def _images_of(directory: Path) -> Path | None:
    """The file of training images, else the first other one; a plain file before its .gz."""
    found = [entry for entry in directory.iterdir() if "images" in entry.name and "idx3" in entry.name]
    return min(found, key=lambda entry: (not entry.name.startswith("train"), entry.name), default=None)


def _labels_of(images: Path) -> Path:
    plain = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for name in (plain, plain + ".gz"):
        if (images.parent / name).is_file():
            return images.parent / name
    raise UserError(f"{images}: no labels beside it; expected {plain} or {plain}.gz")


def _read(path: Path, dimensions: int, limit: int | None) -> tuple[np.ndarray, int]:
    """The first ``limit`` items along the first dimension, and how many the header promises."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4)
            expected = bytes((0, 0, UNSIGNED_BYTE, dimensions))
            if header != expected:
                raise UserError(
                    f"{path}: begins with {header.hex(' ') or 'nothing'}; "
                    f"an IDX file of {dimensions}-dimensional bytes begins with {expected.hex(' ')}"
                )
            sizes = file.read(4 * dimensions)
            if len(sizes) < 4 * dimensions:
                raise UserError(f"{path}: truncated within its header")
            total, *item = struct.unpack(f">{dimensions}I", sizes)
            count = total if limit is None else min(limit, total)
            wanted = count * math.prod(item)
            data = _take(file, wanted)
            if count == total and file.read(1):  # at the end gzip also compares its checksum
                raise UserError(f"{path}: longer than the {wanted} bytes that its header promises")
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged or truncated ({error})") from None
    if len(data) < wanted:
        raise UserError(f"{path}: truncated, {len(data)} of the {wanted} bytes that its header promises")
    return np.frombuffer(data, np.uint8).reshape(count, *item), total


def _take(file: BufferedIOBase, wanted: int) -> bytes:
    """``wanted`` bytes or what there is, in pieces: a damaged header may promise more than memory holds."""
    parts = []
    while wanted and (part := file.read(min(wanted, PIECE))):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)
