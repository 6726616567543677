# SPDX-License-Identifier: Apache-2.0
"""Select the images of one group by the bit-true model of a sampler, which mostly sees reduced images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nms.contract.config import Config, LeanConfig, ReducedConfig
from nms.contract.errors import UserError
from nms.contract.formats import LEAN
from nms.contract.settings import PERPLEXITY, LeanSettings, Pick, Search, Settings
from nms.contract.tables import LeanTables, Status, Tables
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
from nms.sampling.select import SMALLEST, Selection, limit_perplexity

FEWEST = 4
"""Images of the smallest batch that hardware takes; smaller groups are herded alike."""


@dataclass(frozen=True)
class BitTrue:
    """How a group is sampled by the model of ``config``, with the result of the hardware.

    Parameters
    ----------
    config : the hardware, whose largest batch is the largest group
    shape : of an image as its bytes lie, see :meth:`nms.contract.settings.LeanSettings.make`
    planes, grey, side, pick, iterations : see :class:`nms.contract.settings.LeanSettings`; by default those
        of the method of ``config``
    search : of the published method, see :class:`nms.contract.settings.Settings`
    evaluations : of the lean map's search
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

    config: Config | ReducedConfig
    shape: tuple[int, ...]
    planes: bool = False
    grey: bool = False
    side: int | None = None
    pick: str | None = None
    perplexity: float = PERPLEXITY
    iterations: int | None = None
    search: str | None = None
    evaluations: int | None = None
    threshold: int = 0
    window: int | None = None
    across: bool = False
    standing: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not 1.0 < self.perplexity < np.inf:
            raise UserError(f"perplexity {self.perplexity:g}: must be above 1 and finite")
        for name in ("evaluations", "threshold") if isinstance(self.config, Config) else ("search",):
            if value := getattr(self, name):
                raise UserError(f"{name} {value}: configuration {self.config.name} has no such setting")
        self.settings(self.config.images, 1, 1)

    @property
    def chosen(self) -> Pick:
        """The pick."""
        default = Pick.CENTRE if isinstance(self.config, Config) else Pick.HERDING
        return default if self.pick is None else Pick.parse(self.pick)

    @property
    def fewest(self) -> int:
        """Images of the smallest group that gets a run of its own."""
        return SMALLEST if isinstance(self.config, Config) else FEWEST

    @property
    def software_only(self) -> list[str]:
        """Nothing."""
        return []

    @property
    def target(self) -> float | None:
        """The perplexity of a map; ``None`` if all is herded."""
        return None if self.chosen is Pick.HERDING else self.perplexity

    def perplexity_for(self, count: int) -> float | None:
        """The target in a group of ``count`` images; ``None`` if it gets no map."""
        return None if self.target is None else limit_perplexity(self.target, count)

    def describe(self) -> dict[str, Any]:
        """The configuration, and of the options those that decide something."""
        settings = self.settings(min(SMALLEST, self.config.images), 1, 1)
        found: dict[str, Any] = {
            "configuration": self.config.model_dump(), "grey": self.grey, "pick": str(self.chosen),
            "side": settings.side,
        }  # fmt: skip
        if self.target is not None:
            found |= {"perplexity": self.perplexity, "iterations": settings.iterations}
            if isinstance(settings, Settings):
                found["search"] = str(Search(settings.search))
            else:
                found["evaluations"] = settings.evaluations
        if self.threshold:
            found |= {name: getattr(settings, name) for name in ("threshold", "window", "across")}
        return found

    def settings(self, count: int, keep: int, seed: int) -> Settings | LeanSettings:
        """The settings of a run on ``count`` images, of which ``keep`` are kept, at least 1.

        Raises
        ------
        UserError
            The count is less than what hardware takes, or another value is out of range.
        """
        target = self.perplexity_for(count)
        given: dict[str, Any] = {"seed": seed, "side": self.side, "planes": self.planes, "grey": self.grey}
        mapped = {"pick": self.pick, "iterations": self.iterations, "perplexity": target or self.perplexity}
        if isinstance(self.config, Config):
            given |= _drop_absent(mapped | {"search": self.search})
            return Settings.make(self.config, count, self.shape, keep / count, **given)
        given |= {"threshold": self.threshold, "window": self.window, "across": self.across}
        if target is not None:
            given |= _drop_absent(mapped | {"evaluations": self.evaluations})
        return LeanSettings.make(self.config, count, self.shape, keep / count, **given)

    def sample(self, images: np.ndarray, keep: int, seed: int) -> Selection:
        """Select ``keep`` of the uint8 images (N, ...), 0 to N."""
        count = len(images)
        rows = images.reshape(count, -1)
        unmapped = np.full((count, 2), np.nan)
        if keep == 0:
            return Selection(np.empty(0, np.int64), unmapped, 0)
        settings = self.settings(max(count, self.fewest), keep, seed)
        standing = self.standing
        if standing is None:
            standing = np.ones(count, np.int64)
            if isinstance(settings, LeanSettings):
                standing = near_duplicates.Removal(settings).find_standing(rows)
        own = np.flatnonzero(standing)
        if self.threshold and len(own) <= keep:
            return Selection(near_duplicates.fill_up(standing, keep), unmapped, 0)
        if count < self.fewest:
            distance = distances(reduce(rows[own], settings))
            return Selection(own[herding.choose(distance, keep)], unmapped, 0)
        tables = run(self.config, settings, rows, standing=standing)
        if not isinstance(tables, Tables | LeanTables) or self.perplexity_for(count) is None:
            return Selection(tables.kept, unmapped, 0)
        y = unmapped
        y[own] = self._place(tables.embedding[: len(own)])
        return Selection(tables.kept, y, int(np.count_nonzero(tables.status != Status.SOLVED)))

    def sample_exactly(self, images: np.ndarray, keep: int, seed: int) -> np.ndarray:
        """The same in float64, from means that are not rounded."""
        settings = self.settings(len(images), keep, seed)
        if isinstance(settings, Settings):
            return self._run_exactly(images, settings)
        if not self.threshold:
            return self._choose_exactly(images, settings)
        standing = exact_duplicates.find_standing(self._arrange(images), settings.threshold, settings.window)
        if standing.sum() <= keep:
            return near_duplicates.fill_up(standing, keep)
        return np.flatnonzero(standing)[self._choose_exactly(images[standing], settings)]

    def _run_exactly(self, images: np.ndarray, settings: Settings) -> np.ndarray:
        """What the published method keeps of these images."""
        target = self.perplexity_for(len(images))
        assert target is not None  # the settings were refused otherwise
        return exact.run(
            self._arrange(images), settings.keep, target, settings.iterations, y0=self._draw_start(settings),
            side=settings.side, grey=settings.grey, pick=settings.pick,
        ).kept  # fmt: skip

    def _draw_start(self, settings: Settings | LeanSettings) -> np.ndarray:
        """The start of the map, (N, 2) float64."""
        assert isinstance(self.config, Config | LeanConfig)
        return self._place(points(self.config, settings.seed, settings.count))

    def _place(self, raw: np.ndarray) -> np.ndarray:
        """Positions in float64."""
        assert isinstance(self.config, Config | LeanConfig)
        return np.ldexp(raw, -self.config.profile.position.fraction)

    def _choose_exactly(self, images: np.ndarray, settings: LeanSettings) -> np.ndarray:
        """What herding, or the map of these images, keeps of them."""
        rows, keep = self._reduce_exactly(images, settings), settings.keep
        if settings.pick == Pick.HERDING:
            return choose_exactly(rows, keep)
        assert isinstance(self.config, LeanConfig)  # the settings were refused otherwise
        distance = exact.feature_distances(rows)
        target = np.ldexp(settings.target, -LEAN.entropy.fraction)
        joint = lean.search(distance, target, settings.evaluations).joint
        y = lean.embed(joint, self._draw_start(settings), settings.iterations, settings.exaggerated)
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


def _drop_absent(values: dict[str, Any]) -> dict[str, Any]:
    """Those of ``values`` that were given."""
    return {name: value for name, value in values.items() if value is not None}


def find_standing(
    images: Any, groups: Groups, method: BitTrue, progress: Callable[[int], object] = lambda count: None
) -> np.ndarray:
    """Find the images that are no near-duplicates, in groups that are the batches of a job: (N,) bool.

    Parameters
    ----------
    images : (N, ...) uint8, or what reads them from files
    progress : called with the number of images of each group
    """
    settings = method.settings(FEWEST, 1, 1)
    assert isinstance(settings, LeanSettings)  # other methods remove none
    removal = near_duplicates.Removal(settings)
    standing = np.ones(sum(map(len, groups.members)), bool)
    for members in groups.members:
        pixels = np.asarray(images[members])
        standing[members] = removal.find_standing(pixels.reshape(len(members), -1)) == 1
        progress(len(members))
    return standing
