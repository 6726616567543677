# SPDX-License-Identifier: Apache-2.0
"""Near-duplicates, found by the profile of their rows and left out (contract, section 22)."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from nms.contract.readout import Readout
from nms.contract.settings import LeanSettings
from nms.contract.tables import HerdingTables, LeanTables
from nms.golden.fixed import Ints

BINS = 64
"""Numbers of a profile at most."""

BITS = 10
"""Bits of a number of a profile."""

Given = TypeVar("Given", HerdingTables, LeanTables)
"""The tables of a method that removes near-duplicates."""


def measure_profiles(images: object, settings: LeanSettings) -> Ints:
    """Compute the profiles v of uint8 images (N, pixels): (N, B), each number below 2^10."""
    images = np.asarray(images)
    height, planes = settings.height, settings.channels if settings.planes else 1
    shift = next(s for s in range(height.bit_length()) if height >> s <= BINS)
    bins = height >> shift
    rows = images.reshape(len(images), planes, height, -1).sum(axis=(1, 3), dtype=np.int64)
    sums = rows[:, : bins << shift].reshape(len(images), bins, 1 << shift).sum(axis=2)
    largest_row = 255 * settings.width * settings.channels
    return sums >> max(0, largest_row.bit_length() + shift - BITS)


def centre(profiles: Ints) -> Ints:
    """Take f(t) of profiles (N, B) at the places t = -1, 0, 1: (N, 3, B - 2), each less its own mean."""
    inner = profiles.shape[1] - 2
    power = inner.bit_length() - 1
    first = (inner - (1 << power)) >> 1
    parts = np.stack([profiles[:, place : place + inner] for place in range(3)], axis=1)
    mean = parts[:, :, first : first + (1 << power)].sum(axis=2, keepdims=True) >> power
    return parts - mean


def is_near_duplicate(parts: Ints, latest: Ints, threshold: int) -> bool:
    """Whether an image of f (3, n) is a near-duplicate of one of the standing images of e (M, n)."""
    distance = ((parts[:, None] - latest) ** 2).sum(axis=2).min(axis=0)
    return bool((256 * distance <= threshold * (latest**2).sum(axis=1)).any())


class Removal:
    """The removal of near-duplicates from the batches of a job, one after the other.

    Parameters
    ----------
    settings : of the job; batches may have any number of images
    """

    def __init__(self, settings: LeanSettings) -> None:
        self.settings = settings
        self.latest: Ints | None = None  # e of the latest standing images, (M, n), the oldest first

    def find_standing(self, images: object) -> Ints:
        """Find the images of the next batch, uint8 (N, pixels), that stand: (N,), 1 or 0."""
        images = np.asarray(images)
        settings, standing = self.settings, np.ones(len(images), np.int64)
        if not settings.threshold:
            return standing
        parts = centre(measure_profiles(images, settings))
        latest = self.latest
        if latest is None or not settings.across:
            latest = np.empty((0, parts.shape[2]), np.int64)
        for place, own in enumerate(parts):
            if is_near_duplicate(own, latest, settings.threshold):
                standing[place] = 0
            else:
                latest = np.concatenate([latest, own[1:2]])[-settings.window :]
        self.latest = latest
        return standing


def fill_up(standing: Ints, keep: int) -> Ints:
    """Keep all standing images, no more than ``keep``, and the first near-duplicates: (keep,), ascending."""
    own, others = np.flatnonzero(standing), np.flatnonzero(standing == 0)
    return np.sort(np.concatenate([own, others[: keep - len(own)]]))


def settle(kind: type[Given], standing: Ints, keep: int) -> Given:
    """The tables of a batch in which no more images stand than are kept: nothing is computed."""
    count = len(standing)
    tables = {
        table.name.lower(): np.zeros(table.shape(count), np.int64)
        for table in kind.readouts()
        if table is not Readout.STANDING
    }
    return kind(**tables, kept=fill_up(standing, keep), standing=standing)


def place(kind: type[Given], standing: Ints, tables: Mapping[str, Ints]) -> Given:
    """The tables of a whole batch from those of its standing images: 0 beyond, ``kept`` among all images."""
    placed = {"standing": standing}
    for name, table in tables.items():
        if name == "kept":
            placed[name] = np.flatnonzero(standing)[table]
            continue
        placed[name] = np.zeros(Readout[name.upper()].shape(len(standing)), np.int64)
        placed[name][tuple(map(slice, table.shape))] = table
    return kind(**placed)
