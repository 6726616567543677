# SPDX-License-Identifier: Apache-2.0
"""The hardware's tables against the model's, value by value."""

from dataclasses import dataclass, fields

import numpy as np

from nms.contract.registers import has_map
from nms.contract.settings import LeanSettings, Settings
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
    names = (field.name for field in fields(hardware))
    return [_compare(name, getattr(hardware, name), getattr(model, name)) for name in names]


def compare_written(
    written: Results, settings: Settings | LeanSettings, model: SamplerTables
) -> list[TableComparison]:
    """What was written to memory for a batch, as :func:`compare`: without a map the kept indices alone."""
    found = [_compare("kept", written.kept, model.kept)]
    names = [field.name for field in fields(written) if field.name != "kept"]
    for name in names if has_map(settings) else []:
        held = "evaluations" if name == "generations" and isinstance(settings, LeanSettings) else name
        found.append(_compare(held, getattr(written, name), getattr(model, held)))
    return found


def _compare(name: str, got: np.ndarray, expected: np.ndarray) -> TableComparison:
    if got.shape != expected.shape:
        first = f"shape {got.shape}, expected {expected.shape}"
        return TableComparison(name, expected.size, expected.size, first)
    wrong = np.argwhere(got != expected)
    return TableComparison(name, expected.size, len(wrong), _first(wrong, got, expected))


def _first(wrong: np.ndarray, got: np.ndarray, expected: np.ndarray) -> str | None:
    if not len(wrong):
        return None
    index = tuple(int(value) for value in wrong[0])
    return f"[{', '.join(map(str, index))}] is {got[index]}, expected {expected[index]}"
