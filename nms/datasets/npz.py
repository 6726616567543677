# SPDX-License-Identifier: Apache-2.0
"""An .npz file with ``images`` and, if it has them, ``labels``."""

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from nms.contract.errors import UserError
from nms.datasets.buffers import Hold, hold_in_file, hold_in_memory, read_pieces
from nms.datasets.images import Images


def recognises(path: Path) -> bool:
    """Whether ``path`` is a file named ``*.npz``."""
    return path.is_file() and path.suffix == ".npz"


def load(path: Path, limit: int | None, hold: Hold = hold_in_memory) -> Images:
    """Load ``images``, uint8 of shape (N, D), (N, H, W) or (N, H, W, C), and ``labels``, integers (N,)."""
    images, labels = _read_arrays(path, limit, hold)
    match images.shape[1:]:
        case (pixels,):
            shape = (1, pixels, 1)
        case (height, width):
            shape = (height, width, 1)
        case (height, width, channels):
            shape = (height, width, channels)
    labels = np.full(len(images), -1) if labels is None else labels.astype(np.int64)
    return Images(images.reshape(len(images), -1), labels, shape, path.stem)


def write_subset(path: Path, kept: np.ndarray, target: Path) -> None:
    """Write the images ``kept``, and labels if it has any, into an .npz of the same name in ``target``."""
    images, labels = _read_arrays(path, int(kept[-1]) + 1, hold_in_file)
    found = {"images": images[kept]} if labels is None else {"images": images[kept], "labels": labels[kept]}
    np.savez_compressed(target / path.name, **found)


def _read_arrays(path: Path, limit: int | None, hold: Hold) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
            if "images" not in names:
                raise UserError(
                    f"{path}: no array 'images'; it holds {', '.join(sorted(names)) or 'nothing'}"
                )
            images, total = _read(path, archive, "images", limit, hold)
            if images.dtype != np.uint8:
                raise UserError(f"{path}: 'images' is {images.dtype}; must be uint8, 0 to 255")
            if images.ndim not in (2, 3, 4) or not images.size:
                raise UserError(
                    f"{path}: 'images' is {images.shape}; must be (N, D), (N, H, W) or (N, H, W, C)"
                )
            labels = None
            if "labels" in names:
                labels, labelled = _read(path, archive, "labels", limit, hold_in_memory)
                if labels.ndim != 1 or labels.dtype.kind not in "iu":
                    raise UserError(
                        f"{path}: 'labels' is {labels.dtype} {labels.shape}; must be integers (N,)"
                    )
                if labelled != total:
                    raise UserError(f"{path}: {total} images but {labelled} labels")
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        raise UserError(f"{path}: damaged or truncated .npz file ({error})") from None
    return images, labels


def _read(
    path: Path, archive: zipfile.ZipFile, name: str, limit: int | None, hold: Hold
) -> tuple[np.ndarray, int]:
    """Read the first ``limit`` items of an array, and how many it has; numpy's own loader would read all."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as file:
        try:
            version = npy.read_magic(file)
            header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = header(file)
        except ValueError as error:
            raise UserError(f"{path}: {name!r} has no readable header ({error})") from None
        if dtype.hasobject or fortran or not shape:
            kind = "objects" if dtype.hasobject else "in Fortran order" if fortran else "a single value"
            raise UserError(f"{path}: {name!r} is {kind}; must be an array of integers in C order")
        promised = math.prod(shape) * dtype.itemsize
        if promised != info.file_size - file.tell():
            raise UserError(
                f"{path}: {name!r} is truncated, {info.file_size - file.tell()} of {promised} bytes"
            )
        count = shape[0] if limit is None else min(limit, shape[0])
        data = hold(read_pieces(file, count * math.prod(shape[1:]) * dtype.itemsize))
    return data.view(dtype).reshape(count, *shape[1:]), shape[0]
