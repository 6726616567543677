# SPDX-License-Identifier: Apache-2.0
"""IDX files, plain or .gz: MNIST, Fashion-MNIST. Images and labels lie in two files side by side.

Header, big-endian: 0, 0, type (8 = unsigned byte), number of dimensions, then each dimension in 32 bits.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from nms.contract.errors import UserError
from nms.datasets.buffers import ROWS, Hold, hold_in_file, hold_in_memory, read_pieces
from nms.datasets.images import Images

UNSIGNED_BYTE = 8


def recognises(path: Path) -> bool:
    """Whether ``path`` is named like an IDX file, or is a directory with an IDX file of images."""
    if path.is_dir():
        return _find_images(path) is not None
    return "idx" in path.name


def load(path: Path, limit: int | None, hold: Hold = hold_in_memory) -> Images:
    """Load an IDX file of images and the labels beside it; of a directory, preferably the training images."""
    images_path, labels_path = _find_pair(path)
    images, total = _read(images_path, 3, limit, hold)
    labels, labelled = _read(labels_path, 1, limit, hold_in_memory)
    if total != labelled:
        raise UserError(f"{labels_path}: {labelled} labels for the {total} images of {images_path.name}")
    count, height, width = images.shape
    if not images.size:
        raise UserError(f"{images_path}: holds no pixels, {total} images of {height} x {width}")
    name = path.resolve().name if path.is_dir() else images_path.name.split(".")[0]
    return Images(images.reshape(count, -1), labels.astype(np.int64), (height, width, 1), name)


def write_subset(path: Path, kept: np.ndarray, target: Path) -> None:
    """Write the images ``kept`` and their labels into the folder ``target``, in files of the same names."""
    last = int(kept[-1]) + 1
    for file, dimensions in zip(_find_pair(path), (3, 1), strict=True):
        items, _ = _read(file, dimensions, last, hold_in_file)
        header = struct.pack(
            f">BBBB{items.ndim}I", 0, 0, UNSIGNED_BYTE, items.ndim, len(kept), *items.shape[1:]
        )
        with (
            (target / file.name).open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if file.suffix == ".gz" else raw as to,
        ):
            to.write(header)
            for begin in range(0, len(kept), ROWS):
                to.write(items[kept[begin : begin + ROWS]].tobytes())


def _find_pair(path: Path) -> tuple[Path, Path]:
    """Find the file of images and the file of labels."""
    images = _find_images(path) if path.is_dir() else path
    if images is None or "images" not in images.name:
        raise UserError(
            f"{path}: name the file of images (...images-idx3-ubyte); its labels are found beside it"
        )
    return images, _find_labels(images)


def _find_images(directory: Path) -> Path | None:
    """Find the file of training images, else the first other one; a plain file before its .gz."""
    found = [entry for entry in directory.iterdir() if "images" in entry.name and "idx3" in entry.name]
    return min(found, key=lambda entry: (not entry.name.startswith("train"), entry.name), default=None)


def _find_labels(images: Path) -> Path:
    plain = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for name in (plain, plain + ".gz"):
        if (images.parent / name).is_file():
            return images.parent / name
    raise UserError(f"{images}: no labels beside it; expected {plain} or {plain}.gz")


def _read(path: Path, dimensions: int, limit: int | None, hold: Hold) -> tuple[np.ndarray, int]:
    """Read the first ``limit`` items along the first dimension, and how many the header promises."""
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
            data = hold(read_pieces(file, wanted))
            if count == total and file.read(1):  # at the end gzip also compares its checksum
                raise UserError(f"{path}: longer than the {wanted} bytes that its header promises")
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged or truncated ({error})") from None
    if len(data) < wanted:
        raise UserError(f"{path}: truncated, {len(data)} of the {wanted} bytes that its header promises")
    return data.reshape(count, *item), total
