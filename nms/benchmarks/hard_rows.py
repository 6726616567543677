# SPDX-License-Identifier: Apache-2.0
"""Batches of rows that are hard for perplexity searches: ties, clusters, outliers, targets near N-1.

The data of ``nms bench search --data hard``.
"""

import numpy as np


def make_batches(pixels: int = 3072) -> dict[str, tuple[np.ndarray, float]]:
    """Make the batches by name: images (N, pixels) uint8, N at most 64, and target perplexity.

    They are the same every time.
    """
    rng = np.random.default_rng(3)
    base = rng.integers(40, 200, pixels)
    noise = rng.integers(0, 256, (64, pixels))
    near = base + (rng.random((64, pixels)) < 0.004)
    outlier, cluster, loose, duplicates = near.copy(), near.copy(), near.copy(), noise.copy()
    outlier[17] = 255
    cluster[40:] = 255 - near[40:]
    loose[30:] = np.clip(255 - near[30:] + rng.integers(-40, 40, (34, pixels)), 0, 255)
    duplicates[:15] = base
    one_more = duplicates.copy()
    one_more[14, 0] += 1
    ramp = np.arange(64)[:, None]
    batches = {
        "near-identical": (near, 15.0),
        "one outlier": (outlier, 15.0),
        "one far cluster": (cluster, 15.0),
        "a tight and a loose cluster": (loose, 15.0),
        "15 equal": (duplicates, 15.0),
        "15 equal and one": (duplicates[:16], 14.5),
        "14 equal and one next to them": (one_more, 14.999),
        "all pairs equal": (255 * np.eye(64, pixels), 15.0),
        "line": (np.repeat(4 * ramp, pixels, axis=1), 15.0),
        "bits of a counter in unary": (np.arange(pixels) < ramp, 15.0),
        "17 images": (noise[:17], 15.0),
        "17 images, almost all of them": (noise[:17], 15.99),
    }
    return {name: (images.astype(np.uint8), perplexity) for name, (images, perplexity) in batches.items()}
