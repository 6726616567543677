# SPDX-License-Identifier: Apache-2.0
"""Which images are sampled together, and how many of each group are kept."""

import math
from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.golden.exact import shares

SIZE = 512
"""Images of the largest group, unless said otherwise."""

LARGEST = 4096
"""Images of the largest group that may be asked for: its square matrices take 128 MiB each."""


@dataclass(frozen=True)
class Groups:
    """A division of all images into groups.

    ``members`` has for each group its images' indices, ascending; ``classes`` (G,) int64 its class, -1 in
    all where groups are consecutive batches.
    """

    members: tuple[np.ndarray, ...]
    classes: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """(G,) images in each group."""
        return np.array([len(group) for group in self.members], np.int64)

    def among(self, own: np.ndarray) -> "Groups":
        """The same groups, where image i of these is image ``own[i]`` of more."""
        return Groups(tuple(own[group] for group in self.members), self.classes)

    def quotas(self, keep: int) -> np.ndarray:
        """(G,) images to keep of each group, ``keep`` in all.

        Shares by largest remainder: first the classes', then within each class its groups'.
        """
        sizes = self.sizes
        _, place = np.unique(self.classes, return_inverse=True)
        found = np.empty_like(sizes)
        of_class = shares(keep, np.bincount(place, sizes).astype(np.int64))
        for number, share in enumerate(of_class.tolist()):
            found[place == number] = shares(share, sizes[place == number])
        return found

    def seeds(self, seed: int) -> list[int]:
        """A 32-bit seed for each group."""
        return np.random.SeedSequence(seed).generate_state(len(self.members), np.uint32).tolist()


def by_class(labels: np.ndarray, size: int = SIZE) -> Groups:
    """Groups within a class: as few as ``size`` allows, as equal as can be, in stored order."""
    _check(size)
    members: list[np.ndarray] = []
    classes: list[int] = []
    for label in np.unique(labels).tolist():
        of_class = np.flatnonzero(labels == label)
        groups = np.array_split(of_class, -(-len(of_class) // size))
        members += groups
        classes += [label] * len(groups)
    return Groups(tuple(members), np.array(classes, np.int64))


def in_batches(count: int, size: int = SIZE) -> Groups:
    """Consecutive batches of ``size`` images; the last has what is left."""
    _check(size)
    members = tuple(np.arange(begin, min(begin + size, count)) for begin in range(0, count, size))
    return Groups(members, np.full(len(members), -1))


def to_keep(ratio: float, count: int) -> int:
    """``floor(ratio * count + 1/2)``, at least 1.

    Raises
    ------
    UserError
        A ratio out of range, or one that keeps none.
    """
    if not 0.0 < ratio <= 1.0:
        raise UserError(f"ratio {ratio:g}: must be above 0 and at most 1")
    keep = math.floor(ratio * count + 0.5)
    if keep < 1:
        raise UserError(f"ratio {ratio:g}: keeps none of {count} images; at least {0.5 / count:g} keeps one")
    return keep


def _check(size: int) -> None:
    if not 1 <= size <= LARGEST:
        raise UserError(f"size {size}: a group has 1 to {LARGEST} images")
