# SPDX-License-Identifier: Apache-2.0
"""The hardware's tables against the model's, value by value."""

from dataclasses import dataclass, fields

import numpy as np

from nms.contract.tables import SamplerTables
from nms.sim.models.driver import Results


@dataclass(frozen=True)
class TableComparison:
    """One table: values compared, values that differ, and the first that does, in words."""

    name: str
    compared: int
    mismatches: int
    first: str | None = None


def compare(hardware: SamplerTables | Results, model: SamplerTables) -> list[TableComparison]:
    """Every table that the hardware gave, all or those it wrote to memory, against the model's.

    A value counts as compared once for each element of the model's table. Tables of different shapes
    differ in every value.
    """
    found = []
    for name in (field.name for field in fields(hardware)):
        got, expected = np.asarray(getattr(hardware, name)), np.asarray(getattr(model, name))
        if got.shape != expected.shape:
            first = f"shape {got.shape}, expected {expected.shape}"
            found.append(TableComparison(name, expected.size, expected.size, first))
            continue
        wrong = np.argwhere(got != expected)
        found.append(TableComparison(name, expected.size, len(wrong), _first(wrong, got, expected)))
    return found


def _first(wrong: np.ndarray, got: np.ndarray, expected: np.ndarray) -> str | None:
    if not len(wrong):
        return None
    index = tuple(int(value) for value in wrong[0])
    return f"[{', '.join(map(str, index))}] is {got[index]}, expected {expected[index]}"
