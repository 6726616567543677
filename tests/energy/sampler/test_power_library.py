# SPDX-License-Identifier: Apache-2.0
"""Power of cells from Liberty: what means the same gives the same figures, and nothing is guessed."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from nms.contract.errors import UserError
from nms.energy.sampler.netlist_energy import NetlistEnergy, OperatingPoint
from nms.energy.sampler.power_library import PowerLibrary

LIBERTY = """library (small) {
  time_unit : "1ns"; capacitive_load_unit (1, pf); leakage_power_unit : "1nW"; nom_voltage : 1.0;
  voltage_map (VDD, 1.0); voltage_map (gnd, 0.0); voltage_map (VBB, 0.0); voltage_map (VAUX, 1.0);
  power_lut_template (t) { variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("0.1, 0.4"); index_2 ("0.0, 0.5"); }
  cell (NAND2) { area : 2; cell_leakage_power : 3.0;
    pg_pin (VDD) { pg_type : primary_power; voltage_name : VDD; }
    pg_pin (gnd) { pg_type : primary_ground; voltage_name : gnd; }
    pg_pin (VBB) { pg_type : pwell; voltage_name : VBB; }
    pg_pin (VAUX) { pg_type : backup_power; voltage_name : VAUX; }
    pin (A) { direction : input; capacitance : 0.002; } pin (B) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "!(A*B)";
      internal_power () { related_pin : "A B";
        rise_power (t) { values ("0.01, 0.03", "0.02, 0.04"); }
        fall_power (t) { values ("0.03, 0.05", "0.04, 0.06"); } } } }
  cell (DFF) { area : 5; cell_leakage_power : 5.0; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (CK) { direction : input; clock : true; capacitance : 0.001;
      internal_power () { when : "D * !IQ"; rise_power (scalar) { values ("9"); } }
      internal_power () { rise_power (scalar) { values ("0.1"); } fall_power (scalar) { values ("0.3"); } } }
    pin (D) { direction : input; capacitance : 0.003; }
    pin (Q) { direction : output; function : "IQ";
      internal_power () { related_pin : "CK"; rise_power (scalar) { values ("0.2"); }
        fall_power (scalar) { values ("0.2"); } } } }
}
"""

NETLIST = {
    "cells": {
        "g": {"type": "NAND2", "connections": {"A": [2], "B": [3], "Y": [4]}},
        "r": {"type": "DFF", "connections": {"CK": [9], "D": [4], "Q": [3]}},
    }
}


def read(text: str | bytes, folder: Path) -> PowerLibrary:
    file = folder / "small.lib"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return PowerLibrary([file])


def figures(text: str | bytes, folder: Path) -> dict[str, float]:
    """Energies of a netlist of both cells, and the voltage and the slew."""
    library = read(text, folder)
    point = OperatingPoint(0.0, library.voltage, 1e8)
    found = NetlistEnergy(NETLIST, [2, 3, 4], library, point).energy(np.array([5, 3, 4.0]), 10)
    return found | {"slew": library.slew, "voltage": library.voltage}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    return figures(LIBERTY, tmp_path_factory.mktemp("plain"))


def change(*changes: tuple[str, str]) -> str:
    """The library with texts replaced, each of which must be in it."""
    text = LIBERTY
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


def scale(pattern: str, factor: float, text: str = LIBERTY) -> str:
    """The library with all numbers of some attributes multiplied."""

    def attribute(match: re.Match[str]) -> str:
        return re.sub(r"\b\d+(\.\d+)?", lambda number: repr(float(number[0]) * factor), match[0])

    return re.sub(pattern, attribute, text)


VALUES, CAPACITANCES, LOADS = r"values \([^)]*\)", r"\bcapacitance : [\d.]+", r"index_2 \([^)]*\)"


@pytest.mark.parametrize(("unit", "size"), [("1V", 1.0), ("100mV", 0.1), ("10mV", 1e-2), ("1 mV", 1e-3)])
def test_the_unit_of_voltage(unit: str, size: float, plain: dict[str, float], tmp_path: Path) -> None:
    """Energies are in the unit of capacitance times that of voltage squared."""
    text = scale(VALUES, 1 / size**2).replace("nom_voltage : 1.0", f"nom_voltage : {1 / size}")
    text = text.replace("time_unit", f'voltage_unit : "{unit}"; time_unit')
    assert figures(text, tmp_path) == pytest.approx(plain)


@pytest.mark.parametrize(
    ("unit", "size"), [('"1", "ff"', 1e-3), ("1000, ff", 1.0), ("0.1, pf", 0.1), ("1 nf", 1e3)]
)
def test_the_unit_of_capacitance(unit: str, size: float, plain: dict[str, float], tmp_path: Path) -> None:
    text = LIBERTY.replace("(1, pf)", f"({unit})")
    for pattern in (VALUES, CAPACITANCES, LOADS):
        text = scale(pattern, 1 / size, text)
    assert figures(text, tmp_path) == pytest.approx(plain)


def test_the_units_of_time_and_leakage(plain: dict[str, float], tmp_path: Path) -> None:
    text = scale(r"index_1 \([^)]*\)", 1e3).replace('"1ns"', "1 ps")
    text = scale(r"cell_leakage_power : [\d.]+", 1e-3, text).replace('"1nW"', '"1uW"')
    assert figures(text, tmp_path) == pytest.approx(plain)


RAILS = "related_pg_pin : {}; related_pin"
GROUP = LIBERTY[
    LIBERTY.index('internal_power () { related_pin : "A B"') : LIBERTY.index(" } }\n  cell (DFF)")
]


@pytest.mark.parametrize("ground", ["gnd", "VBB", '"gnd"'])
def test_ground_is_told_by_what_the_library_says(
    ground: str, plain: dict[str, float], tmp_path: Path
) -> None:
    """By the type of the rail or, without one, by its voltage; a table of ground is left out."""
    both = " ".join(GROUP.replace("related_pin", RAILS.format(rail)) for rail in ("VDD", ground))
    text = change((GROUP, both))
    assert figures(text, tmp_path) == plain
    assert figures(re.sub(r"\n    pg_pin .*", "", text), tmp_path) == plain


def test_tables_of_two_supplies_add_up(plain: dict[str, float], tmp_path: Path) -> None:
    half = scale(VALUES, 0.5, GROUP)
    both = " ".join(half.replace("related_pin", RAILS.format(rail)) for rail in ("VDD", "VAUX"))
    assert figures(change((GROUP, both)), tmp_path) == pytest.approx(plain)


def test_a_rail_that_is_unknown_is_refused(tmp_path: Path) -> None:
    text = change((GROUP, GROUP.replace("related_pin", RAILS.format("VSS"))))
    with pytest.raises(
        UserError,
        match=r"line 13: cell \(NAND2\), pin \(Y\), internal_power \(\): related_pg_pin 'VSS': is unk",
    ):
        read(text, tmp_path)


def leakage(*values: tuple[float, str, str]) -> str:
    """Groups of leakage power: values, states and rails."""
    groups = []
    for value, when, rail in values:
        state = f'when : "{when}";' if when else ""
        groups.append(f"leakage_power () {{ value : {value}; {state} related_pg_pin : {rail}; }}")
    return " ".join(groups).replace("related_pg_pin : ; ", "")


@pytest.mark.parametrize(
    ("said", "nanowatts"),
    [
        ("cell_leakage_power : 3;", 3),
        (leakage((2, "A", ""), (4, "!A", "")), 3),
        ("cell_leakage_power : 9;" + leakage((2, "A", ""), (4, "!A", "")), 3),
        ("cell_leakage_power : 3;" + leakage((8, "", "")), 3),
        (leakage((3, "", "")), 3),
        (leakage((3, "", ""), (2, "A", ""), (4, "!A", "")), 3),
        (leakage((2, "A", "VDD"), (4, "!A", "VDD"), (7, "A", "gnd"), (7, "!A", "gnd"), (1, "A", "VBB")), 3),
        (leakage((1, "A", "VDD"), (3, "!A", "VDD"), (1, "A", "VAUX"), (1, "!A", "VAUX")), 3),
        (leakage((2, "", "VDD"), (1, "", "VAUX"), (8, "", "gnd")), 3),
        ("", 6),
    ],
)
def test_leakage(said: str, nanowatts: float, tmp_path: Path) -> None:
    """In states if they are listed, else of the cell, else in any state, else the library's default."""
    text = change(("cell_leakage_power : 3.0;", said), ("nom_v", "default_cell_leakage_power : 6; nom_v"))
    assert read(text, tmp_path).cells["NAND2"].leakage == pytest.approx(nanowatts * 1e-9)


