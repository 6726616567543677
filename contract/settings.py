# SPDX-License-Identifier: Apache-2.0
"""Run-time settings: batch size, pixels, images to keep, perplexity, iterations, seed, search method."""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

from nms.contract.config import Config, LeanConfig, ReducedConfig, SamplerConfig
from nms.contract.errors import UserError
from nms.contract.formats import LEAN


class Choice(IntEnum):
    """A setting that names one of several; its text is the name in lower case, with hyphens."""

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")

    @classmethod
    def parse(cls, name: str) -> Self:
        """The member called ``name``, such as ``de-rand1``.

        Raises
        ------
        UserError
            There is no such one.
        """
        for member in cls:
            if str(member) == name:
                return member
        raise UserError(f"{cls.__name__.lower()} {name!r}: must be one of {', '.join(map(str, cls))}")


class Search(Choice):
    """Methods of the search for beta (``contract.md``, section 9)."""

    DE_RAND1 = 0  # differential evolution DE/rand/1, as published
    DE_BEST1 = 1  # DE/best/1, restarted when the population collapses
    SECTION = 2  # 33-section of log2 beta
    WINDOW = 3  # half octaves, then windows centred on the secant


PERPLEXITY = 15.0
"""The perplexity of a row, unless said otherwise."""

LEAN_ITERATIONS = 48
"""Iterations of a lean map, unless said otherwise."""

LEAN_EVALUATIONS = 6
"""Evaluations of a row's lean search at most, unless said otherwise."""

SIDE_MAX = 4096
"""Most rows, and most pixels of a row, of an image that is reduced."""


