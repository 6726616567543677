# SPDX-License-Identifier: Apache-2.0
"""Divide images into groups that are sampled together, and say how many of each group to keep."""

import math
from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.golden.exact import apportion

SIZE = 512
"""Images in the largest group, unless said otherwise."""

LARGEST = 4096
"""Upper limit for the size of a group: its square matrices take 128 MiB each."""


@dataclass(frozen=True)
class Groups:
    """Groups of images.

    ``members`` holds each group's image indices, ascending; ``classes``, (G,) int64, each group's class, or
    -1 where groups are consecutive batches.
    """

    members: tuple[np.ndarray, ...]
    classes: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Images in each group, (G,)."""
        return np.array([len(group) for group in self.members], np.int64)

    def reindex(self, own: np.ndarray) -> "Groups":
        """The same groups within a larger set, in which image i of this one has the index ``own[i]``."""
        return Groups(tuple(own[group] for group in self.members), self.classes)

    def quotas(self, keep: int) -> np.ndarray:
        """Divide ``keep`` among the groups, (G,).

        By largest remainder, first among the classes, then among the groups of each.
        """
        sizes = self.sizes
        _, place = np.unique(self.classes, return_inverse=True)
        quotas = np.empty_like(sizes)
        by_class = apportion(keep, np.bincount(place, sizes).astype(np.int64))
        for number, share in enumerate(by_class.tolist()):
            quotas[place == number] = apportion(share, sizes[place == number])
        return quotas

    def seeds(self, seed: int) -> list[int]:
        """A 32-bit seed for each group."""
        return np.random.SeedSequence(seed).generate_state(len(self.members), np.uint32).tolist()


def group_by_class(labels: np.ndarray, size: int = SIZE) -> Groups:
    """Form groups within each class: as few as ``size`` allows, of nearly equal size, in stored order."""
    _check(size)
    members: list[np.ndarray] = []
    classes: list[int] = []
    for label in np.unique(labels).tolist():
        of_class = np.flatnonzero(labels == label)
        groups = np.array_split(of_class, -(-len(of_class) // size))
        members += groups
        classes += [label] * len(groups)
    return Groups(tuple(members), np.array(classes, np.int64))


def group_by_batch(count: int, size: int = SIZE) -> Groups:
    """Form consecutive batches of ``size`` images; the last has the rest."""
    _check(size)
    members = tuple(np.arange(begin, min(begin + size, count)) for begin in range(0, count, size))
    return Groups(members, np.full(len(members), -1))


def count_to_keep(ratio: float, count: int) -> int:
    """How many of ``count`` images to keep: ``floor(ratio * count + 1/2)``, at least 1.

    Raises
    ------
    UserError
        The ratio is out of range or keeps none.
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
