# SPDX-License-Identifier: Apache-2.0
"""The table of parameters: complete, sourced, and what a user's file may say."""

from pathlib import Path

import pytest

from nms.contract.errors import UserError
from nms.energy.system.parameters import load


def test_every_number_has_unit_and_source() -> None:
    table = load().model_dump()
    entries = [entry for section in table.values() for entry in section.values()]
    assert len(entries) > 60
    assert all(len(entry["source"]) >= 10 and entry["unit"] for entry in entries)


def test_a_file_replaces_the_entries_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[trace]\ncapacitance = { value = 3, unit = "pF", source = "a short trace, measured" }\n')
    found, own = load(file), load()
    assert found.trace.capacitance.value == 3
    assert found.trace.capacitance.source == "a short trace, measured"
    assert found.model_copy(update={"trace": own.trace}) == own


def test_scaled_multiplies_and_leaves_the_original() -> None:
    own = load()
    found = own.scaled({"dram.correction": 0.7, "link.tsv": 2})
    assert (found.dram.correction.value, found.link.tsv.value) == (0.7, 2 * own.link.tsv.value)
    assert own.dram.correction.value == 1
    assert found.currents == own.currents


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trase]", "no section 'trase'; did you mean 'trace'"),
        ("trace = 3", "trace is 3; must be a section"),
        ("[trace]\ncapacitence = 3", r"no entry 'capacitence' in \[trace\]; did you mean 'capacitance'"),
        ("[trace]\ncapacitance = 3", r"trace\.capacitance: 3; must be \{ value = \.\.\., unit"),
        (
            '[trace]\ncapacitance = { value = 3, unit = "pF" }',
            "trace.capacitance: source is missing; an entry needs value, unit and source",
        ),
        (
            '[trace]\ncapacitance = { valu = 3, value = 3, unit = "pF", source = "x" }',
            "trace.capacitance: no key 'valu'; did you mean 'value'",
        ),
        ('[trace]\ncapacitance = { value = 3, unit = "nF", source = "x" }', "unit 'nF': must be 'pF'"),
        ('[trace]\ncapacitance = { value = -1, unit = "pF", source = "x" }', "capacitance.value: -1"),
        ('[trace]\ncapacitance = { value = nan, unit = "pF", source = "x" }', "capacitance.value: nan"),
        ('[trace]\nresistance = { value = 0, unit = "ohm", source = "x" }', "value 0: must be positive"),
        ('[dram]\nchips = { value = 1.5, unit = "1", source = "x" }', "value 1.5: must be a whole number"),
        ('[dram]\nbus_use = { value = 2, unit = "1", source = "x" }', "value 2: must be at most 1"),
        ("[trace", "line 1, at the end: Expected ']'"),
    ],
)
def test_a_mistake_is_named(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        load(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no\.toml'?: No such file"):
        load(tmp_path / "no.toml")
