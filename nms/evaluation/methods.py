# SPDX-License-Identifier: Apache-2.0
"""The methods that are compared: each selects a given number of a stream's images."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from nms.contract.config import PRESETS, Config, HerdingConfig, LeanConfig, ReducedConfig, SamplerConfig
from nms.contract.errors import UserError
from nms.contract.settings import Pick
from nms.golden import exact
from nms.sampling import BitTrue, group_by_batch, group_by_class
from nms.sampling.bit_true import find_standing
from nms.sampling.groups import Groups
from nms.sampling.near_duplicates import NearDuplicates
from nms.sampling.select import GroupMethod, Method, project_randomly, select_points
from nms.sampling.whole import make_tasks

BATCH = 256
"""Images in a batch of the stream, unless said otherwise."""

CLASSES = ("balanced", "proportional")


def _make_bit_true() -> BitTrue:
    """The model of preset ``lean`` for images of one pixel."""
    config = PRESETS["lean"]
    assert isinstance(config, ReducedConfig)
    return BitTrue(config, (1, 1, 1))


@dataclass(frozen=True)
class MethodOptions:
    """Options that all methods share.

    Parameters
    ----------
    method : options of NMS (the near-memory sampler); its grid, pick and quota also apply to the other maps
    batch : images in a batch, for NMS by batch
    classes : how the methods that know the classes divide what is kept among them: ``balanced``, equally, as
        far as there are enough images; ``proportional`` to the stream's classes, like ``nms sample``
    near_duplicates : which images count as near-duplicates of earlier ones
    bit_true : the model of the methods of :data:`nms.evaluation.methods.MODELLED`; its pick and its shape of
        an image do not count
    shape : of an image, for that model; by default a row of bytes, which is taken as it is
    """

    method: Method = field(default_factory=Method)
    batch: int = BATCH
    classes: str = "balanced"
    near_duplicates: NearDuplicates = field(default_factory=NearDuplicates)
    bit_true: BitTrue = field(default_factory=_make_bit_true)
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        group_by_batch(1, self.batch)
        if self.classes not in CLASSES:
            raise UserError(f"classes {self.classes!r}: must be one of {', '.join(CLASSES)}")


SelectOfClass = Callable[[np.ndarray, int, MethodOptions, int], np.ndarray]
"""(rows (n, D) uint8, keep, options, seed) -> (keep,) indices, selected within one class."""

Select = Callable[[np.ndarray, np.ndarray, int, MethodOptions, int], np.ndarray]
"""(rows (N, D) uint8, labels (N,), keep, options, seed) -> (keep,) indices, selected from a stream."""


def divide_among_classes(labels: np.ndarray, keep: int, classes: str) -> dict[int, int]:
    """Divide ``keep`` among the classes: how many to keep of each."""
    names, sizes = np.unique(labels, return_counts=True)
    if classes == "proportional":
        quotas = exact.apportion(keep, sizes)
    else:  # the highest level to which all classes, each as far as it goes, can be filled
        level = max(height for height in range(keep + 1) if np.minimum(sizes, height).sum() <= keep)
        quotas = np.minimum(sizes, level)
        quotas[np.flatnonzero(sizes > level)[: keep - quotas.sum()]] += 1
    return dict(zip(names.tolist(), quotas.tolist(), strict=True))


def within_each_class(select: SelectOfClass) -> Select:
    """Make the method that applies ``select`` to each class."""

    def select_each(
        rows: np.ndarray, labels: np.ndarray, keep: int, options: MethodOptions, seed: int
    ) -> np.ndarray:
        quotas = divide_among_classes(labels, keep, options.classes)
        seeds = np.random.SeedSequence(seed).generate_state(len(quotas), np.uint32).tolist()
        kept = []
        for (label, quota), own in zip(quotas.items(), seeds, strict=True):
            members = np.flatnonzero(labels == label)
            if quota:
                kept.append(members[select(rows[members], quota, options, own)])
        return np.concatenate(kept)

    return select_each


def select_at_random(rows: np.ndarray, keep: int, options: MethodOptions, seed: int) -> np.ndarray:
    """Select at random."""
    return np.random.default_rng(seed).permutation(len(rows))[:keep]


def select_from_stream(
    rows: np.ndarray, labels: np.ndarray, keep: int, options: MethodOptions, seed: int
) -> np.ndarray:
    """Select at random, whatever the class."""
    return select_at_random(rows, keep, options, seed)


def select_by_nms(rows: np.ndarray, keep: int, options: MethodOptions, seed: int) -> np.ndarray:
    """Select by NMS in groups of at most 512 images, formed as by ``nms sample``."""
    groups = group_by_class(np.zeros(len(rows), np.int64))
    return _select_in_groups(rows, groups, keep, options.method, seed)


def select_by_nms_in_batches(
    rows: np.ndarray, labels: np.ndarray, keep: int, options: MethodOptions, seed: int
) -> np.ndarray:
    """Select by NMS in consecutive batches, without labels."""
    return _select_in_groups(rows, group_by_batch(len(rows), options.batch), keep, options.method, seed)


def pick_by_model(pick: Pick) -> SelectOfClass:
    """Make the method that selects by ``pick`` of the bit-true model, in groups as large as it holds."""

    def select_by_model(rows: np.ndarray, keep: int, options: MethodOptions, seed: int) -> np.ndarray:
        method, groups = _prepare_model(rows, options, pick)
        return _select_in_groups(rows, groups, keep, method, seed)

    return select_by_model


def count_standing(rows: np.ndarray, labels: np.ndarray, options: MethodOptions) -> int:
    """Count the images of a stream that the bit-true model does not leave out as near-duplicates."""
    standing = 0
    for label in np.unique(labels):
        own = rows[labels == label]
        method, groups = _prepare_model(own, options, Pick.HERDING)
        standing += int(find_standing(own, groups, method).sum())
    return standing


def _prepare_model(rows: np.ndarray, options: MethodOptions, pick: Pick) -> tuple[BitTrue, Groups]:
    """The bit-true model for the images of a class, and these in groups as large as it holds."""
    method = replace(options.bit_true, pick=str(pick), shape=options.shape or rows.shape[1:])
    return method, group_by_class(np.zeros(len(rows), np.int64), method.config.images)


def select_k_means(rows: np.ndarray, keep: int, options: MethodOptions, seed: int) -> np.ndarray:
    """Select the image nearest to each centre of ``keep`` clusters, and random ones for empty clusters."""
    clusters = KMeans(min(keep, len(np.unique(rows, axis=0))), n_init=1, random_state=seed).fit(rows)
    distance = clusters.transform(rows)[np.arange(len(rows)), clusters.labels_]
    order = np.lexsort((distance, clusters.labels_))
    _, first = np.unique(clusters.labels_[order], return_index=True)
    kept = order[first]
    others = np.random.default_rng(seed).permutation(np.setdiff1d(np.arange(len(rows)), kept))
    return np.concatenate([kept, others[: keep - len(kept)]])


def select_k_center(rows: np.ndarray, keep: int, options: MethodOptions, seed: int) -> np.ndarray:
    """Select a random image, then always the one farthest from all those selected (Gonzalez, 1985)."""
    kept = [int(np.random.default_rng(seed).integers(len(rows)))]
    nearest = _nearest(rows, rows[kept])
    while len(kept) < keep:
        nearest[kept] = -1.0
        kept.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, _nearest(rows, rows[kept[-1:]]))
    return np.array(kept)


def select_by_pca(rows: np.ndarray, keep: int, options: MethodOptions, seed: int) -> np.ndarray:
    """Select by the grid of NMS on the first two principal components."""
    if min(rows.shape) < 2:
        return select_at_random(rows, keep, options, seed)
    y = PCA(2, random_state=seed).fit_transform(rows.astype(np.float64))
    return select_points(y, keep, options.method, seed, exact.distances(rows))


def select_by_projection(rows: np.ndarray, keep: int, options: MethodOptions, seed: int) -> np.ndarray:
    """Select by the grid of NMS on two random projections of the pixels, with weights +-1."""
    return select_points(project_randomly(rows, seed), keep, options.method, seed, exact.distances(rows))


def select_all(
    rows: np.ndarray, labels: np.ndarray, keep: int, options: MethodOptions, seed: int
) -> np.ndarray:
    """Select the whole stream."""
    return np.arange(len(rows))


FIRST = "class-balanced random"
"""Title of the method that the others are compared with by default."""

METHODS: dict[str, tuple[str, Select]] = {
    "balanced": (FIRST, within_each_class(select_at_random)),
    "random": ("random", select_from_stream),
    "nms-class": ("NMS by class", within_each_class(select_by_nms)),
    "nms-batch": ("NMS by batch", select_by_nms_in_batches),
    "k-means": ("k-means, nearest", within_each_class(select_k_means)),
    "k-center": ("k-center, greedy", within_each_class(select_k_center)),
    "pca": ("PCA-2 + grid", within_each_class(select_by_pca)),
    "projection": ("random projection-2 + grid", within_each_class(select_by_projection)),
    "herding": ("herding by class", within_each_class(pick_by_model(Pick.HERDING))),
    **{
        f"lean-{pick}": (f"lean map + {pick}", within_each_class(pick_by_model(pick)))
        for pick in Pick
        if pick is not Pick.HERDING
    },
    **{
        f"published-{pick}": (f"published map + {pick}, reduced", within_each_class(pick_by_model(pick)))
        for pick in Pick
        if pick is not Pick.HERDING
    },
    "all": ("all data", select_all),
}
"""By name on the command line: title in the table, and method."""

MODELLED: dict[str, tuple[type[SamplerConfig], ...]] = {
    "herding": (HerdingConfig, LeanConfig),
    **{name: (LeanConfig,) for name in METHODS if name.startswith("lean-")},
    **{name: (Config,) for name in METHODS if name.startswith("published-")},
}
"""By name of the methods of a bit-true model: the configurations of that model."""


def list_methods(config: SamplerConfig) -> list[str]:
    """The methods that there are with the bit-true model of ``config``."""
    return [name for name in METHODS if isinstance(config, MODELLED.get(name, SamplerConfig))]


DEDUP = "-dedup"
"""Ending of a method's name: near-duplicates are removed before it selects."""

