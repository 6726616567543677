# SPDX-License-Identifier: Apache-2.0
"""The sampler with scikit-learn's conventions."""

import math
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from nms.contract.errors import UserError
from nms.sampling.near_duplicates import WINDOW, Apart
from nms.sampling.pool import cores
from nms.sampling.select import Method
from nms.sampling.whole import sample


class DESNESampler(BaseEstimator):
    """Keep the samples that cover the t-SNE maps of their classes: DE-SNE sampling in float64.

    ``floor(ratio * n_samples + 1/2)`` samples are kept. Bytes (``uint8``) are sampled as ``nms sample`` does
    it, from exact distances; all else as float64.

    Parameters
    ----------
    ratio : float
        Share of the samples to keep, above 0 and at most 1.
    perplexity : float
        Target of the search, above 1; in a group of n samples at most (n - 1)/3.
    iterations : int
        Gradient iterations of a map.
    size : int
        Samples of the largest group: within a class or, without ``y``, consecutive samples.
    grid : {"adaptive", "hardware"} or int
        Cells on a side of the map's grid.
    pick : {"centre", "random", "medoid"}
        Which of a cell's samples goes first.
    quota : {"rounds", "proportional"}
        How the cells share what is kept.
    start : {"random", "projection"}
        Start of a map.
    contrast : bool
        Bring each sample to the same mean and deviation over its features first.
    apart : float or None
        Remove samples within this distance, 0 to 2 (0.2 for camera images), of an earlier one, before groups
        are formed; ``None`` removes none. See :mod:`nms.sampling.near_duplicates`.
    apart_window : int or None
        Compare with so many of the samples before that were not removed; ``None`` with all: quadratic.
    image_shape : tuple or None
        (height, width) or (height, width, channels) of a sample: it is compared shifted, too.
    n_jobs : int or None
        Processes; ``None`` is one, -1 one for each core. The result does not depend on it.
    random_state : int, RandomState instance or None
        Seed of every random number; ``None`` draws one.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_kept,), int64
        The samples kept, ascending.
    embedding_ : ndarray of shape (n_samples, 2)
        Each sample on the map of its own group; not a number where it was removed.
    groups_ : ndarray of shape (n_samples,), int64
        The number of each sample's group; -1 where it was removed.
    n_features_in_ : int
        Features seen by ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> DESNESampler(ratio=0.1, random_state=1).fit(X, y).sample_indices_.shape
    (180,)
    """

    def __init__(
        self,
        ratio: float = 0.3,
        *,
        perplexity: float = 15.0,
        iterations: int = 300,
        size: int = 512,
        grid: str | int = "adaptive",
        pick: str = "centre",
        quota: str = "rounds",
        start: str = "random",
        contrast: bool = False,
        apart: float | None = None,
        apart_window: int | None = WINDOW,
        image_shape: tuple[int, ...] | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.ratio = ratio
        self.perplexity = perplexity
        self.iterations = iterations
        self.size = size
        self.grid = grid
        self.pick = pick
        self.quota = quota
        self.start = start
        self.contrast = contrast
        self.apart = apart
        self.apart_window = apart_window
        self.image_shape = image_shape
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Choose the samples of ``X`` to keep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or None
            Classes; without them groups are of consecutive samples.

        Raises
        ------
        ValueError
            Data or a parameter that cannot be used.
        """
        kind = np.uint8 if getattr(X, "dtype", None) == np.uint8 else np.float64
        samples = validate_data(self, X, dtype=kind, ensure_min_samples=2)
        labels = None
        if y is not None:
            check_consistent_length(samples, y)
            check_classification_targets(y)
            _, labels = np.unique(column_or_1d(y), return_inverse=True)
        try:
            method = Method(
                self.perplexity, self.iterations, self.grid, self.pick, self.quota, self.start, self.contrast
            )
            apart = None if self.apart is None else Apart(self.apart, self.apart_window)
            images, seed = self._images(samples), self._seed()
            found = sample(images, labels, self.ratio, method, self.size, seed, self._workers(), apart)
        except UserError as error:
            raise ValueError(str(error)) from None
        self.sample_indices_ = found.kept
        self.embedding_ = found.embedding
        self.groups_ = np.full(len(samples), -1)
        for number, members in enumerate(found.groups.members):
            self.groups_[members] = number
        return self

    def fit_resample(self, X: Any, y: Any = None) -> Any:
        """The samples kept: of ``X``, or ``(X, y)`` of both, as imbalanced-learn has it."""
        kept = self.fit(X, y).sample_indices_
        chosen = _safe_indexing(X, kept)
        return chosen if y is None else (chosen, _safe_indexing(y, kept))

    def _images(self, samples: np.ndarray) -> np.ndarray:
        """The samples in the shape that is given, if one is."""
        if self.image_shape is None:
            return samples
        shape = tuple(self.image_shape)
        if len(shape) not in (2, 3) or min(shape) < 1 or math.prod(shape) != samples.shape[1]:
            raise UserError(f"image_shape {shape}: 2 or 3 sides, of {samples.shape[1]} features in all")
        return samples.reshape(-1, *shape)

    def _seed(self) -> int:
        """An integer as it is, so that it names the same run as ``--seed``; otherwise one is drawn."""
        if isinstance(self.random_state, Integral):
            if not 0 <= self.random_state < 1 << 32:
                raise UserError(f"random_state {self.random_state}: must be 0 to {(1 << 32) - 1}")
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(1 << 31))

    def _workers(self) -> int:
        if self.n_jobs is None:
            return 1
        if self.n_jobs != -1 and self.n_jobs < 1:
            raise UserError(f"n_jobs {self.n_jobs}: must be None, -1 or at least 1")
        return cores() if self.n_jobs == -1 else self.n_jobs
