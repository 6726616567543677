# SPDX-License-Identifier: Apache-2.0
"""The page of a sampled data set or of an evaluation, from ``sample.json`` or ``evaluate.json``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from matplotlib import rc_context
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nms.contract import output
from nms.contract.errors import UserError
from nms.report import figures, theme
from nms.report.loader import find_date, read_json
from nms.report.svg import STYLE, inline

SAMPLE, EVALUATION = "sample.json", "evaluate.json"

DRAWN = 40
"""Classes that a plot has room for."""

Facts = list[tuple[str, str]]


class _Record(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class _Class(_Record):
    images: int
    kept: int


class _Sample(_Record):
    command: str
    seed: int
    input: dict[str, Any]
    settings: dict[str, Any]
    groups: dict[str, int]
    kept: int = Field(ge=0)
    classes: dict[str, _Class]
    near_duplicates: dict[str, int] | None = None
    versions: dict[str, str]


class _Row(_Record):
    method: str
    kept: list[int]
    accuracy_percent: float
    standard_error: float
    difference_points: float
    difference_standard_error: float
    below_two_standard_errors: bool


class _Evaluation(_Record):
    command: str
    input: dict[str, Any]
    settings: dict[str, Any]
    versions: dict[str, str]
    rows: list[_Row] = Field(min_length=1)


@dataclass(frozen=True)
class Table:
    """A table: its heads, of which the first names the row, and its rows; all but the first are numbers."""

    heads: list[str]
    rows: list[list[str]]


def find_record(directory: Path) -> Path | None:
    """The record of a sampled data set or of an evaluation in ``directory``, if there is one."""
    found = (directory / name for name in (SAMPLE, EVALUATION))
    return next((path for path in found if path.is_file()), None)


def write_page(record: Path, page: Path) -> None:
    """Write the page of ``record`` to the file ``page``, whole or not at all.

    Raises
    ------
    UserError
        The record is damaged.
    """
    kind = _Sample if record.name == SAMPLE else _Evaluation
    try:
        found = kind.model_validate(read_json(record))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{record}: {where}: {first['msg']}; run its command again") from None
    with rc_context(STYLE):
        content = _show_sample(found) if isinstance(found, _Sample) else _show_evaluation(found)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nms.report", ""), autoescape=True, undefined=jinja2.StrictUndefined
    )
    text = environment.get_template("record.html.j2").render(
        **content,
        command=found.command,
        date=find_date(record),
        version=found.versions.get("nms", ""),
        versions=list(found.versions.items()),
        settings=list(_flatten(found.settings)),
        light=Markup(theme.to_css(theme.LIGHT)),
        dark=Markup(theme.to_css(theme.DARK)),
    )
    output.write_file(page, text)


def _show_sample(found: _Sample) -> dict[str, Any]:
    """What the page says of a sampled data set."""
    count, groups, classes = int(found.input["count"]), found.groups, found.classes
    tiles = [
        ("kept", f"{found.kept / count:.1%}", f"{found.kept:,} of {count:,} images"),
        ("groups", f"{groups['count']:,}", f"{groups['smallest']} to {groups['largest']} images"),
        ("seed", str(found.seed), "of all random numbers"),
    ]
    if found.near_duplicates:
        near = found.near_duplicates
        tiles.append(("near-duplicates", f"{near['removed']:,}", f"{near['distinct']:,} images are distinct"))
    drawing = ""
    if 0 < len(classes) <= DRAWN:
        drawing = inline(
            figures.draw_classes({name: (one.images, one.kept) for name, one in classes.items()}),
            "classes",
            "Images of each class, and how many of them are kept",
            "; ".join(f"{name}: {one.kept:,} of {one.images:,}" for name, one in classes.items()),
        )
    return {
        "title": f"{found.kept:,} of {count:,} images kept",
        "lead": f"Data {found.input['name']}, by {found.settings['group']}.",
        "tiles": tiles,
        "heading": "Classes",
        "drawing": drawing,
        "caption": "Tinted are the images of a class, filled those that are kept.",
        "table": Table(
            ["class", "images", "kept", "share"],
            [
                [name, f"{one.images:,}", f"{one.kept:,}", f"{one.kept / max(1, one.images):.1%}"]
                for name, one in classes.items()
            ],
        ),
    }


def _show_evaluation(found: _Evaluation) -> dict[str, Any]:
    """What the page says of an evaluation."""
    first, best = found.rows[0], max(found.rows, key=lambda row: row.accuracy_percent)
    seeds = len(found.settings["seeds"])
    tiles = [
        ("methods", str(len(found.rows)), f"compared with {first.method}"),
        ("best accuracy", f"{best.accuracy_percent:.1f} %", best.method),
        ("trials", str(seeds), "each draws its images, filters and starts"),
    ]
    rows = [
        [
            row.method,
            f"{row.accuracy_percent:.2f} ± {row.standard_error:.2f}",
            f"{row.difference_points:+.2f} ± {row.difference_standard_error:.2f}" if number else "",
            "not significant (< 2 SE)" if number and row.below_two_standard_errors else "",
        ]
        for number, row in enumerate(found.rows)
    ]
    accuracies = {row.method: (row.accuracy_percent, row.standard_error) for row in found.rows}
    drawing = inline(
        figures.draw_accuracies(accuracies),
        "accuracies",
        "Accuracy of a model that was trained on what each method keeps",
        "; ".join(f"{name}: {accuracy} %" for name, accuracy, *_ in rows),
    )
    return {
        "title": f"{len(found.rows)} methods compared",
        "lead": f"Data {found.input['name']}, held out: {found.input['held_out']}.",
        "tiles": tiles,
        "heading": "Accuracy on held-out images",
        "drawing": drawing,
        "caption": f"Means of {seeds} trials; the lines are their standard errors, and differences are those"
        f" from {first.method}, dashed.",
        "table": Table(["method", "accuracy, %", "difference, points", ""], rows),
    }


def _flatten(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Settings within settings, under names with dots; those that are absent are left out."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{above}{name}.")
        elif value is not None:
            yield f"{above}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
