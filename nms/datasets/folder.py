# SPDX-License-Identifier: Apache-2.0
"""A folder of class folders of images, as ImageNet is laid out."""

from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from nms.datasets.images import Images
from nms.errors import UserError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
GREY = {"1", "L", "LA"}
COLOUR = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}


def load(path: Path, limit: int | None, size: int | None) -> Images:
    """The images class by class, classes and files in the order of their names.

    A class is numbered by its place among the folders. Pixels are grey if all images are, else
    red, green, blue in turn; transparency is dropped. ``size`` resizes to a square of that side
    (bilinear, averaging where it shrinks).
    """
    classes = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        raise UserError(
            f"{path}: no class folders in it; expected a folder for each class, with images in it"
        )
    files = list(
        islice(((label, file) for label, folder in enumerate(classes) for file in _images_of(folder)), limit)
    )
    headers = [_header(file) for _, file in files]
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
    images = np.empty((len(files), height * width * channels), np.uint8)
    for row, (_, file) in zip(images, files, strict=True):
        row[:] = _pixels(file, mode, (width, height)).reshape(-1)
    labels = np.array([label for label, _ in files], np.int64)
    return Images(images, labels, (height, width, channels), path.resolve().name)


def _images_of(folder: Path) -> list[Path]:
    files = sorted(
        entry for entry in folder.iterdir() if entry.suffix.lower() in SUFFIXES and entry.name[0] != "."
    )
    if not files:
        raise UserError(f"{folder}: no images in this class folder ({', '.join(sorted(SUFFIXES))})")
    return files


def _header(file: Path) -> tuple[tuple[int, int], str]:
    try:
        with Image.open(file) as image:
            size, mode = image.size, image.mode
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{file}: not a readable image ({type(error).__name__})") from None
    if mode not in GREY | COLOUR:
        raise UserError(f"{file}: pixels of mode {mode}; must have 8 bits a channel")
    return size, mode


def _pixels(file: Path, mode: str, size: tuple[int, int]) -> np.ndarray:
    try:
        with Image.open(file) as image:
            converted = image.convert(mode)
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(f"{file}: damaged or truncated image ({error})") from None
    if converted.size != size:
        converted = converted.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(converted)
