# SPDX-License-Identifier: Apache-2.0
"""The methods that are compared. Each keeps a given number of a stream's images."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from nms.contract.errors import UserError
from nms.golden import exact
from nms.sampling import group_by_batch, group_by_class, select
from nms.sampling.groups import Groups
from nms.sampling.near_duplicates import NearDuplicates
from nms.sampling.select import Method, project_randomly, select_points

BATCH = 256
"""Images of a batch of the stream."""

CLASSES = ("balanced", "proportional")


@dataclass(frozen=True)
class Choice:
    """What the methods have in common.

    Parameters
    ----------
    method : NMS's options; its grid, pick and quota are also those of the other maps
    batch : images of a batch, for NMS by batch
    classes : ``balanced``, as many of each class as there are; ``proportional`` to the stream's, as
        ``nms sample`` does it; for all methods that know the classes
    near_duplicates : which images count as near-duplicates of earlier ones
    """

    method: Method = field(default_factory=Method)
    batch: int = BATCH
    classes: str = "balanced"
    near_duplicates: NearDuplicates = field(default_factory=NearDuplicates)

    def __post_init__(self) -> None:
        group_by_batch(1, self.batch)
        if self.classes not in CLASSES:
            raise UserError(f"classes {self.classes!r}: must be one of {', '.join(CLASSES)}")


Within = Callable[[np.ndarray, int, Choice, int], np.ndarray]
"""(rows (n, D) uint8, keep, choice, seed) -> (keep,) of the rows of one class."""

Keep = Callable[[np.ndarray, np.ndarray, int, Choice, int], np.ndarray]
"""(rows (N, D) uint8, labels (N,), keep, choice, seed) -> (keep,) of a stream."""


def of_classes(labels: np.ndarray, keep: int, classes: str) -> dict[int, int]:
    """How many to keep of each class: ``keep`` in all."""
    names, sizes = np.unique(labels, return_counts=True)
    if classes == "proportional":
        found = exact.apportion(keep, sizes)
    else:  # the level at which all classes, each as far as it goes, hold the wanted number
        level = max(height for height in range(keep + 1) if np.minimum(sizes, height).sum() <= keep)
        found = np.minimum(sizes, level)
        found[np.flatnonzero(sizes > level)[: keep - found.sum()]] += 1
    return dict(zip(names.tolist(), found.tolist(), strict=True))


def each_class(within: Within) -> Keep:
    """The method that applies ``within`` to each class."""

    def keep_each(rows: np.ndarray, labels: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
        quotas = of_classes(labels, keep, choice.classes)
        seeds = np.random.SeedSequence(seed).generate_state(len(quotas), np.uint32).tolist()
        kept = []
        for (label, quota), own in zip(quotas.items(), seeds, strict=True):
            members = np.flatnonzero(labels == label)
            if quota:
                kept.append(members[within(rows[members], quota, choice, own)])
        return np.concatenate(kept)

    return keep_each


def random_within(rows: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """Any ``keep``."""
    return np.random.default_rng(seed).permutation(len(rows))[:keep]


def random(rows: np.ndarray, labels: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """Any ``keep`` of the stream."""
    return random_within(rows, keep, choice, seed)


def nms_within(rows: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """NMS in groups of at most 512, as ``nms sample`` forms them."""
    return _grouped(rows, group_by_class(np.zeros(len(rows), np.int64)), keep, choice, seed)


def nms_batch(rows: np.ndarray, labels: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """NMS in consecutive batches, without labels."""
    return _grouped(rows, group_by_batch(len(rows), choice.batch), keep, choice, seed)


def k_means_within(rows: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """The image nearest each centre of ``keep`` clusters; clusters that stay empty are replaced at random."""
    found = KMeans(min(keep, len(np.unique(rows, axis=0))), n_init=1, random_state=seed).fit(rows)
    distance = found.transform(rows)[np.arange(len(rows)), found.labels_]
    order = np.lexsort((distance, found.labels_))
    _, first = np.unique(found.labels_[order], return_index=True)
    kept = order[first]
    others = np.random.default_rng(seed).permutation(np.setdiff1d(np.arange(len(rows)), kept))
    return np.concatenate([kept, others[: keep - len(kept)]])


def k_center_within(rows: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """A random image, then always the one farthest from all kept (Gonzalez)."""
    kept = [int(np.random.default_rng(seed).integers(len(rows)))]
    nearest = _nearest(rows, rows[kept])
    while len(kept) < keep:
        nearest[kept] = -1.0
        kept.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, _nearest(rows, rows[kept[-1:]]))
    return np.array(kept)


def pca_within(rows: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """The grid of NMS on the two principal components."""
    if min(rows.shape) < 2:
        return random_within(rows, keep, choice, seed)
    y = PCA(2, random_state=seed).fit_transform(rows.astype(np.float64))
    return select_points(y, keep, choice.method, seed, exact.distances(rows))


def projection_within(rows: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """The grid of NMS on two random projections of the pixels, with weights +-1."""
    return select_points(project_randomly(rows, seed), keep, choice.method, seed, exact.distances(rows))


def all_data(rows: np.ndarray, labels: np.ndarray, keep: int, choice: Choice, seed: int) -> np.ndarray:
    """The whole stream."""
    return np.arange(len(rows))


FIRST = "class-balanced random"
"""The method against which all others are compared."""

METHODS: dict[str, tuple[str, Keep]] = {
    "balanced": (FIRST, each_class(random_within)),
    "random": ("random", random),
    "nms-class": ("NMS by class", each_class(nms_within)),
    "nms-batch": ("NMS by batch", nms_batch),
    "k-means": ("k-means, nearest", each_class(k_means_within)),
    "k-center": ("k-center, greedy", each_class(k_center_within)),
    "pca": ("PCA-2 + grid", each_class(pca_within)),
    "projection": ("random projection-2 + grid", each_class(projection_within)),
    "all": ("all data", all_data),
}
"""Name on the command line: name in the table, method."""

DEDUP = "-dedup"
"""Ending of a method's name: near-duplicates are removed before it selects."""

TITLES = {name: title for name, (title, _) in METHODS.items()} | {
    name + DEDUP: f"{title}, near-duplicates removed" for name, (title, _) in METHODS.items() if name != "all"
}
"""Every name on the command line: name in the table."""

UNLIMITED = {"all"}
"""Methods that keep everything."""


def _grouped(rows: np.ndarray, groups: Groups, keep: int, choice: Choice, seed: int) -> np.ndarray:
    parts = zip(groups.members, groups.quotas(keep).tolist(), groups.seeds(seed), strict=True)
    return np.concatenate(
        [members[select(rows[members], quota, choice.method, own)] for members, quota, own in parts if quota]
    )


def _nearest(rows: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(N,) squared distance to the nearest of ``kept``, infinite if there are none."""
    if not len(kept):
        return np.full(len(rows), np.inf)
    return pairwise_distances(rows.astype(np.float64), kept.astype(np.float64), "sqeuclidean").min(axis=1)
