# SPDX-License-Identifier: Apache-2.0
"""Write the outcome of sampling a data set: the kept images in the forms asked for, and ``sample.json``."""

import csv
import json
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nms.contract import output
from nms.datasets import Images
from nms.sampling.groups import Groups
from nms.sampling.near_duplicates import NearDuplicates
from nms.sampling.select import GroupMethod

RECORD = "sample.json"
"""The record of what was kept, and of what made it."""


def list_files(forms: Collection[str]) -> list[str]:
    """List the files that :func:`save` writes, but for those of a subset."""
    return [RECORD, *(f"kept.{form}" for form in ("npy", "csv") if form in forms)]


def count_by_class(data: Images, kept: np.ndarray) -> dict[str, dict[str, int]]:
    """Count the images of each class by its name, and how many of them are kept."""
    labels = data.labels
    return {
        data.name_class(label): {
            "images": int((labels == label).sum()),
            "kept": int((labels[kept] == label).sum()),
        }
        for label in np.unique(labels).tolist()
    }


def summarise_groups(groups: Groups, method: GroupMethod) -> dict[str, Any]:
    """Count groups, their sizes, and those with a lower perplexity or without a map, being too small."""
    targets = [method.perplexity_for(size) for size in groups.sizes.tolist()]
    aim = method.target
    return {
        "count": len(targets),
        "smallest": int(groups.sizes.min()),
        "largest": int(groups.sizes.max()),
        "lower_perplexity": sum(own is not None and aim is not None and own < aim for own in targets),
        "without_map": sum(own is None and aim is not None for own in targets),
    }


def describe_settings(
    ratio: float, grouping: str, size: int, method: GroupMethod, near_duplicates: NearDuplicates | None
) -> dict[str, Any]:
    """Everything that decides the result, except images and seed."""
    rule = asdict(near_duplicates) if near_duplicates else None
    return {"ratio": ratio, "group": grouping, "size": size, **method.describe(), "near_duplicates": rule}


def save(
    directory: Path,
    forms: Collection[str],
    data: Images,
    kept: np.ndarray,
    figures: dict[str, Any],
) -> list[Path]:
    """Write ``sample.json`` and the ``forms``: ``kept.npy``, ``kept.csv`` (index, label, file), ``subset/``.

    Each file appears whole or not at all.
    """

    def write(staging: Path) -> None:
        if "npy" in forms:
            np.save(staging / "kept.npy", kept)
        if "csv" in forms:
            with (staging / "kept.csv").open("w", newline="") as file:
                rows = csv.writer(file, lineterminator="\n")
                columns = {"index": kept.tolist(), "label": map(data.name_class, data.labels[kept].tolist())}
                if data.files:
                    columns["file"] = [data.files[index] for index in kept]
                rows.writerow(columns)
                rows.writerows(zip(*columns.values(), strict=True))
        if "subset" in forms:
            (staging / "subset").mkdir()
            data.write_subset(kept, staging / "subset")
        (staging / RECORD).write_text(json.dumps(figures, indent=2) + "\n")

    return output.publish(directory, write)
