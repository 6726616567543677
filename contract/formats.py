# SPDX-License-Identifier: Apache-2.0
"""Fixed-point formats such as ``u6.38`` and ``s7.24``, and the two profiles made of them.

``uI.F`` is unsigned with I integer and F fraction bits; ``sI.F`` is two's complement, and its I integer bits
include the sign. A value is stored as its raw integer: value = raw * 2**-F.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Fixed:
    """A fixed-point format.

    Parameters
    ----------
    signed : whether two's complement
    integer : integer bits, including the sign
    fraction : fraction bits
    """

    signed: bool
    integer: int
    fraction: int

    @classmethod
    def parse(cls, text: str) -> "Fixed":
        """The format named ``text``, such as ``u6.38`` or ``s7.24``; ``ValueError`` if there is none."""
        match = re.fullmatch(r"([us])(\d+)\.(\d+)", text)
        if match is None:
            raise ValueError(f"format {text!r}: expected u or s, integer bits, a dot, fraction bits (u6.38)")
        return cls(match[1] == "s", int(match[2]), int(match[3]))

    @property
    def width(self) -> int:
        """Number of bits."""
        return self.integer + self.fraction

    @property
    def lsb(self) -> float:
        """The value of one unit in the last place."""
        return 2.0**-self.fraction

    @property
    def min(self) -> int:
        """Smallest raw integer."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """Largest raw integer."""
        return (1 << (self.width - 1)) - 1 if self.signed else (1 << self.width) - 1

    def __str__(self) -> str:
        return f"{'s' if self.signed else 'u'}{self.integer}.{self.fraction}"


@dataclass(frozen=True)
class Profile:
    """The formats of one arithmetic profile; each field is explained in ``contract.md``, section 2.

    The search uses the fields up to ``stop``, the embedding those from ``affinity`` on. Widths
    that follow from the number of images or pixels are in :attr:`nms.contract.config.Config.derived`.
    """

    name: str
    mantissa: Fixed  # beta2's mantissa M, in [1, 2)
    log_beta: Fixed  # u = log2(beta2 * 2^L), the searched variable
    exponent: Fixed  # z = beta2 * d
    cutoff: int  # z >= cutoff gives w = 0
    cordic: Fixed  # x, y and the angle of every CORDIC
    weight_last: int  # last CORDIC index of 2^-z in a processing element (PE)
    post_last: int  # last CORDIC index of log2 and 2^x in the fitness and differential-evolution (DE) units
    weight: Fixed  # w = 2^-z
    sums: Fixed  # S and T
    reciprocal: Fixed  # Newton's 1/m of the search
    reciprocal_seed: int  # index bits of its seed table
    reciprocal_steps: int
    entropy: Fixed  # log2 S, T/S and H2
    perplexity: Fixed  # Perp, target and fitness
    stop: int  # a fitness below this raw value solves the row
    affinity: Fixed  # p_j|i and P'
    position: Fixed  # Y, saturating
    velocity: Fixed  # V, saturating
    kernel: Fixed  # w = 1/(1 + |dy|^2)
    kernel_reciprocal: Fixed  # Newton's 1/m of the embedding
    kernel_seed: int
    kernel_steps: int


@dataclass(frozen=True)
class LeanProfile:
    """The formats of the lean sampler; each field is explained in ``contract.md``, before section 14."""

    mantissa: Fixed  # beta2's mantissa M, in [1, 2)
    log_beta: Fixed  # u = log2(beta2 * 2^L), the searched variable
    exponent: Fixed  # z = beta2 * d
    weight: Fixed  # w = 2^-z
    entropy: Fixed  # H = log2 S + T/S, and its target
    affinity: Fixed  # p_j|i and P'
    position: Fixed  # Y, saturating
    velocity: Fixed  # V, saturating
    kernel: Fixed  # w = 1/(1 + |dy|^2), as summed in Z


def _formats(**fields: str | int) -> dict[str, Fixed | int]:
    return {key: Fixed.parse(value) if isinstance(value, str) else value for key, value in fields.items()}


WIDE = Profile(
    name="wide",
    **_formats(  # type: ignore[arg-type]  # the helper returns a mixed dictionary
        mantissa="u1.44", log_beta="s7.44", exponent="u6.38", cutoff=50,
        cordic="s2.52", weight_last=40, post_last=46, weight="u1.48", sums="u10.48",
        reciprocal="u1.46", reciprocal_seed=8, reciprocal_steps=3,
        entropy="u4.46", perplexity="u10.42", stop=128,
        affinity="u1.28", position="s7.24", velocity="s3.24", kernel="u1.24",
        kernel_reciprocal="u1.26", kernel_seed=7, kernel_steps=2,
    ),
)  # fmt: skip

EDGE = Profile(
    name="edge",
    **_formats(  # type: ignore[arg-type]
        mantissa="u1.20", log_beta="s7.20", exponent="u5.16", cutoff=26,
        cordic="s2.27", weight_last=20, post_last=24, weight="u1.24", sums="u10.24",
        reciprocal="u1.23", reciprocal_seed=8, reciprocal_steps=2,
        entropy="u4.23", perplexity="u10.20", stop=128,
        affinity="u1.24", position="s7.20", velocity="s3.20", kernel="u1.20",
        kernel_reciprocal="u1.22", kernel_seed=5, kernel_steps=2,
    ),
)  # fmt: skip

LEAN = LeanProfile(
    **_formats(  # type: ignore[arg-type]  # the helper returns a mixed dictionary
        mantissa="u1.8", log_beta="s6.8", exponent="u4.6", weight="u1.8", entropy="u4.8", affinity="u1.16",
        position="s6.12", velocity="s3.12", kernel="u1.12",
    ),
)  # fmt: skip

PROFILES = {profile.name: profile for profile in (WIDE, EDGE)}