DEDUP_LABEL = "-apart"
"""Replaces that ending where a name seeds random numbers, as in the published figures."""

TITLES = {name: title for name, (title, _) in METHODS.items()} | {
    name + DEDUP: f"{title}, near-duplicates removed" for name, (title, _) in METHODS.items() if name != "all"
}
"""Title in the table of every name on the command line."""

UNLIMITED = {"all"}
"""Methods that keep everything."""


def _select_in_groups(
    rows: np.ndarray, groups: Groups, keep: int, method: GroupMethod, seed: int
) -> np.ndarray:
    """Select in each group; the groups are the batches of a job in which near-duplicates are left out."""
    standing = None
    if isinstance(method, BitTrue) and method.threshold:
        standing = find_standing(rows, groups, method)
    tasks = make_tasks(rows, groups, groups.quotas(keep), method, seed, standing=standing)
    return np.concatenate(
        [
            groups.members[one.number][one.method.sample(np.asarray(one.images), one.keep, one.seed).kept]
            for one in tasks
            if one.keep
        ]
    )


def _nearest(rows: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Squared distance to the nearest of ``kept``, infinite if there are none: (N,)."""
    if not len(kept):
        return np.full(len(rows), np.inf)
    return pairwise_distances(rows.astype(np.float64), kept.astype(np.float64), "sqeuclidean").min(axis=1)
