# SPDX-License-Identifier: Apache-2.0
"""What is fixed when hardware is generated: one frozen, validated configuration, and the presets.

A configuration comes from a preset or from a TOML file, and single parameters can be changed::

    from nms.contract.config import load

    load("paper")
    load("paper", ["lanes=8", "bus_bits=128"])
    load("boards/mine.toml")

A file gives every parameter, or names in ``preset`` the one that it changes.
``name`` names the configuration; a file without it is called ``custom``.
The presets are such files, in ``contract/presets``.
"""

import difflib
import hashlib
import json
import re
import reprlib
import tomllib
from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nms.contract import toml
from nms.contract.derived import Derived, Sizes, derive
from nms.contract.errors import UserError
from nms.contract.formats import LEAN, PROFILES, LeanProfile, Profile
from nms.contract.readout import Phase

POPULATION = 32
"""Individuals of the differential evolution."""

GENERATION_CAP = 128
"""Generations after which a row is given up (status ``unconverged``)."""


MAPPED = (Phase.LOAD, Phase.DISTANCE, Phase.SEARCH, Phase.AFFINITY, Phase.EMBED, Phase.GRID)
"""The phases of a batch that is mapped, up to the grid."""


class SamplerConfig(BaseModel):
    """Generation-time parameters that every sampler has.

    Batch size, pixel count, ratio, perplexity, iterations and seed are run-time settings
    (:mod:`nms.contract.settings`) up to the maxima given here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    """Key of :data:`METHODS`."""

    name: str = Field(
        "custom", pattern=r"^[a-z][a-z0-9_]*$", max_length=64, description="name of the configuration"
    )
    images: int = Field(ge=4, le=1024, description="largest batch, in images")
    pixels: int = Field(ge=1, le=65536, description="largest image, in bytes")
    bus_bits: int = Field(
        default=64, ge=32, le=512, description="data bits of m_axi and m_axis, a power of two"
    )
    address_bits: Literal[32, 64] = Field(default=64, description="bits of an address on m_axi: 32 or 64")
    memory_parts: Literal[1, 2, 4, 8] = Field(
        4, description="parts of each memory of images and of pairs, of which an access wakes one"
    )
    side: int
    """Largest side of the grid to which images are reduced; 0: none are."""

    @field_validator("bus_bits")
    @classmethod
    def _check_bus(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("must be a power of two")
        return value

    @property
    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The phases of a batch, in order."""

    def has(self, methods: tuple[str, ...], key: str = "") -> bool:
        """Whether it has what those of ``methods`` have and, with ``key`` above 0, published ones."""
        return self.method in methods

    @property
    def derived(self) -> Sizes:
        """What follows from it."""
        return Sizes(self.images, self.pixels)

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name this configuration and its formats.

        Its name does not count, nor do keys with which there is nothing to add: a reduction and picks that
        it does not have, addresses of 64 bits, and memories of four parts.
        """
        values = self.model_dump(exclude={"name", "method"})
        plain = {"side": 0, "picks": 0, "address_bits": 64, "memory_parts": 4}
        values = {key: value for key, value in values.items() if value != plain.get(key)}
        if isinstance(self, Config | LeanConfig):
            values |= {"profile": asdict(self.profile)}
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def full_name(self) -> str:
        """A name that no other configuration has: a preset's own, of all others the name and the digest."""
        preset = PRESETS.get(self.name)
        return self.name if preset and preset.digest == self.digest else f"{self.name}-{self.digest}"


def _check_lanes(config: "Config | LeanConfig", *keys: str) -> None:
    """``ValueError`` unless the lanes are powers of two and no more than the images."""
    for key in keys:
        lanes = getattr(config, key)
        if lanes & (lanes - 1):
            raise ValueError(f"{key}={lanes}: must be a power of two")
        if lanes > config.images:
            raise ValueError(f"{key}={lanes}: must not exceed images={config.images}")


