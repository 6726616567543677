# SPDX-License-Identifier: Apache-2.0
"""What every loader returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract.provenance import digest
from nms.datasets.labels import UNLABELLED


def _no_subset(kept: np.ndarray, target: Path) -> None:
    raise NotImplementedError("images that were not loaded have no format of their own")


@dataclass(frozen=True)
class Images:
    """A batch of images, one a row, with the bytes of each in stored order.

    Parameters
    ----------
    images : (N, D) uint8; where images are streamed, what gives such an array for an array of indices
    labels : (N,) int64, class of each image; -1 where the data set has no labels
    shape : (H, W, C) with H * W * C = D
    name : the data set's name, without the folders above it
    planar : whether a row holds one colour plane after the other (CIFAR-10), not pixel by pixel
    classes : names of the classes, by number, that are not called by their number
    notes : what was converted or left out, a sentence each
    write_subset : writes the images of some indices, ascending, into a folder, in the format they came in
    files : of pictures in files of their own, their paths below the data set, image by image
    """

    images: np.ndarray
    labels: np.ndarray
    shape: tuple[int, int, int]
    name: str
    planar: bool = False
    classes: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    write_subset: Callable[[np.ndarray, Path], None] = field(default=_no_subset, compare=False, repr=False)
    files: tuple[str, ...] = ()

    @property
    def pixels(self) -> np.ndarray:
        """(N, H, W, C) uint8, colours last whatever the stored order."""
        height, width, channels = self.shape
        if self.planar:
            return self.images.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        return self.images.reshape(-1, height, width, channels)

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of an image as its bytes lie, see :func:`nms.datasets.images.find_stored_shape`."""
        return find_stored_shape(self.shape, self.planar)

    @property
    def labelled(self) -> bool:
        """Whether the data set has labels."""
        return bool((self.labels != UNLABELLED).any())

    def name_class(self, number: int) -> str:
        """The name of a class."""
        return self.classes.get(number, str(number))

    def describe(self) -> dict[str, Any]:
        """What these images are, for the record of a run: name, count, shape, SHA-256, names of classes."""
        names = {str(label): self.name_class(label) for label in np.unique(self.labels).tolist()}
        return {
            "name": self.name,
            "count": len(self.images),
            "shape": list(self.shape),
            "planar": self.planar,
            "sha256": digest(self.images),
            **({"classes": names} if self.classes else {}),
        }


def find_stored_shape(shape: tuple[int, int, int], planar: bool = False) -> tuple[int, ...]:
    """The shape of an image (H, W, C) as its bytes lie: that, planar (C, H, W), or of one grey row (W,)."""
    height, width, channels = shape
    if height == channels == 1:
        return (width,)
    return (channels, height, width) if planar else shape
