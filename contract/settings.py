# SPDX-License-Identifier: Apache-2.0
"""Run-time settings: batch size, pixels, images to keep, perplexity, iterations, seed, search method."""

import math
from dataclasses import dataclass
from enum import IntEnum

from nms.contract.config import Config
from nms.contract.errors import UserError


class Search(IntEnum):
    """Methods of the search for beta (``contract.md``, section 9)."""

    DE_RAND1 = 0  # differential evolution DE/rand/1, as published
    DE_BEST1 = 1  # DE/best/1, restarted when the population collapses
    SECTION = 2  # 33-section of log2 beta
    WINDOW = 3  # half octaves, then windows centred on the secant

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")

    @classmethod
    def parse(cls, name: str) -> "Search":
        """The method called ``name``, such as ``de-rand1``.

        Raises
        ------
        UserError
            There is no such method.
        """
        for method in cls:
            if str(method) == name:
                return method
        raise UserError(f"search {name!r}: must be one of {', '.join(map(str, cls))}")


def default_exaggerated(iterations: int) -> int:
    """How many iterations are exaggerated by default: a quarter (floor), at most 12.

    If the perplexity is a large part of N, doubled attraction shrinks the map by up to sqrt(1/2) an
    iteration. After 12 iterations the map still spans 2^17 steps of a Y with 24 fraction bits; after 75 it
    may have vanished. More than 12 do not improve the map.
    """
    return min(iterations // 4, 12)


@dataclass(frozen=True)
class Settings:
    """Run-time settings of the sampler, in the hardware's own integers.

    Parameters
    ----------
    count : N, images in the batch
    pixels : bytes of an image
    keep : K, indices to keep
    target : perplexity, raw in the profile's perplexity format
    iterations : gradient iterations
    seed : 32-bit seed of every random number
    exaggerated : number of exaggerated iterations, the first ones
    search : method of the search for beta, a :class:`nms.contract.settings.Search`
    """

    count: int
    pixels: int
    keep: int
    target: int
    iterations: int
    seed: int
    exaggerated: int
    search: int = Search.DE_RAND1

    @classmethod
    def make(
        cls,
        config: Config,
        count: int,
        pixels: int,
        ratio: float = 0.3,
        perplexity: float = 15.0,
        iterations: int = 300,
        seed: int = 1,
        search: str = "de-rand1",
    ) -> "Settings":
        """Make settings from a user's units and check them against the limits of ``config``.

        ``keep = floor(ratio * count + 1/2)``; ``target = floor(perplexity * 2**F + 1/2)``, F the fraction
        bits of the perplexity; :func:`nms.contract.settings.default_exaggerated` iterations are exaggerated.

        Raises
        ------
        UserError
            A value is out of range; the message names the first one and its range.
        """
        if not 4 <= count <= config.images:
            raise UserError(f"count {count}: this configuration holds 4 to {config.images} images")
        if not 1 <= pixels <= config.pixels:
            raise UserError(f"pixels {pixels}: this configuration holds images of 1 to {config.pixels} bytes")
        if not 0.0 < ratio <= 1.0:
            raise UserError(f"ratio {ratio:g}: must be above 0 and at most 1")
        keep = math.floor(ratio * count + 0.5)
        if keep < 1:
            raise UserError(
                f"ratio {ratio:g}: keeps none of {count} images; at least {0.5 / count:g} keeps one"
            )
        if not 1.0 < perplexity < count - 1:
            raise UserError(
                f"perplexity {perplexity:g}: must be above 1 and below {count - 1}, the number of others"
            )
        if not 0 <= iterations <= 65535:
            raise UserError(f"iterations {iterations}: must be 0 to 65535")
        if not 0 <= seed < 1 << 32:
            raise UserError(f"seed {seed}: must be 0 to {(1 << 32) - 1}")
        fraction = config.profile.perplexity.fraction
        target = math.floor(perplexity * 2.0**fraction + 0.5)
        method = Search.parse(search)
        return cls(count, pixels, keep, target, iterations, seed, default_exaggerated(iterations), method)
