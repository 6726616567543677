# SPDX-License-Identifier: Apache-2.0
"""Learn how to bring your own images: write them to an `.npz` file, and sample it as any other data set.

The file needs `images`, bytes of shape (N, H, W) or (N, H, W, C), and may have `labels`. The command
`nms sample --data blobs.npz --ratio 0.2` does the same as the last lines.
"""

import numpy as np

from nms.datasets import load
from nms.sampling.select import Method
from nms.sampling.whole import sample


def make_images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey images of a bright spot at one of three places, with noise; the place is the label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    rows, columns = np.mgrid[:12, :12]
    centres = np.array([[3, 3], [3, 8], [8, 5]])[labels] + rng.normal(0, 0.7, (count, 2))
    squares = (rows - centres[:, :1, None]) ** 2 + (columns - centres[:, 1:, None]) ** 2
    images = 200 * np.exp(-squares / 6) + rng.normal(20, 5, squares.shape)
    return np.clip(images, 0, 255).astype(np.uint8), labels


def main() -> None:
    """Make a data set, load it, sample it."""
    images, labels = make_images(300, seed=1)
    np.savez_compressed("blobs.npz", images=images, labels=labels)

    data = load("blobs.npz")
    print(f"loaded {len(data.images)} images of {data.shape}")
    found = sample(data.images, data.labels, ratio=0.2, method=Method(), size=512, seed=1)
    print(f"kept {len(found.kept)} in {len(found.groups.members)} groups")
    print("of each class:", np.bincount(data.labels[found.kept]).tolist())


if __name__ == "__main__":
    main()
