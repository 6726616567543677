# SPDX-License-Identifier: Apache-2.0
"""Tables of a Liberty file: their axes, from the template or their own, and their values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nms.synth.liberty_text import Group

SCALAR = "scalar"
"""Name of the template of a single value, which every library has."""

TEMPLATES = {"power_lut_template": ("rise_power", "fall_power", "power"), "lu_table_template": ()}
"""Kinds of templates, and the tables for which a kind comes first where two have the same name."""


@dataclass(frozen=True)
class Axis:
    """What an axis of a table is, and its points, in the library's unit."""

    variable: str
    points: np.ndarray


def find_templates(library: Group) -> dict[tuple[str, str], Group]:
    """The templates of a library by kind and name."""
    return {(group.kind, group.name): group for group in library.inner(*TEMPLATES)}


def read_table(
    table: Group, templates: Mapping[tuple[str, str], Group]
) -> tuple[tuple[Axis, ...], np.ndarray]:
    """The axes of a table and its values, in an array with an axis for each; none and one value of a scalar.

    Raises
    ------
    UserError
        The template is missing, a number is none, points do not ascend, or values are more or fewer.
    """
    axes = _read_axes(table, templates)
    values = np.array(table.numbers("values"))
    shape = tuple(len(axis.points) for axis in axes)
    if values.size != math.prod(shape):
        wanted = " x ".join(map(str, shape)) or "1"
        table.fail(f"{values.size} values; must be {wanted}, as its index says", table.find("values"))
    return axes, values.reshape(shape)


def _read_axes(table: Group, templates: Mapping[tuple[str, str], Group]) -> tuple[Axis, ...]:
    name = table.name or SCALAR
    kinds = sorted(TEMPLATES, key=lambda kind: table.kind not in TEMPLATES[kind])
    template = next((templates[kind, name] for kind in kinds if (kind, name) in templates), None)
    if template is None:
        if name != SCALAR:
            table.fail(f"template {name!r}: the library has no such template")
        return ()
    axes = []
    for number in (1, 2, 3):
        variable = template.word(f"variable_{number}").lower()
        if not variable:
            break
        index = f"index_{number}"
        owner = table if table.find(index) is not None else template
        points = np.array(owner.numbers(index))
        if not points.size:
            table.fail(f"has no {index}; must be in the table or in its template")
        if (np.diff(points) <= 0).any():
            owner.fail(f"{index}: must ascend", owner.find(index))
        axes.append(Axis(variable, points))
    return tuple(axes)
