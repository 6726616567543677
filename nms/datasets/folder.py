# SPDX-License-Identifier: Apache-2.0
"""A folder of class folders of images, as ImageNet is laid out."""

import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nms.contract.errors import UserError
from nms.datasets.images import Images

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
GREY = {"1", "L", "LA"}
COLOUR = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}


def load(path: Path, limit: int | None, size: int | None, lazy: bool = False) -> Images:
    """Load images class by class, classes and files in the order of their names.

    A class is numbered by its place among the folders. Pixels are grey if all images are, else
    red, green, blue in turn; transparency is dropped. ``size`` resizes to a square of that side
    (bilinear, averaging where it shrinks). ``lazy`` leaves the pixels in their files (:class:`Files`).
    """
    files = _list_images(path, limit)
    headers = [_read_header(file) for _, file in files]
    first = headers[0][0]
    if size is None:
        for (_, file), (shape, _) in zip(files, headers, strict=True):
            if shape != first:
                raise UserError(
                    f"{file}: {shape[0]} x {shape[1]} pixels, but {files[0][1].name} before it has "
                    f"{first[0]} x {first[1]}; give --size to resize them all"
                )
    mode = "L" if all(mode in GREY for _, mode in headers) else "RGB"
    width, height = first if size is None else (size, size)
    channels = len(mode)
    images: Any = Files([file for _, file in files], mode, (width, height))
    labels = np.array([label for label, _ in files], np.int64)
    return Images(
        images if lazy else np.asarray(images), labels, (height, width, channels), path.resolve().name
    )


def write_subset(path: Path, kept: np.ndarray, target: Path) -> None:
    """Copy the files ``kept``, as they are, into class folders of the same names in the folder ``target``."""
    wanted = set(kept.tolist())
    for index, (_, file) in enumerate(_list_images(path, int(kept[-1]) + 1)):
        if index in wanted:
            (target / file.parent.name).mkdir(exist_ok=True)
            shutil.copyfile(file, target / file.parent.name / file.name)


class Files:
    """Images that stay in their files: indexed like an array (N, pixels), read by ``np.asarray``."""

    def __init__(self, files: list[Path], mode: str, size: tuple[int, int]) -> None:
        self.files, self.mode, self.size = files, mode, size

    @property
    def shape(self) -> tuple[int, int]:
        """(N, pixels)."""
        return len(self.files), self.size[0] * self.size[1] * len(self.mode)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, indices: np.ndarray) -> "Files":
        return Files([self.files[index] for index in indices.tolist()], self.mode, self.size)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        images = np.empty(self.shape, np.uint8)
        for row, file in zip(images, self.files, strict=True):
            row[:] = _read_pixels(file, self.mode, self.size).reshape(-1)
        return images


def _list_images(path: Path, limit: int | None) -> list[tuple[int, Path]]:
    """List (class, file) of the first ``limit`` images."""
    classes = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        raise UserError(
            f"{path}: no class folders in it; expected a folder for each class, with images in it"
        )
    return list(
        islice(
            ((label, file) for label, folder in enumerate(classes) for file in _list_folder(folder)), limit
        )
    )


def _list_folder(folder: Path) -> list[Path]:
    files = sorted(
        entry for entry in folder.iterdir() if entry.suffix.lower() in SUFFIXES and entry.name[0] != "."
    )
    if not files:
        raise UserError(f"{folder}: no images in this class folder ({', '.join(sorted(SUFFIXES))})")
    return files


def _read_header(file: Path) -> tuple[tuple[int, int], str]:
    try:
        with Image.open(file) as image:
            size, mode = image.size, image.mode
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{file}: not a readable image ({type(error).__name__})") from None
    if mode not in GREY | COLOUR:
        raise UserError(f"{file}: pixels of mode {mode}; must have 8 bits a channel")
    return size, mode


def _read_pixels(file: Path, mode: str, size: tuple[int, int]) -> np.ndarray:
    try:
        with Image.open(file) as image:
            converted = image.convert(mode)
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(f"{file}: damaged or truncated image ({error})") from None
    if converted.size != size:
        converted = converted.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(converted)