class Config(SamplerConfig):
    """Generation-time parameters of the published sampler, DE-SNE with a grid."""

    method: Literal["desne"] = Field("desne", description="method: desne, herding or lean")
    formats: Literal["wide", "edge"] = Field(description="number formats: wide or edge")
    pes: int = Field(ge=1, le=POPULATION, description="processing elements (PEs), a divisor of 32")
    lanes: int = Field(ge=1, le=64, description="pixels that a PE takes in a cycle")
    unroll: int = Field(ge=1, le=64, description="CORDIC rotations between two pipeline registers")
    contexts: int = Field(ge=1, le=16, description="rows searched in turn, to hide the latency")
    te_lanes: int = Field(
        ge=1, le=64, description="pairs that the embedding takes in a cycle, a power of two"
    )
    grid_lanes: int = Field(
        ge=1, le=64, description="comparisons of the grid sampler in a cycle, a power of two"
    )
    side: Literal[0, 4, 8, 16, 32] = Field(
        0, description="largest side of the grid to which images are reduced; 0: images are taken as they are"
    )
    picks: Literal[0, 1] = Field(0, description="1: also the picks medoid, hub and neighbour")

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if POPULATION % self.pes:
            raise ValueError(f"pes={self.pes}: must divide the population of {POPULATION}")
        _check_lanes(self, "te_lanes", "grid_lanes")
        return self

    def has(self, methods: tuple[str, ...], key: str = "") -> bool:
        """As of any configuration; keys are ``side`` and ``picks``."""
        return self.method in methods or (key != "" and getattr(self, key) > 0)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of a batch, in order."""
        return (*MAPPED, Phase.PICK, Phase.EMIT) if self.picks else (*MAPPED, Phase.EMIT)

    @property
    def profile(self) -> Profile:
        """The number formats."""
        return PROFILES[self.formats]

    @property
    def derived(self) -> Derived:
        """What follows from it: widths, iteration counts, latencies."""
        return derive(self)


class ReducedConfig(SamplerConfig):
    """Generation-time parameters of the samplers that look at reduced images."""

    pixels: int = Field(ge=1, le=3072, description="largest reduced image, in bytes")
    side: Literal[4, 8, 16, 32] = Field(description="largest side of the grid to which images are reduced")
    window: int = Field(
        default=16, ge=0, le=256, description="standing images that one is compared with; 0: none is removed"
    )


class HerdingConfig(ReducedConfig):
    """Generation-time parameters of the sampler that has herding alone."""

    method: Literal["herding"] = Field(description="method: desne, herding or lean")

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of a batch, in order."""
        return (Phase.LOAD, Phase.DISTANCE, Phase.PICK, Phase.EMIT)


