# SPDX-License-Identifier: Apache-2.0
"""The handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels."""

from pathlib import Path

import numpy as np

from nms.datasets.images import Images


def load(limit: int | None) -> Images:
    """The digits with their intensities of 0 to 16 times 15, so 0 to 240 of a byte's 255.

    A subset becomes ``digits.npz``.
    """
    from sklearn.datasets import load_digits  # slow to import, and only needed here

    data, target = load_digits(return_X_y=True)
    images, labels = (data[:limit] * 15).astype(np.uint8), target[:limit].astype(np.int64)

    def write(kept: np.ndarray, target: Path) -> None:
        np.savez_compressed(target / "digits.npz", images=images[kept].reshape(-1, 8, 8), labels=labels[kept])

    return Images(images, labels, (8, 8, 1), "digits", write_subset=write)
