# SPDX-License-Identifier: Apache-2.0
"""A whole data set: its groups as tasks, their results put together."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from nms.contract.errors import UserError
from nms.datasets import Images
from nms.sampling.groups import SIZE, Groups, by_class, in_batches, to_keep
from nms.sampling.journal import Journal
from nms.sampling.near_duplicates import Apart, filled, standing
from nms.sampling.pool import Results, Task, locally
from nms.sampling.select import Method

LOOKED_AT = 8
"""Finished groups whose images are compared with the journal before a run is resumed; with a removal of
near-duplicates also so many single images."""


@dataclass(frozen=True)
class Sampled:
    """What is kept of a data set; ``embedding`` has each image's place on the map of its own group.

    A near-duplicate that was removed is in no group, and has no place: not a number.
    """

    kept: np.ndarray  # (K,) int64, ascending
    embedding: np.ndarray  # (N, 2)
    groups: Groups


def formed(labels: np.ndarray | None, stands: np.ndarray, size: int = SIZE) -> Groups:
    """Groups of the images that stand, (N,) of bool: within each class or, without labels, consecutive."""
    own = np.flatnonzero(stands)
    return (in_batches(len(own), size) if labels is None else by_class(labels[own], size)).among(own)


def sample(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    ratio: float = 0.3,
    method: Method | None = None,
    size: int = SIZE,
    seed: int = 1,
    workers: int = 1,
    apart: Apart | None = None,
) -> Sampled:
    """Sample images that are in memory: ``floor(ratio N + 1/2)`` of them, the same for any number of workers.

    Parameters
    ----------
    images : (N, ...) uint8 or float64; of more than two axes, (N, H, W) or (N, H, W, C)
    labels : (N,) integers: groups are formed within a class; without them groups are consecutive batches
    size : images of the largest group
    seed : of every random number
    workers : processes; 1 stays in this one
    apart : near-duplicates to remove before groups are formed; rows (N, D) are compared without shifts.
        Random ones fill up where fewer stand than are to be kept

    Raises
    ------
    UserError
        A ratio or size out of range.
    """
    keep = to_keep(ratio, len(images))
    stands = np.ones(len(images), bool)
    if apart:
        stands = standing(map(as_image, images), len(images), apart)
    groups = formed(labels, stands, size)
    quotas = groups.quotas(min(keep, int(stands.sum())))
    given = tasks(images, groups, quotas, method or Method(), seed)
    kept = []
    embedding = np.full((len(images), 2), np.nan)
    with closing(locally(given, workers)) as results:
        for done in results:
            members = groups.members[done.number]
            kept.append(members[done.kept])
            embedding[members] = done.embedding
    return Sampled(filled(np.concatenate(kept), ~stands, keep, seed), embedding, groups)


def as_image(pixels: np.ndarray) -> np.ndarray:
    """(H, W, C) of an image (H, W, C), (H, W) or, as a single line, (D,)."""
    return pixels.reshape(*(1,) * (pixels.ndim == 1), *pixels.shape, *(1,) * (pixels.ndim < 3))


def tasks(
    images: np.ndarray,
    groups: Groups,
    quotas: np.ndarray,
    method: Method,
    seed: int,
    skip: Collection[int] = (),
) -> Iterator[Task]:
    """A task for each group whose number is not in ``skip``; images are read as the tasks are taken."""
    for number, (members, keep, own) in enumerate(
        zip(groups.members, quotas.tolist(), groups.seeds(seed), strict=True)
    ):
        if number not in skip:
            yield Task(number, part(images, members), keep, method, own)


def part(images: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Some of the images: of an array or mapped file an array, of files what reads them later."""
    found = images[members]
    return np.asarray(found) if isinstance(found, np.ndarray) else found


def resume(journal: Journal, data: Images, groups: Groups) -> None:
    """Raise :class:`UserError` unless images of some groups in the journal are still what they were."""
    finished = sorted(journal.finished)
    known = [
        (_digest(data, groups.members[number]), journal.finished[number]["sha256"])
        for number in finished[:: max(1, len(finished) // LOOKED_AT)]
    ]
    if journal.standing is not None:
        known.append((looked_at(data), journal.looked_at))
    if any(now != then for now, then in known):
        raise UserError(f"{journal.path}: {data.name!r} has changed since that run; remove this file")


def looked_at(data: Images) -> str:
    """SHA-256 of :data:`LOOKED_AT` images, from the first to the last."""
    return _digest(data, np.linspace(0, len(data.labels) - 1, LOOKED_AT).astype(np.int64))


def _digest(data: Images, members: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(part(data.images, members)).data).hexdigest()


def finish(journal: Journal, results: Results, progress: Callable[[int], object]) -> None:
    """Put each result into the journal as it comes; ``progress`` gets the number of groups finished."""
    with closing(results):
        for done in results:
            entry = {"kept": done.kept.tolist(), "unsolved": done.unsolved, "sha256": done.digest}
            journal.add({"group": done.number, **entry})
            progress(len(journal.finished))


def kept(journal: Journal, groups: Groups) -> np.ndarray:
    """All indices kept of the groups, once all are finished."""
    entries = enumerate(groups.members)
    return np.concatenate([group[journal.finished[number]["kept"]] for number, group in entries])


def digest(journal: Journal) -> str:
    """SHA-256 over the digests of the groups' images, in the order of the groups."""
    digests = (journal.finished[number]["sha256"] for number in sorted(journal.finished))
    return hashlib.sha256("".join(digests).encode()).hexdigest()
