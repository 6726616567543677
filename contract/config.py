# SPDX-License-Identifier: Apache-2.0
"""What is fixed when hardware is generated: one frozen, validated configuration, and the presets."""

import difflib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nms.contract.derived import Derived, derive
from nms.contract.errors import UserError
from nms.contract.formats import PROFILES, Profile

POPULATION = 32
"""Individuals of the differential evolution."""

GENERATION_CAP = 128
"""Generations after which a row is given up (status ``unconverged``)."""


class Config(BaseModel):
    """Generation-time parameters of the sampler.

    Batch size, pixel count, ratio, perplexity, iterations and seed are run-time settings
    (:class:`nms.contract.settings.Settings`) up to the maxima given here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("custom", pattern=r"^[a-z][a-z0-9_]*$", description="preset it started from")
    images: int = Field(ge=4, le=1024, description="largest batch, images")
    pixels: int = Field(ge=1, le=65536, description="largest image, bytes")
    formats: Literal["wide", "edge"] = Field(description="arithmetic profile")
    pes: int = Field(ge=1, le=POPULATION, description="processing elements; a divisor of 32")
    lanes: int = Field(ge=1, le=64, description="pixels a PE takes in one cycle")
    unroll: int = Field(ge=1, le=64, description="CORDIC rotations between two pipeline registers")
    contexts: int = Field(ge=1, le=16, description="rows searched in turn, to hide the latency")
    te_lanes: int = Field(ge=1, le=64, description="pairs of the update array in a cycle, a power of two")
    grid_lanes: int = Field(
        ge=1, le=64, description="comparisons of the grid sampler in a cycle, a power of two"
    )
    bus_bits: int = Field(
        default=64, ge=64, le=512, description="data bits of m_axi and m_axis, a power of two"
    )

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if POPULATION % self.pes:
            raise ValueError(f"pes={self.pes}: must divide the population of {POPULATION}")
        for key in ("te_lanes", "grid_lanes"):
            lanes = getattr(self, key)
            if lanes & (lanes - 1):
                raise ValueError(f"{key}={lanes}: must be a power of two")
            if lanes > self.images:
                raise ValueError(f"{key}={lanes}: must not exceed images={self.images}")
        if self.bus_bits & (self.bus_bits - 1):
            raise ValueError(f"bus_bits={self.bus_bits}: must be a power of two")
        return self

    @property
    def profile(self) -> Profile:
        """The number formats."""
        return PROFILES[self.formats]

    @property
    def derived(self) -> Derived:
        """What follows from it: widths, iteration counts, latencies."""
        return derive(self)

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name this configuration and its formats; its name does not count."""
        values = self.model_dump(exclude={"name"}) | {"profile": asdict(self.profile)}
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


PRESETS: dict[str, Config] = {
    config.name: config
    for config in (
        Config(name="tiny", images=16, pixels=64, formats="edge", pes=4, lanes=1,
               unroll=2, contexts=2, te_lanes=4, grid_lanes=2),
        Config(name="paper", images=64, pixels=3072, formats="wide", pes=32, lanes=4,
               unroll=2, contexts=6, te_lanes=16, grid_lanes=8),
        Config(name="edge", images=64, pixels=3072, formats="edge", pes=32, lanes=4,
               unroll=2, contexts=6, te_lanes=16, grid_lanes=8),
        Config(name="large", images=256, pixels=3072, formats="wide", pes=32, lanes=16,
               unroll=2, contexts=4, te_lanes=16, grid_lanes=16),
    )
}  # fmt: skip


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word most like ``word`` or, if none is, all of them."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(known)


def load(preset: str, overrides: Iterable[str] = ()) -> Config:
    """The preset with ``key=value`` overrides applied.

    Raises
    ------
    UserError
        Unknown preset or key (with the nearest spelling), or an illegal value (named).
    """
    if preset not in PRESETS:
        raise UserError(f"preset {preset!r} does not exist; {nearest(preset, PRESETS)}")
    values: dict[str, Any] = PRESETS[preset].model_dump()
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"-P {override!r}: expected key=value")
        if key not in values or key == "name":
            known = [known for known in values if known != "name"]
            raise UserError(f"-P {override!r}: no such key; {nearest(key, known)}")
        values[key] = value
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{where}={first['input']}: {message}" if where else message) from None
