# SPDX-License-Identifier: Apache-2.0
"""The handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from nms.datasets.images import Images
from nms.datasets.request import Request


def load(path: Path, part: None, request: Request) -> Images:
    """The digits with their intensities of 0 to 16 times 15, so 0 to 240 of a byte's 255.

    A subset becomes ``digits.npz``.
    """
    package = importlib.util.find_spec("sklearn")  # not imported, which takes longer than a small job
    assert package is not None
    assert package.origin is not None
    with gzip.open(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz") as file:
        table = np.loadtxt(file, delimiter=",", max_rows=request.limit, ndmin=2)
    images, labels = (table[:, :-1] * 15).astype(np.uint8), table[:, -1].astype(np.int64)

    def write(kept: np.ndarray, target: Path) -> None:
        np.savez_compressed(target / "digits.npz", images=images[kept].reshape(-1, 8, 8), labels=labels[kept])

    return Images(images, labels, (8, 8, 1), "digits", write_subset=write)
