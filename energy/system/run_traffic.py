# SPDX-License-Identifier: Apache-2.0
"""Read what a simulated run moved (``results.json``), and what the sampler itself spent (``energy.json``)."""

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nms.contract.errors import UserError
from nms.contract.registers import BYTES
from nms.energy.system.dram import Commands


class _Traffic(BaseModel):
    counters: dict[str, int]
    monitors: dict[str, int]


class DramCounts(BaseModel):
    """The commands that a simulated DRAM was given, by phase; those of ``idle`` are not the sampler's."""

    model_config = ConfigDict(frozen=True)

    module: str
    kind: str
    pins: int = Field(gt=0)
    clock_hz: float = Field(gt=0)
    commands: dict[str, dict[str, int]]

    def sum_up(self) -> Commands:
        """The commands of the batch, and the time of the phases in which any bytes were moved."""
        phases = [counts for phase, counts in self.commands.items() if phase != "idle"]
        moved = [counts for counts in phases if counts["read"] + counts["write"]]
        names = ("activate", "read", "write", "refresh")
        counted = {name: sum(counts[name] for counts in moved) for name in names}
        return Commands(**counted, seconds=sum(counts["cycles"] for counts in moved) / self.clock_hz)


class _Configuration(BaseModel):
    name: str
    pixels: int
    method: str = "desne"
    side: int = 0
    bus_bits: int = 64


class _Job(BaseModel):
    """What a run and its energy must have in common."""

    model_config = ConfigDict(frozen=True)

    digest: str
    search: str = ""
    pick: str = ""
    side: int = 0
    grey: bool = False
    pixels: int = Field(gt=0)


class RunTraffic(_Job):
    """One batch in the simulated hardware: its size, and the bytes that crossed the data buses."""

    command: str
    configuration: _Configuration
    level: Literal["rtl"]
    count: int = Field(gt=0)
    kept: int = Field(gt=0)
    cycles: dict[str, int]
    mismatches: Literal[0]
    traffic: _Traffic
    dram: DramCounts | None = None

    @property
    def method(self) -> str:
        """What tells the run from others: its search, or what a lean sampler picks."""
        return self.search or self.pick

    def holds(self, image_bytes: int) -> bool:
        """Whether the simulated configuration takes images of ``image_bytes``: as they are, or reduced."""
        return self.side > 0 or image_bytes <= self.configuration.pixels

    @property
    def sweeps(self) -> float:
        """How often each image is read to be sampled: bytes, padding included, over those of the batch.

        A sampler that keeps no images reads the kept ones again to send them. That is no part of it: it is
        the fetch of the kept images, which is charged to the board.
        """
        holds_images = self.configuration.method == "desne" and not self.configuration.side
        again = 0 if holds_images else self.kept * -(-self.pixels // self.beat)
        return (self.traffic.counters["bytes_read"] - again * self.beat) / (self.count * self.pixels)

    @property
    def beat(self) -> int:
        """Bytes of a beat of the data bus."""
        return self.configuration.bus_bits // 8

    def rate(self, clock: float) -> float:
        """Bytes that it reads in a second while it loads a batch, at a clock in hertz."""
        return self.count * self.pixels / self.cycles["load"] * clock

    @property
    def ratio(self) -> float:
        """The fraction that leaves the package: bytes sent over the bytes of the batch."""
        return self.traffic.counters["bytes_sent"] / (self.count * self.pixels)

    @property
    def cycles_each(self) -> float:
        """Cycles of the batch, all phases, over its images."""
        return sum(self.cycles.values()) / self.count

    @property
    def written(self) -> float:
        """Bytes of results written to memory over the images of the batch."""
        return self.traffic.counters["bytes_written"] / self.count


def read_run(directory: Path) -> RunTraffic:
    """The counts of the run in ``directory``.

    Raises
    ------
    UserError
        There is no such file; it is not of a run at level rtl through the AXI buses in which all values
        matched the model; or the hardware's counters and the passive monitors disagree.
    """
    path = directory / "results.json"
    try:
        run = RunTraffic.model_validate(json.loads(path.read_text()))
    except OSError as error:
        raise UserError(f"run {str(directory)!r}: {path.name}: {error.strerror}") from None
    except ValueError as error:
        wanted = "must be written by `nms run --level rtl --bus axi` with no mismatch"
        raise UserError(f"run {str(directory)!r}: {_explain(error)}; {wanted}") from None
    for name in BYTES:
        counter, monitor = run.traffic.counters.get(name), run.traffic.monitors.get(name)
        if counter is None or counter != monitor:
            told = f"the counter has {counter}, the monitor {monitor}"
            raise UserError(f"run {str(directory)!r}: {name}: {told}; must be equal")
    return run


def _explain(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return "not JSON"
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where} is missing" if first["type"] == "missing" else f"{where} is {first['input']!r}"


class OwnEnergy(BaseModel):
    """The sampler's own energy in joules: of the batch, for an image, and of the batch by phase.

    ``growing`` are the phases whose work grows in proportion to the bytes of an image.
    """

    model_config = ConfigDict(frozen=True)

    joule: float = Field(ge=0, allow_inf_nan=False)
    joule_per_image: float = Field(ge=0, allow_inf_nan=False)
    phases: dict[str, float]
    growing: list[str]

    def scale_to(self, ratio: float) -> float:
        """Joules for an image ``ratio`` times as large.

        Phases that work byte by byte grow with the image, and the others do not: e (1 + (ratio - 1)
        E_growing / E).
        """
        growing = sum(self.phases[name] for name in self.growing)
        return self.joule_per_image * (1 + (ratio - 1) * growing / self.joule)


class _Energy(_Job):
    sampler: OwnEnergy


def read_own_energy(directory: Path, run: RunTraffic) -> OwnEnergy | None:
    """The sampler's own energy from the run's ``energy.json``; ``None`` if there is no such file.

    Raises
    ------
    UserError
        The file lacks these numbers, or belongs to another configuration, other settings or images of another
        size than the run.
    """
    path = directory / "energy.json"
    if not path.is_file():
        return None
    try:
        found = _Energy.model_validate(json.loads(path.read_text()))
    except ValueError as error:
        raise UserError(f"{path}: {_explain(error)}; must be written by `nms energy sampler`") from None
    for name in _Job.model_fields:
        mine, other = getattr(found, name), getattr(run, name)
        if mine != other:
            raise UserError(f"{path}: {name} is {mine}; must be that of the run, {other}")
    return found.sampler