def test_leakage_by_area(tmp_path: Path) -> None:
    text = change(("cell_leakage_power : 3.0;", ""), ("nom_v", "default_leakage_power_density : 4; nom_v"))
    assert read(text, tmp_path).cells["NAND2"].leakage == pytest.approx(8e-9)


def test_what_is_not_given_is_missed_when_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 6: cell \(NAND2\): has no leakage_power or cell_leak"):
        figures(change(("cell_leakage_power : 3.0;", "")), tmp_path)
    with pytest.raises(UserError, match=r"line 20: cell \(DFF\), pin \(D\): has no capacitance, and the lib"):
        figures(change(("capacitance : 0.003;", "")), tmp_path)
    unused = change(("  cell (DFF)", "  cell (ODD) { pin (A) { direction : input; } }\n  cell (DFF)"))
    assert "ODD" in read(unused, tmp_path).cells


@pytest.mark.parametrize(
    "changes",
    [
        [("capacitance : 0.003;", ""), ("nom_v", "default_input_pin_cap : 0.003; nom_v")],
        [("capacitance : 0.003;", "rise_capacitance : 0.003;")],
        [("capacitance : 0.003;", "fall_capacitance : 0.003;")],
        [("capacitance : 0.003;", "capacitance : 0.001 + 0.002;")],
        [("capacitance : 0.003;", "capacitance : 9; rise_capacitance : 0.003; fall_capacitance : 0.003;")],
        [('"A B"', '"A, B"')],
        [('"A B"', '"A,B"')],
        [("clock : true; ", "")],
        [("clock : true; ", 'clock : "TRUE"; ')],
        [("clock : true; ", ""), ('"CK"; next', '"!CK"; next')],
        [("power_lut_template", "lu_table_template"), ("input_transition_time", "input_net_transition")],
        [('values ("0.01, 0.03", "0.02, 0.04")', 'values ("0.01, 0.03, 0.02, 0.04")')],
        [('values ("0.01, 0.03", "0.02, 0.04")', "values (0.01, 0.03, 0.02, 0.04)")],
        [('"0.01, 0.03", "0.02, 0.04"', '"0.01 0.03", \\\n  "0.02 0.04"')],
        [("nom_voltage : 1.0;", "operating_conditions (typical) { voltage : 1.0; }")],
        [("nom_voltage : 1.0;", "default_operating_conditions : b; operating_conditions (a) { voltage : 9; } "
          "operating_conditions (b) { voltage : 1.0; }")],
        [('"IQ"', '"(IQ)"')],
        [('"IQ"', '"!IQN"')],
        [("pin (A) { direction : input; capacitance : 0.002; } pin (B) {", "pin (A, B) {")],
        [("pin (A) {", "bundle (AB) { members (A, B);"),
         (" pin (B) { direction : input; capacitance : 0.002; }", "")],
        [("library (small)", "// Gerät\nlibrary (small)")],
    ],
)  # fmt: skip
def test_other_spellings_give_the_same(
    changes: list[tuple[str, str]], plain: dict[str, float], tmp_path: Path
) -> None:
    text = change(*changes)
    for raw in (text.encode(), text.encode("latin-1"), gzip.compress(text.encode())):
        assert figures(raw, tmp_path) == pytest.approx(plain)


