# SPDX-License-Identifier: Apache-2.0
"""Real images for the tests of the float64 model."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

DATA = Path(os.environ.get("NMS_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


def digits(count: int, first: int = 0) -> np.ndarray:
    return load_digits().images[first : first + count].astype(np.uint8)


def cifar(count: int, first: int = 0) -> np.ndarray:
    path = DATA / "cifar10_exact4000.npz"
    if not path.exists():
        pytest.skip("CIFAR-10 pixels are not at ../shared/data (or NMS_DATA)")
    with np.load(path) as archive:
        return archive["x_train"][first : first + count]


def fashion(count: int, first: int = 0) -> np.ndarray:
    path = DATA / "fashion_dev.npz"
    if not path.exists():
        pytest.skip("Fashion-MNIST is not at ../shared/data (or NMS_DATA)")
    with np.load(path) as archive:
        return archive["x_train"][first : first + count]


real = pytest.mark.parametrize("load", [digits, cifar])
Load = Callable[..., np.ndarray]
