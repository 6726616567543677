# SPDX-License-Identifier: Apache-2.0
"""The sampler as a scikit-learn estimator."""

import math
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from nms.contract.config import load, reduces
from nms.contract.errors import UserError
from nms.sampling.bit_true import BitTrue
from nms.sampling.groups import SIZE
from nms.sampling.near_duplicates import WINDOW, NearDuplicates
from nms.sampling.select import GroupMethod, Method
from nms.sampling.whole import sample


class DESNESampler(BaseEstimator):
    """Keep the samples that best cover the t-SNE maps of their classes: DE-SNE sampling in float64.

    DE-SNE is t-distributed stochastic neighbour embedding whose perplexity search is a differential
    evolution. ``floor(ratio * n_samples + 1/2)`` samples are kept. Bytes (``uint8``) are sampled from exact
    distances, with the result of ``nms sample``; all other types as float64.

    With ``config``, samples are images of bytes that the bit-true model of a sampler reduces and picks, as
    its hardware does: by herding, from a map of few bits, or by the published method in its own formats.

    Parameters
    ----------
    ratio : float
        Share of the samples to keep, above 0 and at most 1.
    perplexity : float
        Target of the search, above 1; limited to (n - 1)/3 in a group of n samples.
    iterations : int or None
        Gradient iterations of a map: ``None`` for 300, or 48 of a lean one.
    size : int or None
        Samples in the largest group; a group is of one class or, without ``y``, of consecutive samples.
        ``None`` for 512, or with ``config`` as many as it holds.
    grid : {"adaptive", "hardware"} or int
        Cells on a side of the map's grid. :class:`nms.sampling.select.Method` explains this and the next
        options.
    pick : {"centre", "random", "medoid", "hub", "neighbour", "herding"} or None
        Which sample of a cell is kept first: ``None`` for the centre. With ``config`` as
        :class:`nms.contract.settings.Pick` explains, and ``None`` for herding, unless it is of the published
        method.
    quota : {"rounds", "proportional"}
        How the samples to keep are divided among the cells.
    start : {"random", "projection"}
        Start of a map.
    contrast : bool
        Bring each sample to the same mean and deviation over its features first.
    near_duplicates : float or None
        Before groups are formed, remove the samples within this distance of an earlier one: 0 to 2, 0.2 suits
        camera images; ``None`` removes none. See :mod:`nms.sampling.near_duplicates`.
    near_duplicates_window : int or None
        Compare each sample with this many of the last ones that were not removed; ``None`` compares with all,
        at quadratic cost.
    image_shape : tuple or None
        (height, width) or (height, width, channels) of a sample, so that shifted near-duplicates are found,
        too.
    config : str, path or None
        Preset, or TOML file of a configuration that reduces images, such as "herding", "lean" or one of the
        published method with a ``side``; ``None`` for float64. ``image_shape`` is the shape of a sample;
        without one it is taken as it is.
    side : int or None
        With ``config``: boxes on a side to which images are reduced, 0 for none; ``None`` for as many as the
        configuration has.
    grey : bool
        With ``config``: reduce all channels to one.
    search : {"de-rand1", "de-best1", "section", "window"} or None
        With ``config`` of the published method: its search; ``None`` for differential evolution as published.
    threshold : int
        With ``config`` and ``image_shape``: leave near-duplicates out as the hardware does, by
        the sums of their rows, within so many 256ths; 0 leaves none out. Groups are formed of all samples.
    window : int or None
        With ``threshold``: compare with so many of the last images that stand; ``None`` for as many as
        ``config`` can.
    across : bool
        With ``threshold``: also compare with images of the groups before.
    n_jobs : int or None
        Processes: -1 for one a core, -2 for one fewer, and so on; ``None`` for one, or what
        ``joblib.parallel_config`` says. The result does not depend on it.
    random_state : int, RandomState instance or None
        Seed of every random number; ``None`` draws one.

    Attributes
    ----------
    sample_indices_ : ndarray of shape (n_kept,), int64
        The samples kept, ascending.
    embedding_ : ndarray of shape (n_samples, 2)
        Each sample's position on the map of its own group; not a number for a removed one, or without a map.
    groups_ : ndarray of shape (n_samples,), int64
        The number of each sample's group; -1 for a removed one.
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
        iterations: int | None = None,
        size: int | None = None,
        grid: str | int = "adaptive",
        pick: str | None = None,
        quota: str = "rounds",
        start: str = "random",
        contrast: bool = False,
        near_duplicates: float | None = None,
        near_duplicates_window: int | None = WINDOW,
        image_shape: tuple[int, ...] | None = None,
        config: str | Path | None = None,
        side: int | None = None,
        grey: bool = False,
        search: str | None = None,
        threshold: int = 0,
        window: int | None = None,
        across: bool = False,
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
        self.near_duplicates = near_duplicates
        self.near_duplicates_window = near_duplicates_window
        self.image_shape = image_shape
        self.config = config
        self.side = side
        self.grey = grey
        self.search = search
        self.threshold = threshold
        self.window = window
        self.across = across
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Select the samples of ``X`` to keep.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or None
            Classes; without them, groups are of consecutive samples.

        Raises
        ------
        ValueError
            The data or a parameter cannot be used.
        """
        kind = np.uint8 if getattr(X, "dtype", None) == np.uint8 else np.float64
        samples = validate_data(self, X, dtype=kind, ensure_min_samples=2)
        labels = None
        if y is not None:
            check_consistent_length(samples, y)
            check_classification_targets(y)
            _, labels = np.unique(column_or_1d(y), return_inverse=True)
        try:
            images = self._reshape(samples)
            method, size = self._choose_method(images)
            rule = None
            if self.near_duplicates is not None:
                rule = NearDuplicates(self.near_duplicates, self.near_duplicates_window)
            seed = self._draw_seed()
            outcome = sample(images, labels, self.ratio, method, size, seed, self._count_workers(), rule)
        except UserError as error:
            raise ValueError(str(error)) from None
        self.sample_indices_ = outcome.kept
        self.embedding_ = outcome.embedding
        self.groups_ = np.full(len(samples), -1)
        for number, members in enumerate(outcome.groups.members):
            self.groups_[members] = number
        return self

    def fit_resample(self, X: Any, y: Any = None) -> Any:
        """Return the kept samples of ``X``, or the pair ``(X, y)`` of them, as imbalanced-learn does."""
        indices = self.fit(X, y).sample_indices_
        samples = _safe_indexing(X, indices)
        return samples if y is None else (samples, _safe_indexing(y, indices))

    def _choose_method(self, images: np.ndarray) -> tuple[GroupMethod, int]:
        """The method, and the largest group."""
        given: dict[str, Any] = {"perplexity": self.perplexity}
        given |= {} if self.iterations is None else {"iterations": self.iterations}
        given |= {} if self.pick is None else {"pick": self.pick}
        if self.config is None:
            if self.side is not None or self.grey or self.search is not None or self.threshold:
                raise UserError("side, grey, search and threshold need config, a sampler that reduces images")
            size = SIZE if self.size is None else self.size
            given |= {"grid": self.grid, "quota": self.quota, "start": self.start, "contrast": self.contrast}
            return Method(**given), size
        config = load(self.config)
        if not reduces(config):
            raise UserError(
                f"config {config.name}: must reduce images, as herding does, or one with side > 0"
            )
        if (self.grid, self.quota, self.start, self.contrast) != ("adaptive", "rounds", "random", False):
            raise UserError(f"grid, quota, start and contrast: config {config.name} has no such settings")
        if images.dtype != np.uint8:
            raise UserError(f"X of type {images.dtype}: config {config.name} takes bytes, uint8")
        if self.size is not None and self.size > config.images:
            raise UserError(f"size {self.size}: config {config.name} holds at most {config.images} images")
        if self.threshold and self.near_duplicates is not None:
            raise UserError(f"threshold {self.threshold}: near_duplicates removes them already; give one")
        method = BitTrue(
            config, images.shape[1:], grey=self.grey, side=self.side, search=self.search,
            threshold=self.threshold, window=self.window, across=self.across, **given,
        )  # fmt: skip
        return method, config.images if self.size is None else self.size

    def _reshape(self, samples: np.ndarray) -> np.ndarray:
        """The samples in ``image_shape``, if there is one."""
        if self.image_shape is None:
            return samples
        shape = tuple(self.image_shape)
        if len(shape) not in (2, 3) or min(shape) < 1 or math.prod(shape) != samples.shape[1]:
            raise UserError(f"image_shape {shape}: 2 or 3 sides, of {samples.shape[1]} features in all")
        return samples.reshape(-1, *shape)

    def _draw_seed(self) -> int:
        """``random_state`` if it is an integer, as for ``--seed``; otherwise a seed drawn from it."""
        if isinstance(self.random_state, Integral):
            if not 0 <= self.random_state < 1 << 32:
                raise UserError(f"random_state {self.random_state}: must be 0 to {(1 << 32) - 1}")
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(1 << 31))

    def _count_workers(self) -> int:
        if self.n_jobs == 0 or not isinstance(self.n_jobs, Integral | None):
            raise UserError(f"n_jobs {self.n_jobs!r}: must be None or an integer other than 0")
        return effective_n_jobs(self.n_jobs)
