# SPDX-License-Identifier: Apache-2.0
"""Sample a whole data set: make a task of each group and merge the results."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from nms.contract.errors import UserError
from nms.datasets import Images
from nms.sampling.bit_true import BitTrue, find_standing
from nms.sampling.groups import SIZE, Groups, count_to_keep, group_by_batch, group_by_class
from nms.sampling.journal import Journal
from nms.sampling.near_duplicates import NearDuplicates, fill_up, find_distinct
from nms.sampling.pool import Results, Task, run_locally
from nms.sampling.select import GroupMethod, Method

PROBES = 8
"""Finished groups whose images are compared with the journal before a run is resumed.

Where near-duplicates are removed, this many single images are compared as well.
"""


@dataclass(frozen=True)
class SamplingResult:
    """The images kept of a data set, and each image's position on the map of its own group.

    A near-duplicate that was removed is in no group; its position is not a number. Nor is that of an image
    whose group has no map.
    """

    kept: np.ndarray  # (K,) int64, ascending
    embedding: np.ndarray  # (N, 2)
    groups: Groups


def form_groups(labels: np.ndarray | None, distinct: np.ndarray, size: int = SIZE) -> Groups:
    """Form groups of the ``distinct`` images, (N,) bool: by class or, without labels, by batch."""
    own = np.flatnonzero(distinct)
    groups = group_by_batch(len(own), size) if labels is None else group_by_class(labels[own], size)
    return groups.reindex(own)


def sample(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    ratio: float = 0.3,
    method: GroupMethod | None = None,
    size: int = SIZE,
    seed: int = 1,
    workers: int = 1,
    near_duplicates: NearDuplicates | None = None,
) -> SamplingResult:
    """Sample images in memory: keep ``floor(ratio N + 1/2)``, the same for any number of workers.

    Parameters
    ----------
    images : (N, D), (N, H, W) or (N, H, W, C), uint8 or float64
    labels : (N,) integers; groups are formed within each class, or without labels of consecutive images
    size : images in the largest group
    seed : of every random number
    workers : processes; 1 stays in this one
    near_duplicates : which images to remove before groups are formed; rows (N, D) are compared without
        shifts. Where fewer distinct images are left than are to be kept, random near-duplicates fill up

    Raises
    ------
    UserError
        The ratio or the size is out of range.
    """
    keep = count_to_keep(ratio, len(images))
    distinct = np.ones(len(images), bool)
    if near_duplicates:
        distinct = find_distinct(map(as_image, images), len(images), near_duplicates)
    groups = form_groups(labels, distinct, size)
    quotas = groups.quotas(min(keep, int(distinct.sum())))
    method, standing = method or Method(), None
    if isinstance(method, BitTrue) and method.threshold:
        standing = find_standing(images, groups, method)
    given = make_tasks(images, groups, quotas, method, seed, standing=standing)
    kept = []
    embedding = np.full((len(images), 2), np.nan)
    with closing(run_locally(given, workers)) as results:
        for done in results:
            members = groups.members[done.number]
            kept.append(members[done.kept])
            embedding[members] = done.embedding
    return SamplingResult(fill_up(np.concatenate(kept), ~distinct, keep, seed), embedding, groups)


def as_image(pixels: np.ndarray) -> np.ndarray:
    """An image (H, W, C), (H, W) or (D,) as (H, W, C); the last is one line of pixels."""
    return pixels.reshape(*(1,) * (pixels.ndim == 1), *pixels.shape, *(1,) * (pixels.ndim < 3))


def make_tasks(
    images: np.ndarray,
    groups: Groups,
    quotas: np.ndarray,
    method: GroupMethod,
    seed: int,
    skip: Collection[int] = (),
    standing: np.ndarray | None = None,
) -> Iterator[Task]:
    """Yield a task for each group whose number is not in ``skip``; its images are read at that time.

    ``standing``, (N,) bool, are the images that are no near-duplicates, where ``method`` leaves them out
    (:func:`nms.sampling.bit_true.find_standing`).
    """
    for number, (members, keep, own) in enumerate(
        zip(groups.members, quotas.tolist(), groups.seeds(seed), strict=True)
    ):
        if number in skip:
            continue
        how = method
        if isinstance(method, BitTrue) and standing is not None:
            how = replace(method, standing=standing[members].astype(np.int64))
        yield Task(number, take(images, members), keep, how, own)


def take(images: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Take some of the images: an array, or of a folder what reads its files later."""
    taken = images[members]
    return np.asarray(taken) if isinstance(taken, np.ndarray) else taken


def check_unchanged(journal: Journal, data: Images, groups: Groups) -> None:
    """Raise :class:`nms.contract.errors.UserError` if images of some groups in the journal have changed."""
    finished = sorted(journal.finished)
    known = [
        (_digest_images(data, groups.members[number]), journal.finished[number]["sha256"])
        for number in finished[:: max(1, len(finished) // PROBES)]
    ]
    if journal.distinct is not None:
        known.append((digest_probes(data), journal.probes))
    if any(now != then for now, then in known):
        raise UserError(f"{journal.path}: {data.name!r} has changed since that run; remove this file")


def digest_probes(data: Images) -> str:
    """SHA-256 of :data:`nms.sampling.whole.PROBES` images, evenly spaced from the first to the last."""
    return _digest_images(data, np.linspace(0, len(data.labels) - 1, PROBES).astype(np.int64))


def _digest_images(data: Images, members: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(take(data.images, members)).data).hexdigest()


def record_results(journal: Journal, results: Results, progress: Callable[[int], object]) -> None:
    """Write each result to the journal as it comes; ``progress`` gets the number of finished groups."""
    with closing(results):
        for done in results:
            entry = {"kept": done.kept.tolist(), "unsolved": done.unsolved, "sha256": done.digest}
            journal.add({"group": done.number, **entry})
            progress(len(journal.finished))


def merge_kept(journal: Journal, groups: Groups) -> np.ndarray:
    """The indices kept of all groups, once all are finished."""
    entries = enumerate(groups.members)
    return np.concatenate([group[journal.finished[number]["kept"]] for number, group in entries])


def digest_groups(journal: Journal) -> str:
    """SHA-256 over the digests of the groups' images, in the order of the groups."""
    digests = (journal.finished[number]["sha256"] for number in sorted(journal.finished))
    return hashlib.sha256("".join(digests).encode()).hexdigest()
