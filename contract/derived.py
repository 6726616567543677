# SPDX-License-Identifier: Apache-2.0
"""What follows from a configuration: widths, iteration counts, latencies.

Both sides read these instead of computing them again; what each means is in ``contract.md``.
"""

from functools import cache, cached_property
from typing import TYPE_CHECKING

from nms.contract.formats import Fixed

if TYPE_CHECKING:
    from nms.contract.config import Config

LOG_BETA_LOW = -8
"""Lower end of u = log2(beta2 * 2^L); real rows need 1 and more, rows just below N-1 neighbours need less."""


def cordic_indices(last: int) -> list[int]:
    """Shift indices of the hyperbolic CORDIC up to ``last``; 4, 13 and 40 below it occur twice.

    A hyperbolic CORDIC converges only if the angles left can undo the current one; doubling index 4,
    13, 40, ... (3k + 1) makes up for atanh(2^-i) not halving exactly.
    """
    return [i for i in range(1, last + 1) for _ in range(2 if i in (4, 13, 40) and i < last else 1)]


class Sizes:
    """Widths that follow from the largest batch; read as :attr:`nms.contract.config.SamplerConfig.derived`.

    Parameters
    ----------
    images : largest batch
    pixels : bytes of the largest image whose distances are taken
    """

    def __init__(self, images: int, pixels: int) -> None:
        self.images, self.pixels = images, pixels

    @property
    def distance_width(self) -> int:
        """DW: bits of a squared distance, ``bitlen(pixels * 255**2)``."""
        return (self.pixels * 255**2).bit_length()

    @property
    def index_width(self) -> int:
        """Bits of an image index."""
        return (self.images - 1).bit_length()

    @property
    def count_width(self) -> int:
        """Bits of N, K and of a number of points."""
        return self.images.bit_length()

    @property
    def scale_width(self) -> int:
        """Bits of L, 0 to DW."""
        return self.distance_width.bit_length()

    @property
    def grid_side(self) -> int:
        """Largest G: smallest integer with G^2 >= 2 * images."""
        side = 0
        while side * side < 2 * self.images:
            side += 1
        return side

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(group, name, value, unit) of everything derived, for ``nms show``."""
        return [
            ("widths", "distance", str(self.distance_width), "bits"),
            ("widths", "image index", str(self.index_width), "bits"),
        ]


@cache
def derive(config: "Config") -> "Derived":
    """The values that follow from ``config``, one object for equal configurations."""
    return Derived(config)


class Derived(Sizes):
    """Derived values of ``config``; read as :attr:`nms.contract.config.Config.derived`."""

    def __init__(self, config: "Config") -> None:
        super().__init__(config.images, config.pixels)
        self.config = config
        self.profile = config.profile

    @property
    def log_beta_high(self) -> int:
        """HI, the exclusive upper end of u: a nearest gap of one unit at full scale still resolves."""
        return self.distance_width + 6

    @property
    def octaves(self) -> int:
        """W = HI - LO."""
        return self.log_beta_high - LOG_BETA_LOW

    @cached_property
    def weight_indices(self) -> list[int]:
        """CORDIC indices of 2^-z in a PE."""
        return cordic_indices(self.profile.weight_last)

    @cached_property
    def post_indices(self) -> list[int]:
        """CORDIC indices of log2 and 2^x in the fitness and DE units."""
        return cordic_indices(self.profile.post_last)

    @property
    def words(self) -> int:
        """Words of ``lanes`` pixels in the largest image."""
        return -(-self.config.pixels // self.config.lanes)

    @property
    def force(self) -> Fixed:
        """Attraction, repulsion and gradient: below N/2 in magnitude since w|d| <= 1/2; one bit spare."""
        return Fixed(True, (self.config.images // 2).bit_length() + 2, self.profile.position.fraction)

    @property
    def normaliser(self) -> Fixed:
        """Z = sum of N(N-1) kernels."""
        images = self.config.images
        return Fixed(False, (images * (images - 1)).bit_length(), self.profile.kernel.fraction)

    @property
    def row_sum(self) -> Fixed:
        """R_i = sum_j P'_ij, at most (1 + N - 1)/2 and rounding."""
        return Fixed(False, self.config.images.bit_length(), self.profile.affinity.fraction)

    def cordic_latency(self, rotations: int) -> int:
        """Cycles from a CORDIC's input to its output: one register for each ``unroll`` rotations."""
        return -(-rotations // self.config.unroll)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(group, name, value, unit) of everything derived, for ``nms show``."""
        widths = [
            ("widths", "u = log2(beta2 2^L)", f"{LOG_BETA_LOW} to {self.log_beta_high}", "octaves"),
            ("widths", "force", str(self.force), ""),
            ("widths", "Z", str(self.normaliser), ""),
            ("widths", "row sum of P'", str(self.row_sum), ""),
        ]
        counts = [
            ("cordic", "rotations of 2^-z", str(len(self.weight_indices)), ""),
            ("cordic", "rotations of log2, 2^x", str(len(self.post_indices)), ""),
            ("cordic", "latency of 2^-z", str(self.cordic_latency(len(self.weight_indices))), "cycles"),
            ("cordic", "latency of log2, 2^x", str(self.cordic_latency(len(self.post_indices))), "cycles"),
        ]
        return super().rows() + widths + counts
