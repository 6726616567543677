# SPDX-License-Identifier: Apache-2.0
"""Map one group of images and select those to keep. All mathematics is that of :mod:`nms.golden.exact`."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from nms.contract.config import load_published
from nms.contract.errors import UserError
from nms.contract.tables import Status
from nms.golden import exact
from nms.golden.prng import points

CHOICES = {
    "pick": ("centre", "random", "medoid"),
    "quota": ("rounds", "proportional"),
    "start": ("random", "projection"),
}
"""Options with a few named values; the hardware has the first of each."""

PART = 1 << 20
"""Pixels that are in memory as float64 at once."""

SMALLEST = 5
"""Images in the smallest group that gets a map: a third of the others is a perplexity above 1."""


@dataclass(frozen=True)
class Selection:
    """The outcome of one group; ``unsolved`` counts the rows for which no beta gives the perplexity."""

    kept: np.ndarray  # (K,) int64, ascending, within the group
    embedding: np.ndarray  # (N, 2) the map; not numbers without one
    unsolved: int


class GroupMethod(Protocol):
    """How the images of a group that are kept are selected."""

    @property
    def software_only(self) -> list[str]:
        """The options in use that the hardware does not have."""

    @property
    def target(self) -> float | None:
        """The perplexity of a map; ``None`` if none is drawn."""

    def perplexity_for(self, count: int) -> float | None:
        """The target in a group of ``count`` images; ``None`` if it gets no map."""

    def describe(self) -> dict[str, Any]:
        """Everything that decides what is selected, but the images and the seed."""

    def sample(self, images: np.ndarray, keep: int, seed: int) -> Selection:
        """Select ``keep`` images of one group."""

    def sample_exactly(self, images: np.ndarray, keep: int, seed: int) -> np.ndarray:
        """What the hardware approximates, with its options: indices in float64, ascending."""


@dataclass(frozen=True)
class Method:
    """How a group is sampled in float64; ``software_only`` names the options that the hardware does not have.

    Parameters
    ----------
    perplexity : target of the search; limited to (n - 1)/3 in a group of n images
        (:meth:`nms.sampling.select.Method.perplexity_for`)
    iterations : gradient iterations of the stable schedule
    grid : G, the cells on a side; or ``adaptive``, the smallest G with at least as many occupied cells as
        images to keep; or ``hardware``, the smallest with G**2 >= 2K
    pick : which point of a cell is kept first: ``centre``, the nearest to the cell's centre; ``random``;
        ``medoid``, the one whose image has the smallest sum of squared distances to the others of the cell
    quota : ``rounds``, one point of each cell, then a second, ...; ``proportional`` to the points in the
        cells
    start : ``random``, the hardware's own random numbers; ``projection``, the pixels projected on two random
        vectors of +-1, scaled to unit deviation
    contrast : bring each image to the same mean and deviation before computing distances

    Raises
    ------
    UserError
        A value is out of range or unknown.
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
        """The options that the hardware does not have; contrast is not one, as it changes the images sent."""
        names = [name for name, known in CHOICES.items() if getattr(self, name) != known[0]]
        return ["grid", *names] if self.grid != "hardware" else names

    def perplexity_for(self, count: int) -> float | None:
        """The target in a group of ``count`` images; ``None`` below 5, which get no map."""
        return limit_perplexity(self.perplexity, count)

    @property
    def target(self) -> float:
        """The perplexity of a map."""
        return self.perplexity

    def describe(self) -> dict[str, Any]:
        """All options."""
        return asdict(self)

    def sample(self, images: np.ndarray, keep: int, seed: int) -> Selection:
        """See :func:`nms.sampling.select.sample_group`."""
        return sample_group(images, keep, self, seed)

    def sample_exactly(self, images: np.ndarray, keep: int, seed: int) -> np.ndarray:
        """The same with the hardware's options; contrast is brought about before."""
        hardware = replace(
            self, grid="hardware", pick="centre", quota="rounds", start="random", contrast=False
        )
        return select(images, keep, hardware, seed)


def limit_perplexity(target: float, count: int) -> float | None:
    """The target in a group of ``count`` images: at most a third of the others; ``None`` below 5 images."""
    return min(target, (count - 1) / 3) if count >= SMALLEST else None


