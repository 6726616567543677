# SPDX-License-Identifier: Apache-2.0
"""Options that belong together, each group a dataclass that a command takes in one piece.

A command that is decorated with :func:`nms.commands.command_line.expand_groups` may have parameters whose
type is one of these; each field is an option of the command.
"""

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, overload

from nms.commands.options import (
    Across,
    CellPick,
    Contrast,
    Count,
    Data,
    Evaluations,
    Grey,
    Grid,
    Iterations,
    LabelsOption,
    Overrides,
    Perplexity,
    PickOption,
    Preset,
    Quota,
    Ratio,
    Resize,
    SearchOption,
    Seed,
    Side,
    Split,
    Start,
    Threshold,
    Window,
)
from nms.contract.config import Config, LeanConfig, ReducedConfig, SamplerConfig, load, load_published
from nms.contract.errors import UserError
from nms.contract.settings import PERPLEXITY, LeanSettings, Pick, Settings

if TYPE_CHECKING:
    from nms.datasets import Choice, Images
    from nms.sampling import BitTrue, Method
    from nms.sampling.near_duplicates import NearDuplicates

SMALLEST_PERPLEXITY = 1.5
"""Of the smallest batches, by default: a third of the others would be too little."""

HERDING = str(Pick.HERDING)
MAP = {"perplexity", "iterations", "evaluations"}
"""Settings of a lean map, which herding has no need of."""
REDUCTION = {"side", "grey"}
"""Settings of images that are reduced."""


@dataclass(frozen=True)
class ConfigOptions:
    """The configuration of the hardware."""

    preset: Preset
    overrides: Overrides = None

    def load(self) -> SamplerConfig:
        """The configuration, checked."""
        return load(self.preset, self.overrides or ())

    def load_published(self) -> Config:
        """As :meth:`load`, for what knows the published method alone."""
        return load_published(self.preset, self.overrides or ())


@dataclass(frozen=True)
class ReductionOptions:
    """How images are reduced, which are left out as near-duplicates, and how long a lean search lasts."""

    side: Side = None
    grey: Grey = False
    evaluations: Evaluations = None
    threshold: Threshold = None
    window: Window = None
    across: Across = False

    def __post_init__(self) -> None:
        if not self.threshold and (self.across or self.window is not None):
            what = "across" if self.window is None else f"window {self.window}"
            raise UserError(f"{what}: needs --threshold, 1 to 255, to leave near-duplicates out")


@dataclass(frozen=True)
class LeanOptions(ReductionOptions):
    """What a run has only where images are reduced."""

    pick: PickOption = None


def drop_absent(values: dict[str, Any]) -> dict[str, Any]:
    """Those of ``values`` that were given: neither ``None`` nor ``False``."""
    return {name: value for name, value in values.items() if value is not None and value is not False}


def select_given(config: SamplerConfig, values: dict[str, Any]) -> dict[str, Any]:
    """Those of ``values``, by the name of their option, that were given.

    Raises
    ------
    UserError
        One was given that does not apply to ``config``, or to what it picks.
    """
    given = drop_absent(values)
    known = {"perplexity", "iterations", "search", "pick"}
    if isinstance(config, Config) and config.side:
        known |= REDUCTION
    if isinstance(config, ReducedConfig):
        known = {"pick", "side", "grey", "threshold", "window", "across"}
    if isinstance(config, LeanConfig) and given.get("pick", HERDING) != HERDING:
        known |= MAP
    for name, value in given.items():
        if name not in known:
            number = f"{value:g}" if isinstance(value, float) else value
            what = name if value is True else f"{name} {number}"
            if isinstance(config, LeanConfig) and name in MAP:
                raise UserError(f"{what}: herding draws no map; name another --pick")
            if isinstance(config, Config) and name in REDUCTION:
                raise UserError(f"{what}: configuration {config.name} reduces no images; -P side=8 does")
            raise UserError(f"{what}: configuration {config.name} has no such setting")
    return given


def smallest_image(reduction: ReductionOptions | None) -> tuple[int, int, int]:
    """The shape of the smallest image that can be reduced so, for checks before any image is read."""
    side = 4 if reduction and reduction.threshold else 1
    return (side, side, 3 if reduction and reduction.grey else 1)


