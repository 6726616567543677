# SPDX-License-Identifier: Apache-2.0
"""Load the results that ``nms run`` wrote to a directory, and check them."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from nms.contract import provenance
from nms.contract.config import Config, ReducedConfig, SamplerConfig, make
from nms.contract.errors import UserError
from nms.contract.readout import Phase
from nms.contract.registers import BYTES
from nms.contract.settings import LeanSettings, Pick, Settings
from nms.contract.tables import KINDS, Status
from nms.datasets.images import find_stored_shape


class _Section(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Input(_Section):
    """The origin of the images."""

    name: str
    count: int
    shape: tuple[int, int, int]
    planar: bool
    sha256: str
    classes: dict[str, str] = {}

    def name_class(self, number: int) -> str:
        """The name of a class."""
        return self.classes.get(str(number), str(number))


class Comparison(_Section):
    """Comparison of one table of the hardware with the bit-true model."""

    compared: int
    mismatches: int


class Search(_Section):
    """The target perplexity; the other figures are recomputed from the tables."""

    target: float


class Library(_Section):
    """A cell library."""

    name: str
    node_nm: float


class Block(_Section):
    """Joules of one kind of block, by phase and part."""

    phases: dict[str, dict[str, float]]


class Sampler(_Section):
    """Sums over all blocks."""

    joule: float
    joule_per_image: float
    joule_per_kept_image: float
    watt: float
    gops_per_watt: float


class Energy(_Section):
    """The part of ``energy.json`` that the page needs; energies are in joules."""

    command: str
    digest: str
    library: Library
    voltage_V: float
    frequency_Hz: float
    wire_F_per_input: float
    cycles: dict[str, int]
    blocks: dict[str, Block]
    sampler: Sampler
    per_operation: dict[str, float | None]


class Figures(_Section):
    """The part of ``results.json`` that the page needs.

    Figures that only hardware has are empty without it, as are those of a map, and of reduced images.
    ``traffic`` has bytes by who counted them and by counter. ``standing`` counts where near-duplicates are
    left out.
    """

    command: str
    configuration: SamplerConfig
    digest: str
    seed: int
    level: str
    count: int
    pixels: int
    kept: int
    input: Input
    perplexity: Search | None = None
    iterations: int = 0
    search: str = ""
    evaluations: int = 0
    pick: str = ""
    side: int = 0
    grey: bool = False
    reduced: int = 0
    threshold: int = 0
    window: int = 0
    across: bool = False
    standing: int = 0
    versions: dict[str, str]
    tables: dict[str, Comparison] = Field(default_factory=dict)
    compared: int = 0
    mismatches: int = 0
    cycles: dict[str, int] = Field(default_factory=dict)
    utilisation: dict[str, float] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    traffic: dict[str, dict[str, int]] = Field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The images of which distances and all else are computed."""
        if not self.threshold:
            return self.count
        return self.standing if self.standing > self.kept else 0

    @field_validator("configuration", mode="before")
    @classmethod
    def _configuration(cls, found: dict[str, Any]) -> SamplerConfig:
        return make(found)

    @field_validator("tables")
    @classmethod
    def _tables(cls, found: dict[str, Comparison], info: ValidationInfo) -> dict[str, Comparison]:
        return _sort(found, KINDS[info.data["configuration"].method].names())

    @field_validator("traffic")
    @classmethod
    def _traffic(cls, found: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        return {source: _sort(counts, BYTES) for source, counts in found.items()}

    @field_validator("cycles", "utilisation")
    @classmethod
    def _phases(cls, found: dict[str, Any]) -> dict[str, Any]:
        return _sort(found, [phase.name.lower() for phase in Phase])


def _sort(found: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Sort ``found`` in the order of ``names``, as JSON is sorted alphabetically."""
    unknown = sorted(found.keys() - set(names))
    if unknown:
        raise ValueError(f"{unknown[0]!r} must be one of {', '.join(names)}")
    return {name: found[name] for name in names if name in found}


@dataclass(frozen=True)
class Run:
    """A run and its results.

    Parameters
    ----------
    figures : ``results.json``
    values : the arrays of ``results.npz``
    settings : the run-time settings of the hardware
    energy : ``energy.json``; None if energy was not measured
    date : day on which ``results.json`` was written, in UTC
    """

    figures: Figures
    values: dict[str, np.ndarray]
    settings: Settings | LeanSettings
    energy: Energy | None
    date: str

    @property
    def config(self) -> SamplerConfig:
        """The configuration of the hardware or of its model."""
        return self.figures.configuration

    @property
    def has_map(self) -> bool:
        """Whether there was a search and a map."""
        return self.figures.perplexity is not None and self.figures.rows > 0

    @property
    def standing(self) -> np.ndarray:
        """The images that are no near-duplicates, ascending: all, if none are left out."""
        if not self.figures.threshold:
            return np.arange(self.figures.count)
        return np.flatnonzero(self.values["standing"])

    @property
    def target(self) -> float:
        """The perplexity asked for, if there is a map."""
        assert self.figures.perplexity is not None
        return self.figures.perplexity.target

    @property
    def steps(self) -> str:
        """What the search of a row consists of, if there is a map."""
        return "generations" if isinstance(self.config, Config) else "evaluations"


def load(directory: Path) -> Run:
    """Load the run in ``directory``.

    Raises
    ------
    UserError
        A file is missing or damaged, the files are not of the same run, or the run was made by a version with
        other formats.
    """
    if not directory.is_dir():
        raise UserError(f"{str(directory)!r}: no such directory; name one that nms run has written")
    path, tables = directory / "results.json", directory / "results.npz"
    for file in (path, tables):
        if not file.is_file():
            raise UserError(f"{str(directory)!r}: no {file.name}; name a directory that nms run has written")
    try:
        figures = Figures.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: {where}: {first['msg']}; run nms run again") from None
    config = figures.configuration
    if figures.digest != config.digest:
        raise UserError(
            f"{path}: digest {figures.digest}, but with this version its configuration has {config.digest};"
            " run nms run again"
        )
    values = _arrays(tables, figures)
    energy = _energy(directory / "energy.json", figures.digest)
    return Run(figures, values, _make_settings(figures), energy, find_date(path))


def find_date(path: Path) -> str:
    """The day on which a file was written, in UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()


def _make_settings(figures: Figures) -> Settings | LeanSettings:
    config, given = figures.configuration, figures.input
    ratio, shape = figures.kept / figures.count, find_stored_shape(given.shape, given.planar)
    aim: dict[str, Any] = {} if figures.perplexity is None else {"perplexity": figures.perplexity.target}
    if isinstance(config, ReducedConfig):
        if figures.perplexity is not None:
            aim |= {"iterations": figures.iterations, "evaluations": figures.evaluations}
        return LeanSettings.make(
            config, figures.count, shape, ratio, seed=figures.seed, pick=figures.pick,
            side=figures.side, planes=given.planar, grey=figures.grey, threshold=figures.threshold,
            window=figures.window or None, across=figures.across, **aim,
        )  # fmt: skip
    assert isinstance(config, Config)
    return Settings.make(
        config, figures.count, shape, ratio, iterations=figures.iterations, seed=figures.seed,
        search=figures.search, pick=figures.pick or str(Pick.CENTRE), side=figures.side,
        planes=given.planar, grey=figures.grey, **aim,
    )  # fmt: skip


def _energy(path: Path, digest: str) -> Energy | None:
    if not path.is_file():
        return None
    try:
        found = Energy.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: {where}: {first['msg']}; must be written by nms energy sampler") from None
    if found.digest != digest:
        raise UserError(f"{path}: digest {found.digest}, but the run's configuration is {digest}")
    return found


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object of a file; ``UserError`` if it has none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: must hold one JSON object, not {type(found).__name__}")
    return found


def _arrays(path: Path, figures: Figures) -> dict[str, np.ndarray]:
    count, rows = figures.count, figures.rows
    square, vector, points = (rows, rows), (rows,), (rows, 2)
    shapes: dict[str, tuple[int, ...]] = {
        "images": (count, figures.pixels), "labels": (count,), "distance": square, "kept": (figures.kept,),
    }  # fmt: skip
    if figures.side or isinstance(figures.configuration, ReducedConfig):
        shapes["reduced"] = (count, figures.reduced)
    if figures.threshold:
        shapes["standing"] = (count,)
    if figures.perplexity is not None:
        steps = "generations" if isinstance(figures.configuration, Config) else "evaluations"
        shapes |= {
            "beta": vector, "perplexity": vector, steps: vector, "status": vector, "affinity": square,
            "embedding_init": points, "embedding": points,
        }  # fmt: skip
    try:
        with np.load(path) as file:
            values = {name: file[name] for name in shapes}
    except KeyError as error:
        raise UserError(f"{path}: {error.args[0]}; run nms run again") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: damaged: {error}; run nms run again") from None
    for name, shape in shapes.items():
        if values[name].shape != shape:
            raise UserError(f"{path}: {name} of shape {values[name].shape}, but results.json says {shape}")
        if values[name].dtype.kind not in "iuf":
            raise UserError(f"{path}: {name} of type {values[name].dtype}; must be numbers")
    kept = values["kept"]
    if kept.dtype.kind not in "iu" or not np.all((kept >= 0) & (kept < count)) or np.any(np.diff(kept) <= 0):
        raise UserError(f"{path}: kept {kept.tolist()}: must be ascending indices of {count} images")
    if figures.threshold:
        standing = values["standing"]
        if not np.all(np.isin(standing, (0, 1))) or standing.sum() != figures.standing:
            raise UserError(f"{path}: standing: must be 1 of {figures.standing} images and 0 of the others")
    if "status" in values and not np.all(np.isin(values["status"], list(Status))):
        raise UserError(f"{path}: status: must be 0 to {max(Status)}")
    if "embedding" in values and not np.all(np.isfinite(values["embedding"])):
        raise UserError(f"{path}: embedding: must be finite")
    if provenance.digest(values["images"]) != figures.input.sha256:
        raise UserError(f"{path}: images differ from those of results.json; run nms run again")
    return values
