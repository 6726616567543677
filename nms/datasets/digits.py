# SPDX-License-Identifier: Apache-2.0
"""The handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels."""

import numpy as np

from nms.datasets.images import Images


def load(limit: int | None) -> Images:
    """The digits with their intensities of 0 to 16 times 15, so 0 to 240 of a byte's 255."""
    from sklearn.datasets import load_digits  # slow to import, and only needed here

    data, target = load_digits(return_X_y=True)
    images = (data[:limit] * 15).astype(np.uint8)
    return Images(images, target[:limit].astype(np.int64), (8, 8, 1), "digits")