def test_bits_of_buses_and_bundles(tmp_path: Path) -> None:
    """What is said of all holds for each; a related bus is all bits; functions of several are not read."""
    cell = """  type (two) { base_type : array; bit_width : 2; bit_from : 1; bit_to : 0; }
  cell (BANK) { cell_leakage_power : 1; ff_bank (IQ, IQN, 2) { clocked_on : CK; next_state : "D E"; }
    pin (CK) { direction : input; clock : true; capacitance : 0.004; }
    bus (D) { bus_type : two; direction : input; capacitance : 0.001; pin (D[1]) { capacitance : 0.002; } }
    bundle (Q) { members (Q0, Q1); direction : output; function : "IQ";
      internal_power () { related_pin : "D CK"; when : "E[1:0]"; power (scalar) { values ("0.5"); } } } }
  cell (DFF)"""
    bank = read(change(("  cell (DFF)", cell)), tmp_path).cells["BANK"]
    assert list(bank.pins) == ["CK", "D[1]", "D[0]", "Q0", "Q1"]
    assert [bank.pins[name].capacitance for name in ("D[1]", "D[0]")] == pytest.approx([2e-15, 1e-15])
    for name in ("Q0", "Q1"):
        assert list(bank.pins[name].energy) == ["D[1]", "D[0]", "CK"]
        assert bank.pins[name].internal("CK", 0.0, np.zeros(1)) == pytest.approx([0.5e-12])


def test_what_depends_on_something_unknown_is_refused(tmp_path: Path) -> None:
    text = change(
        ('next_state : "D"', 'next_state : "D * X"'),
        ("pin (D) {", "pin (X) { direction : internal; } pin (D) {"),
    )
    with pytest.raises(
        UserError, match=r"line 16: cell \(DFF\): 'D \* X' depends on 'X'; must depend on inputs, outputs"
    ):
        figures(text, tmp_path)