class LeanConfig(ReducedConfig):
    """Generation-time parameters of the lean sampler: herding, and picks from a lean map."""

    method: Literal["lean"] = Field(description="method: desne, herding or lean")
    map_lanes: Literal[1, 2, 4] = Field(description="pairs that the map takes in a cycle: 1, 2 or 4")
    grid_lanes: int = Field(
        ge=1, le=64, description="comparisons of the grid sampler in a cycle, a power of two"
    )

    @model_validator(mode="after")
    def _check(self) -> "LeanConfig":
        _check_lanes(self, "grid_lanes")
        return self

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of a batch, in order."""
        return (*MAPPED, Phase.PICK, Phase.EMIT)

    @property
    def profile(self) -> LeanProfile:
        """The number formats."""
        return LEAN


def reduces(config: SamplerConfig) -> TypeGuard[Config | ReducedConfig]:
    """Whether ``config`` can look at reduced images."""
    return isinstance(config, ReducedConfig) or (isinstance(config, Config) and config.side > 0)


METHODS: dict[str, type[SamplerConfig]] = {"desne": Config, "herding": HerdingConfig, "lean": LeanConfig}
"""The class of configurations of each method."""


def make(values: dict[str, Any], strict: bool = False) -> SamplerConfig:
    """The configuration with these values, of the class of its ``method``, ``desne`` if none is given.

    Raises
    ------
    pydantic.ValidationError
        A value is missing, illegal or unknown.
    """
    return METHODS.get(values.get("method", "desne"), Config).model_validate(values, strict=strict)


def _read_presets() -> dict[str, SamplerConfig]:
    """The files of ``contract/presets`` by name, the smallest configuration first."""
    folder = resources.files("nms.contract") / "presets"
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml")]
    presets = [make(tomllib.loads(text), strict=True) for text in texts]
    return {one.name: one for one in sorted(presets, key=lambda one: (one.images * one.pixels, one.name))}


PRESETS: dict[str, SamplerConfig] = _read_presets()


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word most like ``word`` or, if none is, all of them."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(known)


def is_file(source: str | Path) -> bool:
    """Whether ``source`` means a configuration file rather than a preset: a path, or ending in ``.toml``."""
    return isinstance(source, Path) or "/" in source or source.endswith(".toml")


def load(source: str | Path, overrides: Iterable[str] = ()) -> SamplerConfig:
    """A preset or a configuration file, with ``key=value`` overrides applied.

    Parameters
    ----------
    source : the name of a preset, or the path of a TOML file (:func:`is_file`)
    overrides : parameters to change, each as ``"lanes=8"``

    Raises
    ------
    UserError
        Unknown preset or key (with the nearest spelling), an illegal value (named), or a file that
        cannot be read, is not TOML (with the line) or lacks a key.
    """
    base = _read_file(Path(source)) if is_file(source) else _find_preset(str(source))
    values: dict[str, Any] = base.model_dump()
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"-P {override!r}: expected key=value")
        known = [known for known in values if known not in ("name", "method")]
        if key not in known:
            raise UserError(f"-P {override!r}: no such key; {nearest(key, known)}")
        values[key] = int(value) if value.isdecimal() else value
    try:
        return make(values)
    except ValidationError as error:
        raise UserError(_explain(error)) from None


def load_published(source: str | Path, overrides: Iterable[str] = ()) -> Config:
    """As :func:`load`, for what knows the published method alone.

    Raises
    ------
    UserError
        As of :func:`load`; the configuration is of another method.
    """
    config = load(source, overrides)
    if not isinstance(config, Config):
        raise UserError(f"configuration {config.name}: must be one of the published method, such as tiny")
    return config


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "NMS configuration",
        "description": "Every parameter of a sampler, or a preset and what differs from it.",
        "oneOf": [_describe(kind) for kind in METHODS.values()],
    }


def _describe(kind: type[SamplerConfig]) -> dict[str, Any]:
    """The JSON schema of the files of one method."""
    made = kind.model_json_schema()
    every = made.pop("required")
    names = [name for name, preset in PRESETS.items() if type(preset) is kind]
    preset = {"description": "preset that the file changes", "type": "string", "enum": names}
    return {
        **made,
        "properties": {"preset": preset, **made["properties"]},
        "anyOf": [{"required": ["preset"]}, {"required": every}],
    }


def _find_preset(name: str) -> SamplerConfig:
    if name not in PRESETS:
        raise UserError(f"preset {name!r} does not exist; {nearest(name, PRESETS)}")
    return PRESETS[name]


def _read_file(path: Path) -> SamplerConfig:
    """The configuration of a file: its values, over those of the preset that it names."""
    values = toml.read(path)
    base: dict[str, Any] = {}
    if "preset" in values:
        name = values.pop("preset")
        if not isinstance(name, str) or name not in PRESETS:
            hint = nearest(name, PRESETS) if isinstance(name, str) else "must be the name of a preset"
            raise UserError(f"{path}: preset={reprlib.repr(name)}: no such preset; {hint}")
        base = PRESETS[name].model_dump(exclude={"name"})
        if values.get("method", base["method"]) != base["method"]:
            wrong = reprlib.repr(values["method"])
            raise UserError(f"{path}: method={wrong}: preset {name!r} is of method {base['method']!r}")
    method = values.get("method", base.get("method", "desne"))
    if method not in METHODS:
        raise UserError(f"{path}: method={reprlib.repr(method)}: must be one of {', '.join(METHODS)}")
    known = METHODS[method].model_fields
    for key in values:
        if key not in known:
            raise UserError(f"{path}: key {key!r}: no such key; {nearest(key, ['preset', *known])}")
    try:
        return make(base | values, strict=True)
    except ValidationError as error:
        raise UserError(f"{path}: {_explain(error, reprlib.repr)}") from None


def _explain(error: ValidationError, show: Callable[[Any], str] = str) -> str:
    """The first complaint of pydantic in the words of the command line: key, value, what would be right."""
    first = min(
        error.errors(), key=lambda one: one["type"] == "missing"
    )  # a wrong value before a missing one
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"key {where!r}: missing; give every key, or in 'preset' the preset to start from"
    message = re.sub(r"^(Input|String) should", "must", first["msg"].removeprefix("Value error, "))
    return f"{where}={show(first['input'])}: {message}" if where else message
