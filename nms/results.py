# SPDX-License-Identifier: Apache-2.0
"""What a run leaves behind: raw tables as physical values in ``results.npz``, figures in ``results.json``."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract import output
from nms.contract.config import Config, LeanConfig, SamplerConfig
from nms.contract.formats import Fixed, LeanProfile, Profile
from nms.contract.readout import Readout
from nms.contract.settings import LeanSettings, Pick, Settings
from nms.contract.tables import HerdingTables, LeanTables, SamplerTables, Status, Tables
from nms.datasets import Images
from nms.golden.reduction import reduce

TABLES, RECORD = FILES = "results.npz", "results.json"
"""What a run leaves behind: its tables, and the record of what made them."""


def compute_beta(tables: Tables | LeanTables, config: Config | LeanConfig) -> np.ndarray:
    """Compute beta, (N,) float64 in 1/pixel^2: ``M * 2^-F * 2^(q - L) * ln 2``, for the natural exponent.

    Infinite for rows that are infeasible or saturated, whose perplexity is reached in the limit only.
    """
    mantissa = _scale(tables.mantissa, config.profile.mantissa)
    finite = np.ldexp(mantissa, tables.exponent - tables.scale) * math.log(2)
    unbounded = np.isin(tables.status, (Status.INFEASIBLE, Status.SATURATED))
    return np.where(unbounded, np.inf, finite)


def make_arrays(
    tables: SamplerTables,
    config: SamplerConfig,
    data: Images,
    settings: Settings | LeanSettings | None = None,
) -> dict[str, np.ndarray]:
    """The arrays of ``results.npz``: raw tables as physical values.

    With the settings of images that are reduced, ``reduced`` are the images as they are compared. Where
    near-duplicates are left out, ``standing`` is 1 of those that stand, and the tables between it and
    ``kept`` have their rows, and columns, alone: none if no more stand than are kept.
    """
    values = {"images": data.images, "labels": data.labels}
    drawn = True
    if settings is not None and (settings.side or isinstance(settings, LeanSettings)):
        values["reduced"] = reduce(data.images, settings)
    if isinstance(settings, LeanSettings):
        drawn = settings.pick != Pick.HERDING
        if settings.threshold and isinstance(tables, HerdingTables | LeanTables):
            values["standing"] = tables.standing.astype(np.int64)
            tables = _cut(tables, settings.keep)
    values["distance"] = tables.distance.astype(np.int64)
    if isinstance(tables, Tables):
        assert isinstance(config, Config)
        profile = config.profile
        values["beta"] = compute_beta(tables, config)
        values["perplexity"] = _scale(tables.perplexity, profile.perplexity)
        values["generations"] = tables.generations.astype(np.int64)
        values |= _make_map(tables, profile)
    elif isinstance(tables, LeanTables) and drawn:
        assert isinstance(config, LeanConfig)
        values["beta"] = compute_beta(tables, config)
        values["perplexity"] = np.exp2(_scale(tables.entropy, config.profile.entropy))
        values["evaluations"] = tables.evaluations.astype(np.int64)
        values |= _make_map(tables, config.profile)
    return values | {"kept": tables.kept.astype(np.int64)}


def _cut(tables: HerdingTables | LeanTables, keep: int) -> HerdingTables | LeanTables:
    """The tables without the rows and columns in which nothing was computed."""
    standing = int(tables.standing.sum())
    rows = standing if standing > keep else 0
    inside = {}
    for table in tables.readouts():
        if table is not Readout.STANDING:
            name = table.name.lower()
            inside[name] = getattr(tables, name)[tuple(map(slice, table.shape(rows)))]
    return dataclasses.replace(tables, **inside)


def _make_map(tables: Tables | LeanTables, profile: Profile | LeanProfile) -> dict[str, np.ndarray]:
    """How the search ended, affinities and map."""
    return {
        "status": tables.status.astype(np.int64),
        "affinity": _scale(tables.affinity, profile.affinity),
        "embedding_init": _scale(tables.embedding_init, profile.position),
        "embedding": _scale(tables.embedding, profile.position),
    }


def _scale(raw: np.ndarray, form: Fixed) -> np.ndarray:
    return np.ldexp(raw.astype(np.float64), -form.fraction)


def summarise_errors(values: dict[str, np.ndarray], target: float, errors: np.ndarray) -> dict[str, Any]:
    """Summarise the perplexity search: rows by status, errors, generations or evaluations.

    Parameters
    ----------
    values : the arrays of ``results.npz``
    target : the perplexity asked for
    errors : (N,) ``abs(Perp(beta) - target)``, recomputed from beta in higher precision; ignored in
        rows that are not solved
    """
    solved = values["status"] == Status.SOLVED
    summary: dict[str, Any] = {
        "target": target,
        "rows": {status.name.lower(): int(np.sum(values["status"] == status)) for status in Status},
    }
    if solved.any():
        steps = "generations" if "generations" in values else "evaluations"
        searched = values[steps][solved]
        summary["true_error"] = {
            "max": float(errors[solved].max()),
            "median": float(np.median(errors[solved])),
        }
        summary["reported_error"] = {"max": float(np.abs(values["perplexity"][solved] - target).max())}
        summary[steps] = {"median": float(np.median(searched)), "max": int(searched.max())}
    return summary


def save(directory: Path, values: dict[str, np.ndarray], figures: dict[str, Any]) -> list[Path]:
    """Write ``results.npz`` and ``results.json``; each appears whole or not at all."""

    def write(staging: Path) -> None:
        np.savez_compressed(staging / TABLES, **values)  # type: ignore[arg-type]  # numpy's stub
        (staging / RECORD).write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")

    return output.publish(directory, write)
