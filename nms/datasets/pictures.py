# SPDX-License-Identifier: Apache-2.0
"""Pictures in files of their own: what their headers say, and their pixels."""

import io
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from nms.contract.errors import UserError

SUFFIXES = {
    ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm",
    ".tif", ".tiff", ".webp",
}  # fmt: skip
GREY = {"1", "L", "LA"}
COLOUR = {"P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"}
ORIENTATION = 0x0112
"""EXIF: how a camera was held; from 5 on, its rows are columns."""


@dataclass(frozen=True)
class Header:
    """What is known of a picture before its pixels are read; ``size`` is (width, height) as it is seen."""

    size: tuple[int, int]
    grey: bool
    frames: int
    transparent: bool


@dataclass(frozen=True)
class Form:
    """What all pictures are brought to: mode L or RGB, and (width, height)."""

    mode: str
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.size[1], self.size[0], len(self.mode)


def find_form(headers: Sequence[tuple[str, Header]], resize: int | None) -> Form:
    """The form for all pictures, each with what messages call it: grey if all are, else RGB.

    Raises
    ------
    UserError
        Their sizes differ, and they are not resized.
    """
    (first, known), mode = headers[0], "L" if all(header.grey for _, header in headers) else "RGB"
    if resize is not None:
        return Form(mode, (resize, resize))
    for name, header in headers:
        if header.size != known.size:
            raise UserError(
                f"{name}: {header.size[0]} x {header.size[1]} pixels, but {Path(first).name} before it has "
                f"{known.size[0]} x {known.size[1]}; give --resize to resize them all"
            )
    return Form(mode, known.size)


def list_losses(headers: Sequence[Header]) -> list[str]:
    """What is not carried of these pictures, a sentence each."""
    frames = sum(header.frames > 1 for header in headers)
    transparent = sum(header.transparent for header in headers)
    return [
        *([f"of {frames} of {len(headers)} images with several frames, the first"] if frames else []),
        *([f"without the transparency of {transparent} of {len(headers)} images"] if transparent else []),
    ]


def read_header(source: Path | bytes, name: str) -> Header:
    """Read the header of a picture, a file or its bytes, which messages call ``name``.

    Raises
    ------
    UserError
        It is no readable picture, or has more than 8 bits a channel.
    """
    with _open(source, name, "not a readable image") as image:
        if image.mode not in GREY | COLOUR or _is_deep(image):
            raise UserError(
                f"{name}: not 8 bits a channel (mode {image.mode}); bring the images to 8, all by one factor"
            )
        size = image.size
        if _find_orientation(image) >= 5:
            size = size[::-1]
        transparent = "A" in image.mode.replace("LAB", "") or "transparency" in image.info
        return Header(size, image.mode in GREY, getattr(image, "n_frames", 1), transparent)


def read_pixels(source: Path | bytes, name: str, form: Form) -> np.ndarray:
    """Read the pixels of a picture, turned as EXIF says: (H, W) or (H, W, 3) uint8.

    Where it has another size it is resized, bilinear and averaging where it shrinks.

    Raises
    ------
    UserError
        The picture is damaged.
    """
    with _open(source, name, "damaged or truncated image") as image:
        turned = ImageOps.exif_transpose(image) if _find_orientation(image) > 1 else image
        turned = turned.convert(form.mode)
    if turned.size != form.size:
        turned = turned.resize(form.size, Image.Resampling.BILINEAR)
    return np.asarray(turned)


class Files:
    """Pictures that stay in their files: indexed like an array (N, pixels), read by ``np.asarray``."""

    def __init__(self, files: list[Path], form: Form) -> None:
        self.files, self.form = files, form

    @property
    def shape(self) -> tuple[int, int]:
        """(N, pixels)."""
        height, width, channels = self.form.shape
        return len(self.files), height * width * channels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, indices: np.ndarray) -> "Files":
        return Files([self.files[index] for index in indices.tolist()], self.form)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        images = np.empty(self.shape, np.uint8)
        for row, file in zip(images, self.files, strict=True):
            row[:] = read_pixels(file, str(file), self.form).reshape(-1)
        return images


@contextmanager
def _open(source: Path | bytes, name: str, complaint: str) -> Any:
    """A picture; whatever goes wrong with it is one line.

    Pillow gets no path: it would map the pixels of a plain TIFF that is to be turned with its sides swapped.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # of tags that no pixel depends on
            io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file,
            Image.open(file) as image,
        ):
            yield image
    except UserError:
        raise
    except Exception as error:  # a damaged picture may raise anything
        raise UserError(f"{name}: {complaint} ({_shorten(error)})") from None


def _find_orientation(image: Any) -> int:
    """How to turn a picture, 1 to 8; of PNG as its header has it, since what follows needs all pixels."""
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):  # TIFF is turned
        return 1
    return image.getexif().get(ORIENTATION, 1)


def _shorten(error: Exception) -> str:
    words = "" if isinstance(error, Image.UnidentifiedImageError) else " ".join(str(error).split())
    return words or type(error).__name__


def _arguments(image: Any) -> list:
    return [tile[3] for tile in image.tile]


def _is_deep(image: Any) -> bool:
    """Whether the file has more than 8 bits a channel, also where Pillow would take the upper 8 alone."""
    for given in _arguments(image):
        if ";16" in str(given):
            return True
        if image.format == "PPM" and isinstance(given, tuple) and int(given[1]) > 255:
            return True
    return any(bits > 8 for bits in getattr(image, "tag_v2", {}).get(258, ()))
