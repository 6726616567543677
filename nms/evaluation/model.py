# SPDX-License-Identifier: Apache-2.0
"""Models to train on what is kept, and to judge by their accuracy on held-out images.

``ridge`` adds little noise: it is a linear classifier in closed form on the responses of random filters, so
that neither initialisation nor order of training adds to the differences between subsets. All methods of a
trial see the same filters. ``cnn`` is a small convolutional neural network in PyTorch.
"""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.linear_model import RidgeClassifierCV
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from nms.contract.errors import UserError
from nms.evaluation.scenario import Trial

FILTERS = 64
"""Random filters; each gives 8 features: positive and negative part, averaged over the quarters."""

PENALTIES = np.logspace(0, 5, 11)
"""Ridge penalties to choose from, by the leave-one-out error on the kept images."""

PIECE = 256
"""Images whose patches are in memory at once."""

STEPS, PASSES = 200, 4
"""A network trains on at least so many batches of 64 and so many passes over a stream, whatever is kept."""

Fit = Callable[[np.ndarray], float]
"""Train on the images of these indices; the accuracy on the trial's held-out images."""


def ridge(trial: Trial) -> Fit:
    """Prepare a ridge classifier on random convolutional features of the trial's images.

    Filters have 6 x 6 pixels, or 3 x 3 in images below 16 pixels; from 24 pixels on they take every second
    position.
    """
    height, width, channels = trial.images.shape[1:]
    side = min(6 if min(height, width) >= 16 else 3, height, width)
    step = 2 if min(height, width) >= 24 else 1
    filters = np.random.default_rng(trial.seed).standard_normal((side * side * channels, FILTERS))
    features, held = (_responses(of, filters, side, step) for of in (trial.images, trial.test_images))

    def fit(kept: np.ndarray) -> float:
        labels = trial.labels[kept]
        if len(np.unique(labels)) == 1:
            return float(np.mean(trial.test_labels == labels[0]))
        scale = StandardScaler().fit(features[kept])
        with threadpool_limits(1):
            model = RidgeClassifierCV(PENALTIES).fit(scale.transform(features[kept]), labels)
        return float(model.score(scale.transform(held), trial.test_labels))

    return fit


def _responses(images: np.ndarray, filters: np.ndarray, side: int, step: int) -> np.ndarray:
    """Rectified responses of patches, of mean 0 and equal contrast, to the filters, by quarter: (N, 8 F)."""
    found = np.empty((len(images), 8 * filters.shape[1]))
    for begin in range(0, len(images), PIECE):
        part = images[begin : begin + PIECE].astype(np.float32)
        patches = sliding_window_view(part, (side, side), axis=(1, 2))[:, ::step, ::step]
        count, rows, columns = patches.shape[:3]
        flat = patches.reshape(count, rows, columns, -1)
        flat = flat - flat.mean(axis=-1, keepdims=True)
        flat /= np.sqrt(flat.var(axis=-1, keepdims=True) + 10.0)  # keeps the noise of flat patches small
        response = flat @ filters.astype(np.float32)
        middle, centre = -(-rows // 2), -(-columns // 2)
        quarters = [
            np.maximum(sign * response[:, y : y + middle, x : x + centre], 0).mean(axis=(1, 2))
            for sign in (1, -1)
            for y in (0, rows - middle)
            for x in (0, columns - centre)
        ]
        found[begin : begin + count] = np.concatenate(quarters, axis=1)
    return found


def cnn(trial: Trial) -> Fit:
    """Prepare a network: two convolutions of 32 and 64 3 x 3 filters with pooling, one linear layer; Adam."""
    import torch
    from torch import nn

    channels = trial.images.shape[3]
    names, labels = np.unique(trial.labels, return_inverse=True)

    def tensor(images: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1.0)

    images, held, target = tensor(trial.images), tensor(trial.test_images), torch.from_numpy(labels)

    def fit(kept: np.ndarray) -> float:
        torch.manual_seed(trial.seed)
        network = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
            nn.Flatten(), nn.Linear(64 * 16, len(names)),
        )  # fmt: skip
        steps = max(STEPS, PASSES * len(images) // 64)
        optimiser = torch.optim.Adam(network.parameters(), 2e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
        selected = torch.from_numpy(np.sort(kept))
        for _ in range(steps):
            batch = selected[torch.randint(len(selected), (64,))]
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images[batch]), target[batch]).backward()
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            found = torch.cat([network(part).argmax(1) for part in held.split(256)]).numpy()
        return float(np.mean(names[found] == trial.test_labels))

    return fit


MODELS: dict[str, Callable[[Trial], Fit]] = {"ridge": ridge, "cnn": cnn}


def find_model(name: str) -> Callable[[Trial], Fit]:
    """Find the model of this name.

    Raises
    ------
    UserError
        There is no such model, or it needs PyTorch, which is not installed.
    """
    if name not in MODELS:
        raise UserError(f"model {name!r}: must be one of {', '.join(MODELS)}")
    if name == "cnn" and find_spec("torch") is None:
        raise UserError("model 'cnn': needs PyTorch: pip install 'nms[torch]'; --model ridge does not")
    return MODELS[name]
