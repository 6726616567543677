# SPDX-License-Identifier: Apache-2.0
"""One group of images: its map, and the images kept. All mathematics is that of ``nms.golden.exact``."""

from dataclasses import dataclass

import numpy as np

from nms.contract.config import PRESETS
from nms.contract.errors import UserError
from nms.contract.tables import Status
from nms.golden import exact
from nms.golden.prng import points

CHOICES = {
    "pick": ("centre", "random", "medoid"),
    "quota": ("rounds", "proportional"),
    "start": ("random", "projection"),
}
"""Values of the options that are one of a few; the hardware knows the first of each."""

SMALLEST = 5
"""Images of the smallest group that gets a map: a third of the others is a perplexity above 1."""


@dataclass(frozen=True)
class Method:
    """How a group is sampled. What differs from the hardware's way is software only (:attr:`software_only`).

    Parameters
    ----------
    perplexity : target of the search; in a group of n images at most (n - 1)/3, as :meth:`perplexity_of` says
    iterations : gradient iterations of the stable schedule
    grid : ``adaptive``, the smallest G with as many occupied cells as images are kept; ``hardware``, the
        smallest with G**2 >= 2K; or G itself
    pick : which of a cell's points goes first: ``centre``, nearest the cell's centre; ``random``; ``medoid``,
        the least sum of squared distances, between images, to the cell's others
    quota : ``rounds``, one of each cell, then a second, ...; ``proportional``, by the cells' occupation
    start : ``random``, the hardware's own random numbers; ``projection``, the pixels projected on two random
        vectors of +-1, scaled to unit deviation
    contrast : bring each image to the same mean and deviation before its distances are taken

    Raises
    ------
    UserError
        A value that is none of these.
    """

    perplexity: float = 15.0
    iterations: int = 300
    grid: str | int = "adaptive"
    pick: str = "centre"
    quota: str = "rounds"
    start: str = "random"
    contrast: bool = False

    def __post_init__(self) -> None:
        if not 1.0 < self.perplexity < np.inf:
            raise UserError(f"perplexity {self.perplexity:g}: must be above 1 and finite")
        if not 0 <= self.iterations <= 65535:
            raise UserError(f"iterations {self.iterations}: must be 0 to 65535")
        if isinstance(self.grid, str):
            if self.grid not in ("adaptive", "hardware"):
                raise UserError(f"grid {self.grid!r}: must be adaptive, hardware or a number of cells a side")
        elif not 1 <= self.grid <= 65535:
            raise UserError(f"grid {self.grid}: must be 1 to 65535 cells a side")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise UserError(f"{name} {getattr(self, name)!r}: must be one of {', '.join(known)}")

    @property
    def software_only(self) -> list[str]:
        """The options that the hardware cannot do. Contrast is none of them: it changes the images sent."""
        found = [name for name, known in CHOICES.items() if getattr(self, name) != known[0]]
        return ["grid", *found] if self.grid != "hardware" else found

    def perplexity_of(self, count: int) -> float | None:
        """The target in a group of ``count`` images; ``None`` below :data:`SMALLEST`, which get no map."""
        return min(self.perplexity, (count - 1) / 3) if count >= SMALLEST else None


@dataclass(frozen=True)
class Selection:
    """What became of one group; ``unsolved`` counts rows for which no beta gives the perplexity."""

    kept: np.ndarray  # (K,) int64, ascending, within the group
    embedding: np.ndarray  # (N, 2) the map
    unsolved: int


def select(images: np.ndarray, keep: int, method: Method | None = None, seed: int = 1) -> np.ndarray:
    """The ``keep`` images of one group that are kept: (keep,) int64, ascending. See :func:`run`."""
    return run(images, keep, method or Method(), seed).kept


def run(images: np.ndarray, keep: int, method: Method, seed: int) -> Selection:
    """The map of one group and the images kept of it.

    The map of a group below :data:`SMALLEST` is its start.

    Parameters
    ----------
    images : (N, ...) uint8, whose distances are exact integers, or float64, finite
    keep : K, 0 to N
    seed : 32 bits; of the start, and of a random pick

    Raises
    ------
    UserError
        ``keep`` out of range, or images that have no pixels.
    """
    count = len(images)
    if not 0 <= keep <= count:
        raise UserError(f"keep {keep}: must be 0 to {count} (images of the group)")
    rows = images.reshape(count, -1)
    if method.contrast:
        rows = equal_contrast(rows)
    distance = exact.distances(rows) if rows.dtype == np.uint8 else exact.feature_distances(rows)
    y = projection(rows, seed) if method.start == "projection" else hardware_start(count, seed)
    perplexity = method.perplexity_of(count)
    unsolved = 0
    if perplexity is not None:
        search = exact.affinities(distance, perplexity)
        unsolved = int(np.count_nonzero(search.status != Status.SOLVED))
        y = exact.embed(search.joint, y, method.iterations)
    return Selection(keep_of(y, keep, method, seed, distance), y, unsolved)


def keep_of(y: np.ndarray, keep: int, method: Method, seed: int, distance: np.ndarray) -> np.ndarray:
    """The ``keep`` points of a map that its grid keeps: (keep,) int64, ascending.

    Parameters
    ----------
    y : (N, 2) the map, of whatever origin
    seed : of a random pick
    distance : (N, N) squared distances between the images, of a medoid's
    """
    if keep == 0:
        return np.empty(0, np.int64)
    match method.grid:
        case "adaptive":
            side = exact.fine_side(y, keep)
        case "hardware":
            side = exact.hardware_side(keep)
        case given:
            side = int(given)
    preference = None
    if method.pick == "random":
        preference = np.random.default_rng(seed).permutation(len(y))
    elif method.pick == "medoid":
        cell, _ = exact.cells(y, side)
        preference = (distance * (cell[:, None] == cell)).sum(axis=1, dtype=np.float64)
    return exact.sample(
        y, keep, side=side, preference=preference, proportional=method.quota == "proportional"
    )


def hardware_start(count: int, seed: int) -> np.ndarray:
    """(count, 2): the start of the hardware with wide formats, uniform on [-1/4, 1/4), 24 fraction bits."""
    wide = PRESETS["paper"]
    return np.ldexp(points(wide, seed, count), -wide.profile.position.fraction)


def projection(rows: np.ndarray, seed: int) -> np.ndarray:
    """(N, 2): rows (N, D) projected on two random vectors of +-1, each axis of mean 0 and deviation 1."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (rows.shape[1], 2))
    y = rows.astype(np.float64) @ signs
    y -= y.mean(axis=0)
    return y / np.where(y.any(axis=0), y.std(axis=0), 1.0)


def equal_contrast(rows: np.ndarray) -> np.ndarray:
    """Rows (N, D) with mean and deviation made equal; of the type they came in.

    Bytes: ``128 + 42 z`` with ``z = (x - mean)/deviation``, rounded and limited to 0 .. 255, so to +-3
    deviations. Others: z. A constant row has z = 0.
    """
    z = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64)
    deviation = z.std(axis=1, keepdims=True)
    z /= np.where(deviation > 0, deviation, 1.0)
    return np.clip(np.rint(128.0 + 42.0 * z), 0, 255).astype(np.uint8) if rows.dtype == np.uint8 else z