def test_a_third_index_is_read_where_the_other_output_drives_nothing(
    plain: dict[str, float], tmp_path: Path
) -> None:
    text = change(
        ('index_2 ("0.0, 0.5"); }', 'index_2 ("0.0, 0.5"); }\n  power_lut_template (t3) {'
         " variable_1 : total_output_net_capacitance; variable_2 : equal_or_opposite_output_net_capacitance;"
         ' variable_3 : input_transition_time; index_1 ("0, 0.5"); index_2 ("0, 1");'
         ' index_3 ("0.1, 0.4"); }'),
        ('rise_power (t) { values ("0.01, 0.03", "0.02, 0.04")',
         'rise_power (t3) { values ("0.01, 0.02", "7, 8", "0.03, 0.04", "7, 8")'),
    )  # fmt: skip
    assert figures(text, tmp_path) == pytest.approx(plain)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("rise_power (t)", "rise_power (u)",
         "line 14: cell (NAND2), pin (Y), internal_power (), rise_power (u): template 'u': the library"),
        ('"0.02, 0.04"', '"0.02, nan"', "rise_power (t): values: 'nan' is no number; must be finite numbers"),
        ('"0.02, 0.04"', '"0.02, high"', "rise_power (t): values: 'high' is no number"),
        ('"0.02, 0.04"', '"0.02"', "rise_power (t): 3 values; must be 2 x 2, as its index says"),
        ('"0.02, 0.04"', '"0.02, 0.04", "1, 2"', "rise_power (t): 6 values; must be 2 x 2"),
        ('("0.1")', '("0.1, 0.2")', "rise_power (scalar): 2 values; must be 1"),
        ('"0.1, 0.4"', '"0.4, 0.1"', "power_lut_template (t): index_1: must ascend"),
        ('index_1 ("0.1, 0.4");', "", "rise_power (t): has no index_1"),
        ("input_transition_time", "temperature", "variable 'temperature': must be one"),
        ("input_transition_time", "total_output_net_capacitance",
         "variable 'total_output_net_capacitance': must be one each"),
        ("capacitance : 0.003", "capacitance : nan", "cell (DFF), pin (D): capacitance 'nan': must be"),
        ("capacitance : 0.003", "capacitance : -1", "pin (D): capacitance -1: must be 0 or more"),
        ("cell_leakage_power : 5.0", "cell_leakage_power : low", "cell (DFF): cell_leakage_power 'low'"),
        ('"A B"', '"A C"', "internal_power (): related_pin 'C': the cell has no such pin"),
        ('"D * !IQ"', '"D * !E"', "internal_power (): when 'D * !E': the cell has no 'E'"),
        ('"D * !IQ"', '"D * "', "internal_power (): when 'D * ': ends early"),
        ('rise_power (scalar) { values ("9"); }', "", "internal_power (): has no table"),
        ("nom_voltage : 1.0;", "", "has no nom_voltage; must have it, or operating_conditions"),
        ("nom_voltage : 1.0;", "nom_voltage : 0;", "nom_voltage 0: must be above 0"),
        ('leakage_power_unit : "1nW";', "", "has no leakage_power_unit"),
        ('"1nW"', '"1nV"', "leakage_power_unit '1nV': is not understood"),
        ("cell (NAND2) {", "cell (NAND2) { " + leakage((1, "A", "VDD"), (1, "B", "")),
         "cell (NAND2): some leakage_power has a related_pg_pin, some has none; must be all or none"),
        (GROUP, GROUP + GROUP.replace("related_pin", RAILS.format("VDD")),
         "internal_power (): some internal_power has a related_pg_pin, some has none"),
        ("pin (D) { direction : input;", "pin (D) {", "pin (D): direction '': must be one of input, output"),
        ("clock : true", "clock : often", "pin (CK): clock 'often': must be true or false"),
        ("cell_leakage_power : 5.0", "internal_power () { }", "internal_power (): is in a cell"),
    ],
)  # fmt: skip
def test_nothing_is_guessed(before: str, after: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(said)) as raised:
        figures(change((before, after)), tmp_path)
    assert re.match(r"liberty '.*small\.lib', line \d+: ", str(raised.value))


def test_a_library_is_called_by_a_plain_name(tmp_path: Path) -> None:
    """It gets into pages and plots, where marks of a language would be more than a name."""
    found = read(change(("(small)", '("a <b>$x$</b> [red]")')), tmp_path)
    assert found.name == "a _b__x___b_ _red"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "voltage", "cells"),
    [
        (["sky130hd_tt"], 1.8, 428),
        (["sg13g2_typ_1p20V_25C"], 1.2, 78),
        ([f"asap7_rvt_tt_{part}" for part in ("simple", "seq", "invbuf")], 0.7, 126),
    ],
)
def test_open_libraries(names: list[str], voltage: float, cells: int, shared_liberty: Path) -> None:
    """All cells are read; every flip-flop has a clock, and every input a capacitance."""
    library = PowerLibrary([shared_liberty / f"{name}.lib.gz" for name in names])
    assert (library.voltage, len(library.cells)) == (voltage, cells)
    for cell in library.cells.values():
        assert cell.leakage >= 0
        assert not cell.clocked or cell.pins[cell.clock].direction == "input"
        assert all(pin.capacitance >= 0 for pin in cell.pins.values() if pin.direction == "input")
