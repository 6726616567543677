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
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nms.contract import toml
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

    name: str = Field(
        "custom", pattern=r"^[a-z][a-z0-9_]*$", max_length=64, description="name of the configuration"
    )
    images: int = Field(ge=4, le=1024, description="largest batch, in images")
    pixels: int = Field(ge=1, le=65536, description="largest image, in bytes")
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


def _read_presets() -> dict[str, Config]:
    """The files of ``contract/presets`` by name, the smallest configuration first."""
    folder = resources.files("nms.contract") / "presets"
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml")]
    presets = [Config.model_validate(tomllib.loads(text), strict=True) for text in texts]
    return {one.name: one for one in sorted(presets, key=lambda one: (one.images * one.pixels, one.name))}


PRESETS: dict[str, Config] = _read_presets()


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word most like ``word`` or, if none is, all of them."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(known)


def is_file(source: str | Path) -> bool:
    """Whether ``source`` means a configuration file rather than a preset: a path, or ending in ``.toml``."""
    return isinstance(source, Path) or "/" in source or source.endswith(".toml")


def load(source: str | Path, overrides: Iterable[str] = ()) -> Config:
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
        if key not in values or key == "name":
            known = [known for known in values if known != "name"]
            raise UserError(f"-P {override!r}: no such key; {nearest(key, known)}")
        values[key] = value
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError(_explain(error)) from None


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file."""
    made = Config.model_json_schema()
    every = made.pop("required")
    preset = {"description": "preset that the file changes", "type": "string", "enum": [*PRESETS]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "NMS configuration",
        "description": "Every parameter of the sampler, or a preset and what differs from it.",
        "properties": {"preset": preset, **made["properties"]},
        "anyOf": [{"required": ["preset"]}, {"required": every}],
    }


def _find_preset(name: str) -> Config:
    if name not in PRESETS:
        raise UserError(f"preset {name!r} does not exist; {nearest(name, PRESETS)}")
    return PRESETS[name]


def _read_file(path: Path) -> Config:
    """The configuration of a file: its values, over those of the preset that it names."""
    values = toml.read(path)
    for key in values:
        if key not in Config.model_fields and key != "preset":
            known = nearest(key, ["preset", *Config.model_fields])
            raise UserError(f"{path}: key {key!r}: no such key; {known}")
    base: dict[str, Any] = {}
    if "preset" in values:
        name = values.pop("preset")
        if not isinstance(name, str) or name not in PRESETS:
            hint = nearest(name, PRESETS) if isinstance(name, str) else "must be the name of a preset"
            raise UserError(f"{path}: preset={reprlib.repr(name)}: no such preset; {hint}")
        base = PRESETS[name].model_dump(exclude={"name"})
    try:
        return Config.model_validate(base | values, strict=True)
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