def default_exaggerated(iterations: int) -> int:
    """How many iterations are exaggerated by default: a quarter (floor), at most 12.

    If the perplexity is a large part of N, doubled attraction shrinks the map by up to sqrt(1/2) an
    iteration. After 12 iterations the map still spans 2^17 steps of a Y with 24 fraction bits; after 75 it
    may have vanished. More than 12 do not improve the map.
    """
    return min(iterations // 4, 12)


def _count_kept(ratio: float, count: int) -> int:
    """K = floor(ratio * count + 1/2); ``UserError`` if the ratio is out of range or keeps none."""
    if not 0.0 < ratio <= 1.0:
        raise UserError(f"ratio {ratio:g}: must be above 0 and at most 1")
    keep = math.floor(ratio * count + 0.5)
    if keep < 1:
        raise UserError(f"ratio {ratio:g}: keeps none of {count} images; at least {0.5 / count:g} keeps one")
    return keep


class Pick(Choice):
    """What of a group is kept (``contract.md``, sections 17 and 18)."""

    CENTRE = 0  # of each cell of the map, the point nearest to the cell's centre
    MEDOID = 1  # of each cell, the image with the least sum of distances to the others
    HUB = 2  # of each cell, the image with the largest row sum of affinities
    NEIGHBOUR = 3  # of each cell, the image whose fifth neighbour is nearest
    HERDING = 4  # no map: images whose mean follows that of the group


@dataclass(frozen=True)
class BatchSettings:
    """Settings of a batch and of its images that every sampler has (``contract.md``, section 14).

    Parameters
    ----------
    count : N, images in the batch
    pixels : bytes of an image in memory, ``height * width * channels`` if it is reduced
    keep : K, indices to keep
    height, width, channels : of an image in memory; 0 if it is taken as it is
    planes : whether an image's channels lie one after the other
    grey : whether all channels are reduced to one
    side : side of the grid to which images are reduced; 0 takes them as they are
    """

    count: int
    pixels: int
    keep: int
    height: int = 0
    width: int = 0
    channels: int = 0
    planes: bool = False
    grey: bool = False
    side: int = 0

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of boxes of a reduced image."""
        return min(self.side, self.height), min(self.side, self.width)

    @property
    def reduced(self) -> int:
        """Bytes of an image whose distances are taken."""
        if not self.side:
            return self.pixels
        rows, columns = self.grid
        return rows * columns * (1 if self.grey else self.channels)


@dataclass(frozen=True, kw_only=True)
class Settings(BatchSettings):
    """Run-time settings of the published sampler, in the hardware's own integers.

    Parameters
    ----------
    target : perplexity, raw in the profile's perplexity format
    iterations : gradient iterations
    seed : 32-bit seed of every random number
    exaggerated : number of exaggerated iterations, the first ones
    search : method of the search for beta, a :class:`nms.contract.settings.Search`
    pick : what of a cell is kept first, a :class:`nms.contract.settings.Pick` other than ``HERDING``
    """

    target: int
    iterations: int
    seed: int
    exaggerated: int
    search: int = Search.DE_RAND1
    pick: int = Pick.CENTRE

    @classmethod
    def make(
        cls,
        config: Config,
        count: int,
        pixels: int | tuple[int, ...],
        ratio: float = 0.3,
        perplexity: float = PERPLEXITY,
        iterations: int = 300,
        seed: int = 1,
        search: str = "de-rand1",
        pick: str = "centre",
        side: int | None = None,
        planes: bool = False,
        grey: bool = False,
    ) -> "Settings":
        """Make settings from a user's units and check them against the limits of ``config``.

        ``keep = floor(ratio * count + 1/2)``; ``target = floor(perplexity * 2**F + 1/2)``, F the fraction
        bits of the perplexity; :func:`nms.contract.settings.default_exaggerated` iterations are exaggerated.

        Parameters
        ----------
        pixels : bytes of an image that is taken as it is, or the ``shape`` of
            :meth:`nms.contract.settings.LeanSettings.make`
        pick : other than ``centre`` in a configuration with ``picks`` alone
        side : side of the reduced images; 0 takes images as they are. By default the configuration's, for
            images with a shape

        Raises
        ------
        UserError
            A value is out of range; the message names the first one and its range.
        """
        _check_count(config, count)
        shape = (pixels,) if isinstance(pixels, int) else pixels
        if not config.side and not side:  # whatever the shape
            shape = (math.prod(shape),)
            if grey:
                raise UserError(
                    "grey: this configuration takes images as they are; with -P side=8 it reduces them"
                )
        measured = _measure(config, shape, side, planes, grey)
        keep = _count_kept(ratio, count)
        _check_map(count, perplexity, iterations)
        _check_seed(seed)
        fraction = config.profile.perplexity.fraction
        target = math.floor(perplexity * 2.0**fraction + 0.5)
        method, chosen = Search.parse(search), Pick.parse(pick)
        if chosen is Pick.HERDING or (chosen is not Pick.CENTRE and not config.picks):
            known = "centre, medoid, hub and neighbour alone" if config.picks else "centre alone"
            hint = "" if config.picks or chosen is Pick.HERDING else "; with -P picks=1 also this one"
            raise UserError(f"pick {chosen}: configuration {config.name} has {known}{hint}")
        return cls(
            count=count, keep=keep, target=target, iterations=iterations, seed=seed,
            exaggerated=default_exaggerated(iterations), search=method, pick=chosen, **measured,
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """What a run is known by, for its record; of a reduction and a pick where there are any."""
        reduction = {"side": self.side, "grey": self.grey, "reduced": self.reduced}
        return (
            {"search": str(Search(self.search))}
            | ({"pick": str(Pick(self.pick))} if self.pick else {})
            | (reduction if self.side else {})
        )


@dataclass(frozen=True, kw_only=True)
class LeanSettings(BatchSettings):
    """Run-time settings of the samplers that look at reduced images, in the hardware's own integers.

    Parameters
    ----------
    pick : what of a group is kept, a :class:`nms.contract.settings.Pick`
    target : entropy of a row, raw, as are the settings below 0 without a map
    iterations : of the map
    exaggerated : number of exaggerated iterations, the first ones
    evaluations : of a row's search at most
    seed : 32-bit seed of the start positions
    threshold : near-duplicates are within this many 256ths of the squared norm of a profile; 0 removes none
    window : standing images that an image is compared with; 0 if none is removed
    across : whether those of the batches before count
    """

    pick: int = Pick.HERDING
    target: int = 0
    iterations: int = 0
    exaggerated: int = 0
    evaluations: int = 0
    seed: int = 1
    threshold: int = 0
    window: int = 0
    across: bool = False

    def describe(self) -> dict[str, Any]:
        """What a run is known by, for its record."""
        return {
            "pick": str(Pick(self.pick)), "side": self.side, "grey": self.grey, "reduced": self.reduced,
            "threshold": self.threshold, "window": self.window, "across": self.across,
        }  # fmt: skip

    @classmethod
    def make(
        cls,
        config: ReducedConfig,
        count: int,
        shape: tuple[int, ...],
        ratio: float = 0.3,
        perplexity: float = PERPLEXITY,
        iterations: int = LEAN_ITERATIONS,
        seed: int = 1,
        pick: str | None = None,
        side: int | None = None,
        planes: bool = False,
        grey: bool = False,
        evaluations: int = LEAN_EVALUATIONS,
        threshold: int = 0,
        window: int | None = None,
        across: bool = False,
    ) -> "LeanSettings":
        """Make settings from a user's units and check them against the limits of ``config``.

        Parameters
        ----------
        shape : of an image, ``(height, width)``, ``(height, width, channels)`` or, if ``planes``,
            ``(channels, height, width)``; ``(bytes,)`` for one that is taken as it is
        pick : ``herding`` by default, and the one pick of the method ``herding``
        side : side of the reduced images; the configuration's by default, 0 takes images as they are
        threshold : of near-duplicates, 1 to 255; 0 removes none
        window : standing images that an image is compared with; as many as there can be by default
        across : whether those of the batches before count

        Raises
        ------
        UserError
            A value is out of range; the message names the first one and its range.
        """
        _check_count(config, count)
        keep = _count_kept(ratio, count)
        chosen = Pick.parse(pick or "herding")
        if chosen is not Pick.HERDING and not isinstance(config, LeanConfig):
            raise UserError(f"pick {chosen}: configuration {config.name} has herding alone")
        _check_seed(seed)
        values = _measure(config, shape, side, planes, grey) | {"count": count, "keep": keep, "seed": seed}
        if chosen is not Pick.HERDING:
            _check_map(count, perplexity, iterations)
            if not 1 <= evaluations <= 15:
                raise UserError(f"evaluations {evaluations}: must be 1 to 15")
            values |= {
                "target": max(1, math.floor(math.log2(perplexity) * 2.0**LEAN.entropy.fraction + 0.5)),
                "iterations": iterations,
                "exaggerated": default_exaggerated(iterations),
                "evaluations": evaluations,
            }
        if threshold:
            values |= _check_removal(config, values, threshold, window) | {"across": across}
        return cls(pick=chosen, **values)


def _check_count(config: SamplerConfig, count: int) -> None:
    """``UserError`` unless a batch may have so many images."""
    if not 4 <= count <= config.images:
        raise UserError(f"count {count}: this configuration holds 4 to {config.images} images")


def _check_seed(seed: int) -> None:
    """``UserError`` unless a seed has 32 bits."""
    if not 0 <= seed < 1 << 32:
        raise UserError(f"seed {seed}: must be 0 to {(1 << 32) - 1}")


def _check_map(count: int, perplexity: float, iterations: int) -> None:
    """``UserError`` unless so many images can have such a map."""
    if not 1.0 < perplexity < count - 1:
        raise UserError(
            f"perplexity {perplexity:g}: must be above 1 and below {count - 1}, the number of others"
        )
    if not 0 <= iterations <= 65535:
        raise UserError(f"iterations {iterations}: must be 0 to 65535")


def _measure(
    config: SamplerConfig, shape: tuple[int, ...], side: int | None, planes: bool, grey: bool
) -> dict[str, Any]:
    """The settings of an image's size, checked."""
    pixels = math.prod(shape)
    if len(shape) == 1 and not side:
        if not 1 <= pixels <= config.pixels:
            hint = "" if config.side else "; with -P side=8 it reduces larger ones"
            raise UserError(
                f"pixels {pixels}: this configuration takes images of 1 to {config.pixels} bytes as they are"
                + hint
            )
        return {"pixels": pixels}
    if len(shape) == 1:
        raise UserError(f"side {side}: images of {pixels} bytes without height and width are not reduced")
    if len(shape) == 2:
        height, width, channels = *shape, 1
    else:
        channels, height, width = shape if planes else (shape[2], *shape[:2])
    side = config.side if side is None else side
    if side not in (0, 4, 8, 16, 32) or side > config.side:
        sides = [str(known) for known in (0, 4, 8, 16, 32) if known <= config.side]
        raise UserError(f"side {side}: must be one of {', '.join(sides)}")
    if channels not in (1, 3):
        raise UserError(f"channels {channels}: must be 1 or 3")
    for name, length in (("height", height), ("width", width)):
        if not 1 <= length <= SIDE_MAX:
            raise UserError(f"{name} {length}: must be 1 to {SIDE_MAX}")
    if grey and (channels == 1 or planes):
        raise UserError("grey: needs interleaved pixels of three bytes")
    settings = BatchSettings(0, pixels, 0, height, width, channels, planes=planes, grey=grey, side=side)
    if settings.reduced > config.pixels:
        raise UserError(
            f"side {side}: reduced images have {settings.reduced} bytes, more than {config.pixels}; with"
            f" -P pixels={settings.reduced} they fit"
        )
    return {
        "pixels": pixels, "height": height, "width": width, "channels": channels,
        "planes": planes, "grey": grey, "side": side,
    }  # fmt: skip


def _check_removal(
    config: ReducedConfig, values: dict[str, Any], threshold: int, window: int | None
) -> dict[str, int]:
    """The settings of the removal of near-duplicates, checked."""
    if not config.window:
        raise UserError(f"threshold {threshold}: configuration {config.name} removes no near-duplicates")
    if not 0 < threshold <= 255:
        raise UserError(f"threshold {threshold}: must be 0 to 255")
    window = config.window if window is None else window
    if not 1 <= window <= config.window:
        raise UserError(f"window {window}: must be 1 to {config.window} standing images")
    if not values.get("side"):
        raise UserError(f"threshold {threshold}: images that are taken as they are have no rows to compare")
    for name in ("height", "width"):
        if values[name] < 4:
            raise UserError(f"{name} {values[name]}: must be at least 4 to compare rows")
    return {"threshold": threshold, "window": window}


KINDS: dict[str, type[Settings | LeanSettings]] = {
    "desne": Settings, "herding": LeanSettings, "lean": LeanSettings,
}  # fmt: skip
"""The settings of a run of each method."""
