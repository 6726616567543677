# SPDX-License-Identifier: Apache-2.0
"""Select the images of one group by the bit-true model of a sampler that looks at reduced images."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nms.contract.config import LeanConfig, ReducedConfig
from nms.contract.errors import UserError
from nms.contract.formats import LEAN
from nms.contract.settings import (
    LEAN_EVALUATIONS,
    LEAN_ITERATIONS,
    PERPLEXITY,
    LeanSettings,
    Pick,
)
from nms.contract.tables import LeanTables, Status
from nms.golden import exact, herding, near_duplicates
from nms.golden.exact import lean
from nms.golden.exact import near_duplicates as exact_duplicates
from nms.golden.exact import picks as exact_picks
from nms.golden.exact.herding import choose as choose_exactly
from nms.golden.exact.reduction import reduce as reduce_exactly
from nms.golden.pea import distances
from nms.golden.prng import points
from nms.golden.reduction import reduce
from nms.golden.sampler import run
from nms.sampling.groups import Groups
from nms.sampling.select import Selection, limit_perplexity

FEWEST = 4
"""Images of the smallest batch that the hardware takes; smaller groups are herded alike."""


@dataclass(frozen=True)
class BitTrue:
    """How a group is sampled by the model of ``config``, with the result of the hardware.

    Parameters
    ----------
    config : the hardware, whose largest batch is the largest group
    shape : of an image as its bytes lie, see :meth:`nms.contract.settings.LeanSettings.make`
    planes, grey, side, pick, iterations, evaluations : see :class:`nms.contract.settings.LeanSettings`
    threshold, window, across : of the removal of near-duplicates, see the same; groups are the batches of a
        job
    standing : (N,) 1 of the images of a group that are no near-duplicates, if they are known; otherwise it is
        compared as the first group of a job is
    perplexity : target of the search; limited to (n - 1)/3 in a group of n images. Groups below 5 images,
        which get no map, are herded

    Raises
    ------
    UserError
        A value is out of range or unknown.
    """

    config: ReducedConfig
    shape: tuple[int, ...]
    planes: bool = False
    grey: bool = False
    side: int | None = None
    pick: str = "herding"
    perplexity: float = PERPLEXITY
    iterations: int = LEAN_ITERATIONS
    evaluations: int = LEAN_EVALUATIONS
    threshold: int = 0
    window: int | None = None
    across: bool = False
    standing: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not 1.0 < self.perplexity < np.inf:
            raise UserError(f"perplexity {self.perplexity:g}: must be above 1 and finite")
        Pick.parse(self.pick)
        self.settings(self.config.images, 1, 1)

    @property
    def software_only(self) -> list[str]:
        """Nothing."""
        return []

    @property
    def target(self) -> float | None:
        """The perplexity of a map; ``None`` if all is herded."""
        return None if self.pick == str(Pick.HERDING) else self.perplexity

    def perplexity_for(self, count: int) -> float | None:
        """The target in a group of ``count`` images; ``None`` if it gets no map."""
        return None if self.target is None else limit_perplexity(self.target, count)

    def describe(self) -> dict[str, Any]:
        """The configuration, and of the options those that decide something."""
        found = {"configuration": self.config.model_dump(), "grey": self.grey, "pick": self.pick}
        found["side"] = self.settings(FEWEST, 1, 1).side
        if self.target is not None:
            names = ("perplexity", "iterations", "evaluations")
            found |= {name: value for name, value in asdict(self).items() if name in names}
        if self.threshold:
            settings = self.settings(FEWEST, 1, 1)
            found |= {name: getattr(settings, name) for name in ("threshold", "window", "across")}
        return found

    def settings(self, count: int, keep: int, seed: int) -> LeanSettings:
        """The settings of a run on ``count`` images, at least 4, of which ``keep`` are kept, at least 1."""
        target = self.perplexity_for(count)
        given: dict[str, Any] = {"seed": seed, "side": self.side, "planes": self.planes, "grey": self.grey}
        given |= {"threshold": self.threshold, "window": self.window, "across": self.across}
        if target is not None:
            given |= {
                "pick": self.pick, "perplexity": target, "iterations": self.iterations,
                "evaluations": self.evaluations,
            }  # fmt: skip
        return LeanSettings.make(self.config, count, self.shape, keep / count, **given)

    def sample(self, images: np.ndarray, keep: int, seed: int) -> Selection:
        """Select ``keep`` of the uint8 images (N, ...), 0 to N."""
        count = len(images)
        rows = images.reshape(count, -1)
        unmapped = np.full((count, 2), np.nan)
        if keep == 0:
            return Selection(np.empty(0, np.int64), unmapped, 0)
        settings = self.settings(max(count, FEWEST), keep, seed)
        standing = self.standing
        if standing is None:
            standing = near_duplicates.Removal(settings).find_standing(rows)
        own = np.flatnonzero(standing)
        if self.threshold and len(own) <= keep:
            return Selection(near_duplicates.fill_up(standing, keep), unmapped, 0)
        if count < FEWEST:
            distance = distances(reduce(rows[own], settings))
            return Selection(own[herding.choose(distance, keep)], unmapped, 0)
        tables = run(self.config, settings, rows, standing=standing)
        if not isinstance(tables, LeanTables) or self.perplexity_for(count) is None:
            return Selection(tables.kept, unmapped, 0)
        y = unmapped
        y[own] = np.ldexp(tables.embedding[: len(own)], -LEAN.position.fraction)
        return Selection(tables.kept, y, int(np.count_nonzero(tables.status != Status.SOLVED)))

    def sample_exactly(self, images: np.ndarray, keep: int, seed: int) -> np.ndarray:
        """The same in float64, from means that are not rounded."""
        settings = self.settings(len(images), keep, seed)
        if not self.threshold:
            return self._choose_exactly(images, settings)
        standing = exact_duplicates.find_standing(self._arrange(images), settings.threshold, settings.window)
        if standing.sum() <= keep:
            return near_duplicates.fill_up(standing, keep)
        return np.flatnonzero(standing)[self._choose_exactly(images[standing], settings)]

    def _choose_exactly(self, images: np.ndarray, settings: LeanSettings) -> np.ndarray:
        """What herding, or the map of these images, keeps of them."""
        rows, keep = self._reduce_exactly(images, settings), settings.keep
        if settings.pick == Pick.HERDING:
            return choose_exactly(rows, keep)
        assert isinstance(self.config, LeanConfig)  # the settings were refused otherwise
        distance = exact.feature_distances(rows)
        target = np.ldexp(settings.target, -LEAN.entropy.fraction)
        joint = lean.search(distance, target, settings.evaluations).joint
        start = np.ldexp(points(self.config, settings.seed, len(images)), -LEAN.position.fraction)
        y = lean.embed(joint, start, settings.iterations, settings.exaggerated)
        return exact_picks.choose(settings.pick, y, keep, distance, joint)

    def _reduce_exactly(self, images: np.ndarray, settings: LeanSettings) -> np.ndarray:
        """The means of the images' boxes, or the images as they are: (N, D) float64."""
        count = len(images)
        if not settings.side:
            return images.reshape(count, -1).astype(np.float64)
        return reduce_exactly(self._arrange(images), settings.side, settings.grey).reshape(count, -1)

    def _arrange(self, images: np.ndarray) -> np.ndarray:
        """The images as (N, height, width[, channels])."""
        pixels = images.reshape(len(images), *self.shape)
        return np.moveaxis(pixels, 1, -1) if self.planes else pixels


def find_standing(
    images: Any, groups: Groups, method: BitTrue, progress: Callable[[int], object] = lambda count: None
) -> np.ndarray:
    """Find the images that are no near-duplicates, in groups that are the batches of a job: (N,) bool.

    Parameters
    ----------
    images : (N, ...) uint8, or what reads them from files
    progress : called with the number of images of each group
    """
    removal = near_duplicates.Removal(method.settings(FEWEST, 1, 1))
    standing = np.ones(sum(map(len, groups.members)), bool)
    for members in groups.members:
        pixels = np.asarray(images[members])
        standing[members] = removal.find_standing(pixels.reshape(len(members), -1)) == 1
        progress(len(members))
    return standing
