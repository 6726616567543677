# SPDX-License-Identifier: Apache-2.0
"""Learn what fixed point costs: run the bit-true model of the hardware beside the mathematics in float64.

`nms.golden.sampler` gives every table of the hardware, bit by bit; `nms.golden.exact` computes the same in
float64. Both start from the same points, so that only the arithmetic differs.
"""

import numpy as np

from nms.contract.config import load
from nms.contract.settings import Settings
from nms.datasets import load as load_images
from nms.golden import exact, sampler
from nms.results import make_arrays


def main() -> None:
    """Run both, print the differences."""
    config, data = load("tiny"), load_images("digits", count=16)
    settings = Settings.make(config, count=16, pixels=data.images.shape[1], perplexity=5.0)

    tables = sampler.run(config, settings, data.images)
    bit_true = make_arrays(tables, config, data)  # raw integers as numbers with units
    true = exact.run(data.images, settings.keep, target=5.0, y0=bit_true["embedding_init"])

    print("distances equal:", bool(np.array_equal(bit_true["distance"], true.distance)))
    print(f"largest error of an affinity: {np.abs(bit_true['affinity'] - true.affinity).max():.1e}")
    print(f"largest distance of a point from its place in float64: {_apart(bit_true['embedding'], true):.1e}")
    print(f"kept, bit-true: {bit_true['kept'].tolist()}")
    print(f"kept, float64:  {true.kept.tolist()}")


def _apart(embedding: np.ndarray, true: exact.Result) -> float:
    return float(np.linalg.norm(embedding - true.embedding, axis=1).max())


if __name__ == "__main__":
    main()
