# SPDX-License-Identifier: Apache-2.0
"""Learn how to sample a data set in Python: keep a tenth of scikit-learn's digits, and see what it is worth.

`DESNESampler` follows scikit-learn's conventions: it takes arrays, and gives indices or arrays back. The kept
tenth, random tenths and all images train a nearest-neighbour classifier each. Data as clean as these are no
test of sampling: random images do about as well. `nms evaluate` repeats such comparisons over seeds and data
sets, and `docs/results/evaluation.md` says where sampling helps.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from nms import DESNESampler


def main() -> None:
    """Sample, train, compare."""
    images, labels = load_digits(return_X_y=True)
    images, held_out, labels, truth = train_test_split(images, labels, random_state=1, stratify=labels)

    sampler = DESNESampler(ratio=0.1, random_state=1)
    kept_images, kept_labels = sampler.fit_resample(images, labels)
    print(f"kept {len(kept_images)} of {len(images)} images")
    print("of each class:", np.bincount(kept_labels).tolist())

    rng = np.random.default_rng(1)
    drawn = [rng.permutation(len(images))[: len(kept_images)] for _ in range(20)]
    training = {
        "the kept tenth": [(kept_images, kept_labels)],
        "20 random tenths": [(images[some], labels[some]) for some in drawn],
        "all images": [(images, labels)],
    }
    for name, sets in training.items():
        scores = [KNeighborsClassifier(1).fit(x, y).score(held_out, truth) for x, y in sets]
        print(f"accuracy on {len(truth)} held-out images after {name}: {np.mean(scores):.1%}")


if __name__ == "__main__":
    main()