def select(images: np.ndarray, keep: int, method: Method | None = None, seed: int = 1) -> np.ndarray:
    """Select ``keep`` images of one group: (keep,) int64, ascending.

    See :func:`nms.sampling.select.sample_group`.
    """
    return sample_group(images, keep, method or Method(), seed).kept


def sample_group(images: np.ndarray, keep: int, method: Method, seed: int) -> Selection:
    """Compute the map of one group and select the images to keep.

    The map of a group below :data:`nms.sampling.select.SMALLEST` images is its start.

    Parameters
    ----------
    images : (N, ...) uint8, whose distances are exact integers, or float64, finite
    keep : K, 0 to N
    seed : 32 bits, for the start and a random pick

    Raises
    ------
    UserError
        ``keep`` is out of range, or images have no pixels.
    """
    count = len(images)
    if not 0 <= keep <= count:
        raise UserError(f"keep {keep}: must be 0 to {count} (images of the group)")
    rows = images.reshape(count, -1)
    if method.contrast:
        rows = equalise_contrast(rows)
    distance = exact.distances(rows) if rows.dtype == np.uint8 else exact.feature_distances(rows)
    y = project_randomly(rows, seed) if method.start == "projection" else draw_hardware_start(count, seed)
    perplexity = method.perplexity_for(count)
    unsolved = 0
    if perplexity is not None:
        search = exact.affinities(distance, perplexity)
        unsolved = int(np.count_nonzero(search.status != Status.SOLVED))
        y = exact.embed(search.joint, y, method.iterations)
    return Selection(select_points(y, keep, method, seed, distance), y, unsolved)


def select_points(y: np.ndarray, keep: int, method: Method, seed: int, distance: np.ndarray) -> np.ndarray:
    """Select ``keep`` points of a map by its grid: (keep,) int64, ascending.

    Parameters
    ----------
    y : (N, 2) any map
    seed : for a random pick
    distance : (N, N) squared distances between the images, for a medoid
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
        cell, _ = exact.assign_cells(y, side)
        preference = (distance * (cell[:, None] == cell)).sum(axis=1, dtype=np.float64)
    return exact.sample(
        y, keep, side=side, preference=preference, proportional=method.quota == "proportional"
    )


def draw_hardware_start(count: int, seed: int) -> np.ndarray:
    """Draw the hardware's start, wide formats: (count, 2), uniform on [-1/4, 1/4), 24 fraction bits."""
    wide = load_published("paper")
    return np.ldexp(points(wide, seed, count), -wide.profile.position.fraction)


def project_randomly(rows: np.ndarray, seed: int) -> np.ndarray:
    """Project rows (N, D) on two random vectors of +-1: (N, 2), each axis of mean 0 and deviation 1."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (rows.shape[1], 2))
    y = np.concatenate([part.astype(np.float64) @ signs for part in _split(rows)])
    y -= y.mean(axis=0)
    return y / np.where(y.any(axis=0), y.std(axis=0), 1.0)


def equalise_contrast(rows: np.ndarray) -> np.ndarray:
    """Bring all rows (N, D) to the same mean and deviation; the type stays.

    With ``z = (x - mean)/deviation``, and z = 0 in a constant row: bytes become ``128 + 42 z``, rounded to
    nearest even and limited to 0 .. 255, that is to +-3 deviations; floats become z.
    """
    found = np.empty_like(rows)
    for part, to in zip(_split(rows), _split(found), strict=True):
        z = part - part.mean(axis=1, keepdims=True, dtype=np.float64)
        deviation = z.std(axis=1, keepdims=True)
        z /= np.where(deviation > 0, deviation, 1.0)
        to[:] = np.clip(np.rint(128.0 + 42.0 * z), 0, 255) if rows.dtype == np.uint8 else z
    return found


def _split(rows: np.ndarray) -> list[np.ndarray]:
    """The rows in parts that are small enough to be in memory as float64."""
    step = max(1, PART // rows.shape[1])
    return [rows[begin : begin + step] for begin in range(0, len(rows), step)]
