# SPDX-License-Identifier: Apache-2.0
"""What travels between the blocks: payload layouts of the streams, made from a configuration."""

from amaranth import signed, unsigned
from amaranth.lib.data import StructLayout

from nms.contract.config import Config, LeanConfig, SamplerConfig

EXPONENT = signed(7)
"""q of beta2 = M * 2^(q-L)."""

GENERATIONS = unsigned(8)
STATUS = unsigned(2)
SHIFT = unsigned(4)
"""e of 1/S = y * 2^-e."""


def make_point(config: Config | LeanConfig) -> StructLayout:
    """A raw position."""
    position = signed(config.profile.position.width)
    return StructLayout({"x": position, "y": position})


def make_kept(config: SamplerConfig) -> StructLayout:
    """A kept index, ascending; ``last`` with the last of the batch."""
    return StructLayout({"index": config.derived.index_width, "last": 1})


class Payloads:
    """Payload layouts; formats are the profile's raw integers."""

    def __init__(self, config: Config) -> None:
        derived, profile = config.derived, config.profile
        row, count = derived.index_width, derived.count_width

        self.pixels = unsigned(8 * config.lanes)
        """``lanes`` consecutive pixels, the first in the low byte; an image's last word padded with 0."""
        self.fetched = StructLayout({"data": self.pixels, "index": row, "last": 1})
        """A word of image ``index`` out of the image memory; ``last`` with the last of the image."""
        self.row = StructLayout(
            {
                "row": row,
                "minimum": derived.distance_width,
                "scale": derived.scale_width,
                "ties": count,
            }
        )
        """What a scan of row i found."""
        self.scale = StructLayout({"minimum": derived.distance_width, "scale": derived.scale_width})
        """min_i and L_i of a row, by which its distances are normalised."""
        self.task = StructLayout({"row": row, "ties": count, "state": 64})
        """A row to search, with the start state of its random numbers."""
        self.trial = StructLayout({"row": row, "mantissa": profile.mantissa.width, "exponent": EXPONENT})
        """One candidate beta2 of a row."""
        self.sums = StructLayout({"s": profile.sums.width, "t": profile.sums.width})
        """S and T of one candidate, in the order of the trials."""
        self.score = StructLayout(
            {"perplexity": profile.perplexity.width, "reciprocal": profile.reciprocal.width, "shift": SHIFT}
        )
        """Perp and 1/S = reciprocal * 2^-shift."""
        self.result = StructLayout(
            {
                "row": row,
                "status": STATUS,
                "mantissa": profile.mantissa.width,
                "exponent": EXPONENT,
                "perplexity": profile.perplexity.width,
                "generations": GENERATIONS,
                "reciprocal": profile.reciprocal.width,
                "shift": SHIFT,
            }
        )
        """How the search of a row ended."""
        self.query = StructLayout(
            {"row": row, "mantissa": profile.mantissa.width, "exponent": EXPONENT, "ties_only": 1}
        )
        """A row whose weights are wanted; ``ties_only``: 1 at the minimum, 0 elsewhere."""
        self.weight = unsigned(profile.weight.width)
        self.scaling = StructLayout({"row": row, "reciprocal": profile.reciprocal.width, "shift": SHIFT})
        """1/S of a row whose weights follow."""
        self.pair = StructLayout({"row": row, "column": row})
        """An element of a matrix."""
        self.distance = unsigned(derived.distance_width)
        self.affinity = unsigned(profile.affinity.width)
        self.index = unsigned(row)
        self.point = make_point(config)
        self.kept = make_kept(config)