@dataclass(frozen=True)
class PartOptions:
    """What to take of a data set that has several parts, or several labels of an image."""

    split: Split = None
    labels: LabelsOption = None

    def make(self) -> "Choice":
        """The choice."""
        from nms.datasets import Choice  # slow to import

        return Choice(self.split, self.labels)


@dataclass(frozen=True)
class BatchOptions(PartOptions):
    """One batch of images and the settings of its run."""

    data: Data = "digits"
    count: Count = None
    resize: Resize = None
    ratio: Ratio = 0.3
    perplexity: Perplexity = None
    iterations: Iterations = None
    seed: Seed = 1
    search: SearchOption = None

    @overload
    def load(self, config: Config) -> "tuple[Images, Settings]": ...

    @overload
    def load(self, config: SamplerConfig, lean: LeanOptions) -> "tuple[Images, Settings | LeanSettings]": ...

    def load(
        self, config: SamplerConfig, lean: LeanOptions | None = None
    ) -> "tuple[Images, Settings | LeanSettings]":
        """The images, as many as ``config`` holds at most, and the settings of a run on them.

        What can be refused is refused before any file is read.
        """
        own = {"perplexity": self.perplexity, "iterations": self.iterations, "search": self.search}
        given = select_given(config, own | asdict(lean or LeanOptions()))
        if self.count is not None:
            self._make_settings(config, self.count, smallest_image(lean), given, False)
        from nms import datasets

        images = datasets.load(self.data, self.count, self.resize, most=config.images, choice=self.make())
        report(images)
        return images, self._make_settings(
            config, len(images.images), images.stored_shape, given, images.planar
        )

    def find_perplexity(self, count: int) -> float:
        """The target of a batch of ``count`` images: as given, or the usual one, or what suits so few."""
        suits = max((count - 1) / 3, SMALLEST_PERPLEXITY)
        return min(PERPLEXITY, suits) if self.perplexity is None else self.perplexity

    def _make_settings(
        self, config: SamplerConfig, count: int, shape: tuple[int, ...], given: dict[str, Any], planes: bool
    ) -> Settings | LeanSettings:
        given = {"ratio": self.ratio, "seed": self.seed, "perplexity": self.find_perplexity(count), **given}
        if isinstance(config, ReducedConfig):
            return LeanSettings.make(config, count, shape, planes=planes, **given)
        assert isinstance(config, Config)
        return Settings.make(config, count, shape, planes=planes, **given)


@dataclass(frozen=True)
class SamplingOptions:
    """How a group of images is sampled in software."""

    perplexity: Perplexity = None
    iterations: Iterations = None
    grid: Grid = None
    pick: CellPick = None
    quota: Quota = None
    start: Start = None
    contrast: Contrast = False
    search: SearchOption = None

    def make(self) -> "Method":
        """The method in float64, checked."""
        from nms.sampling import Method  # slow to import

        if self.search is not None:
            raise UserError(f"search {self.search}: float64 has one of its own; name -c with side above 0")
        given = drop_absent(asdict(self))
        if self.grid is not None and self.grid.isdecimal():
            given["grid"] = int(self.grid)
        return Method(**given)

    def make_bit_true(self, config: Config | ReducedConfig, reduction: ReductionOptions) -> "BitTrue":
        """The method of the bit-true model, checked, for images of a single pixel."""
        from nms.sampling import BitTrue  # slow to import

        given = select_given(config, asdict(self) | asdict(reduction))
        return BitTrue(config, smallest_image(reduction), **given)


def report(images: "Images") -> None:
    """Say what was converted or left out of a data set as it was read."""
    for note in images.notes:
        warn(f"{images.name}: {note}")


def warn(sentence: str) -> None:
    """Say something that is no mistake, but may not be what was meant."""
    print("nms: note:", " ".join(sentence.split()), file=sys.stderr)


def make_near_duplicates(distance: float, window: int | None) -> "NearDuplicates":
    """Which images are near-duplicates, from the two options."""
    from nms.sampling.near_duplicates import WINDOW, NearDuplicates  # slow to import

    return NearDuplicates(distance, WINDOW if window is None else window or None)
