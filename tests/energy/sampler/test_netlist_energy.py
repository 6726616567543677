# SPDX-License-Identifier: Apache-2.0
"""Energy of netlists: what a transition costs, and how figures move when a parameter does."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nms.contract.errors import UserError
from nms.contract.readout import Phase
from nms.energy.sampler.estimate import estimate_energy
from nms.energy.sampler.netlist_energy import NetlistEnergy, OperatingPoint
from nms.energy.sampler.netlists import MappedBlocks
from nms.energy.sampler.parts import SAMPLER_PARTS
from nms.energy.sampler.power_library import PowerLibrary
from nms.sim.activity.instrument import Nets

LIBERTY = """
library (small) {
  capacitive_load_unit (1, pf); leakage_power_unit : "1nW"; time_unit : "1ns"; nom_voltage : 1.0;
  power_lut_template (t) { variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("0.1, 0.2"); index_2 ("0, 1"); }
  cell (NAND2) { cell_leakage_power : 3.0;
    pin (A) { direction : input; capacitance : 0.002; } pin (B) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "!(A*B)";
      internal_power () { related_pin : "A"; rise_power (t) { values ("0.01, 0.03", "0.01, 0.03"); }
        fall_power (t) { values ("0.03, 0.05", "0.03, 0.05"); } }
      internal_power () { related_pin : "B"; rise_power (t) { values ("0.04, 0.04", "0.04, 0.04"); }
        fall_power (t) { values ("0.04, 0.04", "0.04, 0.04"); } } } }
  cell (DFF) { cell_leakage_power : 5.0; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (CK) { direction : input; clock : true; capacitance : 0.001;
      internal_power () { rise_power (scalar) { values ("0.1"); } fall_power (scalar) { values ("0.3"); } } }
    pin (D) { direction : input; capacitance : 0.003; }
    pin (Q) { direction : output; function : "IQ";
      internal_power () { related_pin : "CK"; rise_power (scalar) { values ("0.2"); }
        fall_power (scalar) { values ("0.2"); } } } }
  cell (GATE) { cell_leakage_power : 7.0; clock_gating_integrated_cell : latch_posedge;
    pin (CK) { direction : input; clock_gate_clock_pin : true; capacitance : 0.004;
      internal_power () { when : "!E"; rise_power (scalar) { values ("0.5"); }
        fall_power (scalar) { values ("0.7"); } }
      internal_power () { when : "E & !GCK"; rise_power (scalar) { values ("9"); }
        fall_power (scalar) { values ("9"); } } }
    pin (E) { direction : input; clock_gate_enable_pin : true; capacitance : 0.006;
      internal_power () { rise_power (scalar) { values ("0.8"); } fall_power (scalar) { values ("1.0"); } } }
    pin (GCK) { direction : output; clock_gate_out_pin : true; state_function : "CK * held";
      internal_power () { related_pin : "CK"; rise_power (t) { values ("0, 1000", "0, 1000"); }
        fall_power (t) { values ("0, 1000", "0, 1000"); } } }
    pin (held) { direction : internal; internal_node : "held"; } }
}
"""

GATED = {
    "cells": {
        "c": {"type": "GATE", "connections": {"CK": [9], "E": [2], "GCK": [10]}},
        "r": {"type": "DFF", "connections": {"CK": [10], "D": [3], "Q": [4]}},
        "s": {"type": "DFF", "connections": {"CK": [10], "D": [4], "Q": [5]}},
        "t": {"type": "DFF", "connections": {"CK": [9], "D": [5], "Q": [6]}},
    }
}
"""Two registers behind a gate that net 2 opens, and one before it."""

NETLIST = {
    "cells": {
        "g": {"type": "NAND2", "connections": {"A": [2], "B": [3], "Y": [4]}},
        "r": {"type": "DFF", "connections": {"CK": [9], "D": [4], "Q": [3]}},
    }
}
"""Net 2 comes from outside; 4 = !(2 & 3); 3 is the register of 4."""

POINT = OperatingPoint(wire=0.0, voltage=1.0, frequency=1e8)


@pytest.fixture
def library(tmp_path: Path) -> PowerLibrary:
    file = tmp_path / "small.lib"
    file.write_text(LIBERTY)
    return PowerLibrary([file])


def test_parts_are_those_computed_by_hand(library):
    gates = NetlistEnergy(NETLIST, [2, 3, 4], library, POINT)
    found = gates.energy(np.array([6, 4, 5]), 10)
    # 2 and 3 drive a NAND2 (2 fF), 4 the D of a register (3 fF); half a pJ per pF, volt squared and toggle
    arc_a = 0.02 + 0.02 * 0.003  # pJ: mean of rise and fall at a load of 3 fF
    inner = (6 * arc_a + 4 * 0.04) / 10 * 5
    assert found["combinational"] == pytest.approx((0.5 * (0.002 * 6 + 0.003 * 5) + inner) * 1e-12)
    assert found["registers"] == pytest.approx((0.5 * 0.002 * 4 + 0.2 * 4) * 1e-12)
    assert found["clock"] == pytest.approx((2 * 0.2 + 0.001) * 10 * 1e-12)
    assert found["leakage"] == pytest.approx(8e-9 * 10 / 1e8)


def test_the_clock_pin_is_charged_two_transitions_a_cycle(library):
    free = NetlistEnergy(NETLIST, [2, 3, 4], library, POINT)
    wired = NetlistEnergy(NETLIST, [2, 3, 4], library, replace(POINT, wire=1e-15))
    cycles = 37
    still = np.zeros(3)
    more = wired.energy(still, cycles)["clock"] - free.energy(still, cycles)["clock"]
    assert more == pytest.approx(2 * cycles * 0.5 * 1e-15)


def test_gated_clocks_are_charged_while_their_gate_is_open(library):
    gates = NetlistEnergy(GATED, [2, 3, 4, 5, 6], library, POINT)
    assert (gates.flip_flops, gates.gated_flip_flops, gates.gated_nets) == (3, 2, [10])
    # every cycle: the clock pins of gate and register t; open: two of registers, and the gate's output
    free = 2 * 0.6 + 0.004 + 2 * 0.2 + 0.001
    opened = 2 * (2 * 0.2 + 0.001) + 2 * 1000 * 0.002
    still = np.zeros(5)
    for cycles in (0, 3, 10):
        found = gates.energy(still, 10, [cycles])
        assert found["clock"] == pytest.approx((10 * free + cycles * opened) * 1e-12)
        assert (found["registers"], found["combinational"]) == (0, 0)
    enabling = gates.energy(np.array([4, 0, 0, 0, 0]), 10, [0])
    assert enabling["registers"] == pytest.approx(4 * 0.9e-12)
    assert enabling["combinational"] == pytest.approx(4 * 0.5 * 0.006e-12)
    assert gates.leakage == pytest.approx((7 + 3 * 5) * 1e-9)
    with pytest.raises(ValueError, match="mismatch"):
        gates.energy(still, 10)


def test_a_gate_that_is_always_open_saves_nothing(library):
    ungated = {"cells": {n: c for n, c in GATED["cells"].items() if n != "c"}}
    gates = NetlistEnergy(GATED, [2, 3, 4, 5, 6], library, POINT)
    plain = NetlistEnergy(ungated, [2, 3, 4, 5, 6], library, POINT)
    still = np.zeros(5)
    more = gates.energy(still, 10, [10])["clock"] - plain.energy(still, 10)["clock"]
    assert more == pytest.approx(10 * (2 * 0.6 + 0.004 + 2 * 1000 * 0.002) * 1e-12)


def test_every_instance_is_charged_the_open_cycles_of_the_first(library):
    design = SimpleNamespace(
        instances={"top.a": "pe", "top.b": "pe"}, nets={"pe": Nets()}, block_of=lambda path: path
    )
    cycles = np.array([32, 31])
    activity = SimpleNamespace(
        design=design,
        recording=SimpleNamespace(sums={}, cycles=cycles),
        intervals=lambda phase: np.arange(2) if phase is Phase.LOAD else np.arange(0),
        weights=np.array([1.0, 3.0]),
        lengths={},
        phases=[Phase.LOAD, Phase.EMIT],
    )
    mapped = MappedBlocks({"pe": GATED}, {})
    opened = {"pe": {10: np.array([5, 2])}}
    found = estimate_energy(activity, mapped, {}, opened, library, None, POINT)
    gates = NetlistEnergy(GATED, [], library, POINT)
    one = gates.clock_energy * (32 + 3 * 31) + gates.open_energy[0] * (5 + 3 * 2)
    [block] = found.blocks
    assert (block.instances, block.flip_flops, block.gated_flip_flops, block.clock_gates) == (2, 3, 2, 1)
    assert block.energy[0, SAMPLER_PARTS.index("clock")] == pytest.approx(2 * one)
    assert found.at_rest[0, 0] == pytest.approx(2 * one)


def test_twice_the_capacitance_is_twice_the_switching_energy(library, tmp_path):
    double = tmp_path / "double.lib"
    text = LIBERTY
    for value in ("0.002", "0.001", "0.003"):
        text = text.replace(f"capacitance : {value}", f"capacitance : {2 * float(value)}")
    double.write_text(text)
    toggled = np.array([6, 4, 5])
    once = NetlistEnergy(NETLIST, [2, 3, 4], library, POINT).switching(toggled)
    assert NetlistEnergy(NETLIST, [2, 3, 4], PowerLibrary([double]), POINT).switching(
        toggled
    ) == pytest.approx(2 * once)
    wired = NetlistEnergy(NETLIST, [2, 3, 4], library, replace(POINT, wire=2e-15)).switching(toggled)
    assert wired - once == pytest.approx(0.5 * 2e-15 * 15)


def test_energies_go_with_the_square_of_the_voltage_and_leakage_with_time(library):
    toggled = np.array([6, 4, 5])
    low = NetlistEnergy(NETLIST, [2, 3, 4], library, POINT).energy(toggled, 10)
    high = NetlistEnergy(NETLIST, [2, 3, 4], library, replace(POINT, voltage=2.0, frequency=5e7)).energy(
        toggled, 10
    )
    for part in ("registers", "combinational", "clock"):
        assert high[part] == pytest.approx(4 * low[part])
    assert high["leakage"] == pytest.approx(4 * low["leakage"])


def test_nets_that_were_not_counted_are_counted(library):
    gates = NetlistEnergy(NETLIST, [2, 3], library, POINT)
    assert gates.uncounted.nets == 1
    assert gates.uncounted.capacitance == pytest.approx(3e-15)


def test_files_of_one_library_go_by_what_their_names_share(tmp_path):
    files = [tmp_path / f"{part}.lib" for part in ("gates", "latches")]
    for file in files:
        text = LIBERTY.replace("library (small)", f"library (small_{file.stem})")
        file.write_text(text.replace("cell (", f"cell ({file.stem}_"))
    assert PowerLibrary(files).name == "small"
    assert PowerLibrary(files[:1]).name == "small_gates"


def test_a_file_without_power_is_refused(tmp_path):
    file = tmp_path / "plain.lib"
    file.write_text("library (l) { cell (INV) { area : 1; } }")
    with pytest.raises(UserError, match="capacitive_load_unit"):
        PowerLibrary([file])
