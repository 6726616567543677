# SPDX-License-Identifier: Apache-2.0
"""What a simulated run of the hardware moved, out of its ``results.json``."""

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nms.contract.errors import UserError
from nms.contract.registers import BYTES

GROWING = ("load", "distance", "emit")
"""Phases whose work is in proportion to the bytes of an image."""


class _Traffic(BaseModel):
    counters: dict[str, int]
    monitors: dict[str, int]


class _Configuration(BaseModel):
    name: str
    pixels: int


class Counted(BaseModel):
    """One batch through the hardware in simulation: its size, and the bytes that crossed the data buses."""

    model_config = ConfigDict(frozen=True)

    command: str
    digest: str
    configuration: _Configuration
    level: Literal["rtl"]
    search: str
    count: int = Field(gt=0)
    pixels: int = Field(gt=0)
    kept: int = Field(gt=0)
    cycles: dict[str, int]
    mismatches: Literal[0]
    traffic: _Traffic

    @property
    def sweeps(self) -> float:
        """Bytes read over the bytes of the batch: how often each image is read, padding included."""
        return self.traffic.counters["bytes_read"] / (self.count * self.pixels)

    @property
    def ratio(self) -> float:
        """Bytes sent over the bytes of the batch: the fraction that leaves the package."""
        return self.traffic.counters["bytes_sent"] / (self.count * self.pixels)

    @property
    def cycles_each(self) -> float:
        """Cycles of the batch for each of its images, phase after phase."""
        return sum(self.cycles.values()) / self.count

    @property
    def written(self) -> float:
        """Bytes of results written to memory, for each image of the batch."""
        return self.traffic.counters["bytes_written"] / self.count


def read(directory: Path) -> Counted:
    """The counts of the run in ``directory``.

    Raises
    ------
    UserError
        There is no such file, it is not of a run at level rtl through the AXI buses whose values all
        agreed with the model, or counters and monitors disagree.
    """
    path = directory / "results.json"
    try:
        run = Counted.model_validate(json.loads(path.read_text()))
    except OSError as error:
        raise UserError(f"run {str(directory)!r}: {path.name}: {error.strerror}") from None
    except ValueError as error:
        wanted = "must be of `nms run --level rtl --bus axi` with no mismatch"
        raise UserError(f"run {str(directory)!r}: {_reason(error)}; {wanted}") from None
    for name in BYTES:
        counter, monitor = run.traffic.counters.get(name), run.traffic.monitors.get(name)
        if counter is None or counter != monitor:
            told = f"the counter has {counter}, the monitor {monitor}"
            raise UserError(f"run {str(directory)!r}: {name}: {told}; must be equal")
    return run


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return "not JSON"
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where} is missing" if first["type"] == "missing" else f"{where} is {first['input']!r}"


class Own(BaseModel):
    """The sampler's own energy, in joule: for an image, and of the whole batch by phase."""

    model_config = ConfigDict(frozen=True)

    joule: float = Field(ge=0, allow_inf_nan=False)
    joule_per_image: float = Field(ge=0, allow_inf_nan=False)
    phases: dict[str, float]

    def sized(self, ratio: float) -> float:
        """Joule for an image ``ratio`` times as large.

        Images are loaded, compared and sent byte by byte: these phases grow with the image, the
        others see distances only.
        """
        growing = sum(self.phases[name] for name in GROWING)
        return self.joule_per_image * (1 + (ratio - 1) * growing / self.joule)


class _Energy(BaseModel):
    digest: str
    search: str
    sampler: Own


def own_energy(directory: Path, run: Counted) -> Own | None:
    """The sampler's own energy, from the run's ``energy.json``; ``None`` without one.

    Raises
    ------
    UserError
        The file has no such numbers, or is of another configuration or search than the run.
    """
    path = directory / "energy.json"
    if not path.is_file():
        return None
    try:
        found = _Energy.model_validate(json.loads(path.read_text()))
    except ValueError as error:
        raise UserError(f"{path}: {_reason(error)}; must be of nms energy -c") from None
    for name in ("digest", "search"):
        mine, other = getattr(found, name), getattr(run, name)
        if mine != other:
            raise UserError(f"{path}: {name} {mine}, but of the run {other}")
    return found.sampler
