# SPDX-License-Identifier: Apache-2.0
"""Values of a netlist's nets from those of the RTL's registers, and the proof that both do the same."""

import json

import numpy as np
import pytest

from nms.contract import config
from nms.energy.sampler import gate_sim
from nms.rtl import units
from nms.sim.activity.instrument import instrument
from nms.sim.activity.toggles import record
from nms.synth import flow, targets


def _gate(kind: str, **pins: int) -> dict:
    return {"type": kind, "connections": {pin: [bit] for pin, bit in pins.items()}}


def _ports(inputs: dict[str, int], outputs: dict[str, int]) -> dict:
    found = {name: {"direction": "input", "bits": [bit]} for name, bit in inputs.items()}
    return found | {name: {"direction": "output", "bits": [bit]} for name, bit in outputs.items()}


CELLS = {
    "NAND2": {
        "ports": _ports({"A": 2, "B": 3}, {"Y": 4}),
        "cells": {"a": _gate("$_AND_", A=2, B=3, Y=5), "n": _gate("$_NOT_", A=5, Y=4)},
    },
    "DFF": {
        "ports": _ports({"CK": 2, "D": 3}, {"Q": 4, "N": 5}),
        "cells": {
            "f": _gate("$_DFF_P_", C=2, D=3, Q=4),
            "g": _gate("$_DFF_P_", C=2, D=3, Q=6),
            "n": _gate("$_NOT_", A=6, Y=5),
        },
    },
}

NETLIST = {
    "cells": {
        "g": {"type": "NAND2", "connections": {"A": [2], "B": [3], "Y": [4]}},
        "r": {"type": "DFF", "connections": {"CK": [9], "D": [4], "Q": [3]}},
    },
    "netnames": {
        "x": {"hide_name": 0, "bits": [2]},
        "state": {"hide_name": 0, "bits": [3]},
        "$next": {"hide_name": 1, "bits": [4]},
    },
}
"""Net 2 comes from outside; 4 = !(2 & 3); 3 is the register of 4."""


GATE = {
    "ports": _ports({"CK": 2, "E": 3, "SE": 4}, {"GCK": 5}),
    "cells": {
        "o": _gate("$_OR_", A=3, B=4, Y=6),
        "l": _gate("$_DLATCH_N_", E=2, D=6, Q=7),
        "a": _gate("$_AND_", A=2, B=7, Y=5),
    },
}

GATED = {
    "cells": {
        "c": {"type": "GATE", "connections": {"CK": [9], "E": [3], "SE": ["0"], "GCK": [10]}},
        "r": {"type": "DFF", "connections": {"CK": [10], "D": [2], "Q": [4]}},
    },
    "netnames": {
        "x": {"hide_name": 0, "bits": [2]},
        "on": {"hide_name": 0, "bits": [3]},
        "state": {"hide_name": 0, "bits": [4]},
    },
}
"""Nets 2 and 3 come from outside; 4 takes 2 where 3 is high."""


def _simulated(inputs: list[int]) -> list[int]:
    states = [0]
    for value in inputs[:-1]:
        states.append(1 - (value & states[-1]))
    return states


def test_a_netlist_is_evaluated_as_it_would_run_and_faults_are_seen():
    rng = np.random.default_rng(5)
    inputs = rng.integers(0, 2, 150).tolist()
    states = _simulated(inputs)
    intervals = [(10, 40), (40, 50), (100, 149)]
    time = gate_sim.Timeline(intervals)
    cycles = np.unique(np.concatenate([np.arange(a - 1, b) for a, b in intervals]))
    rows = {("x", 0): np.array(inputs)[cycles], ("state", 0): np.array(states)[cycles]}
    known = time.pack(rows)
    simulator = gate_sim.GateSimulator(NETLIST, gate_sim.read_cells(CELLS))
    found = simulator.run(known, time)
    assert (found.mismatches, found.compared, found.unknown) == ([], 1, set())
    following = [1 - (a & b) for a, b in zip(inputs, states, strict=True)]
    for (start, stop), counted in zip(
        intervals, time.toggles([found.values[bit] for bit in (2, 3, 4)]), strict=True
    ):
        truth = [np.abs(np.diff(net[start - 1 : stop])).sum() for net in (inputs, states, following)]
        assert counted.tolist() == truth
    wrong = known | {("state", 0): known["state", 0] ^ (1 << 20)}
    assert simulator.run(wrong, time).mismatches == ["r"]
    unknown = simulator.run({("x", 0): known["x", 0]}, time)
    assert {3, 4} <= unknown.unknown
    assert unknown.compared == 0
    assert unknown.coverage < found.coverage == 1


@pytest.mark.parametrize(("name", "seen"), [("next", ["next[0]"]), ("$5", []), ("inner.$5", [])])
def test_a_net_is_compared_if_the_description_names_it(name: str, seen: list[str]) -> None:
    """The next value of a register that holds has no meaning, and no name."""
    named = NETLIST | {"netnames": NETLIST["netnames"] | {name: {"hide_name": 0, "bits": [4]}}}
    inputs = np.random.default_rng(5).integers(0, 2, 40)
    states = np.array(_simulated(inputs.tolist()))
    time = gate_sim.Timeline([(1, 40)])
    rows = {("x", 0): inputs, ("state", 0): states, (name, 0): 1 - (inputs & states)}
    simulator = gate_sim.GateSimulator(named, gate_sim.read_cells(CELLS))
    assert simulator.run(time.pack(rows), time).mismatches == []
    rows[name, 0] = 1 - rows[name, 0]
    assert simulator.run(time.pack(rows), time).mismatches == seen


def test_a_gated_register_takes_its_data_while_its_gate_is_open():
    rng = np.random.default_rng(6)
    data, enable = rng.integers(0, 2, (2, 150))
    states = [0]
    for value, on in zip(data[:-1], enable[:-1], strict=True):
        states.append(int(value if on else states[-1]))
    intervals = [(10, 40), (100, 149)]
    time = gate_sim.Timeline(intervals)
    cycles = np.unique(np.concatenate([np.arange(a - 1, b) for a, b in intervals]))
    rows = {("x", 0): data[cycles], ("on", 0): enable[cycles], ("state", 0): np.array(states)[cycles]}
    known = time.pack(rows)
    simulator = gate_sim.GateSimulator(GATED, gate_sim.read_cells(CELLS | {"GATE": GATE}))
    found = simulator.run(known, time)
    assert (found.mismatches, found.compared, found.unknown) == ([], 1, set())
    opened = time.count([found.opens[10]])[:, 0].tolist()
    assert opened == [enable[a - 1 : b - 1].sum() for a, b in intervals]
    for net, flipped in (("on", time.changes), ("state", 1 << 20)):
        wrong = known | {(net, 0): known[net, 0] ^ flipped}
        assert simulator.run(wrong, time).mismatches == ["r"]
    unknown = simulator.run({name: known[name] for name in known if name[0] != "on"}, time)
    assert (unknown.mismatches, unknown.compared) == ([], 0)
    assert time.count([unknown.opens[10]])[:, 0].tolist() == [b - a for a, b in intervals]


def test_only_a_latch_and_an_and_are_a_clock_gate():
    latch = {
        "ports": _ports({"CK": 2, "D": 3}, {"Q": 4}),
        "cells": {"l": _gate("$_DLATCH_N_", E=2, D=3, Q=4)},
    }
    inverted = {**GATE, "cells": GATE["cells"] | {"a": _gate("$_NAND_", A=2, B=7, Y=5)}}
    assert gate_sim.read_cells({"LATCH": latch, "NAND": inverted}) == {}
    assert gate_sim.read_cells({"GATE": GATE})["GATE"].gated == "GCK"


def test_names_of_pins_are_never_code(tmp_path):
    """A library names its pins as it likes: like an expression, like our own arguments, like a keyword."""
    file = tmp_path / "written"
    hostile = f"A: open({str(file)!r}, 'w').close() or v) or (lambda v"
    for name in (
        hostile,
        f"__import__('os').system('touch {file}')",
        "A | B",
        "v",
        "state",
        "lambda",
        "0",
        "[]",
    ):
        module = {
            "ports": _ports({name: 2, "B": 3}, {"Y": 4}),
            "cells": {"a": _gate("$_ANDNOT_", A=2, B=3, Y=4)},
        }
        function = gate_sim.read_cells({"CELL": module})["CELL"].functions["Y"]
        assert sorted(function.pins) == sorted([name, "B"])
        values = {name: 0b1100, "B": 0b1010}
        assert function.evaluate((0b1111, *(values[pin] for pin in function.pins))) == 0b0100
        netlist = {
            "cells": {"g": {"type": "CELL", "connections": {name: [2], "B": [3], "Y": [4]}}},
            "netnames": {net: {"hide_name": 0, "bits": [bit]} for net, bit in (("x", 2), ("y", 3))},
        }
        simulator = gate_sim.GateSimulator(netlist, gate_sim.read_cells({"CELL": module}))
        found = simulator.run({("x", 0): 0b1100, ("y", 0): 0b1010}, gate_sim.Timeline([(1, 4)]))
        assert found.values[4] == 0b0100
    assert not file.exists()


@pytest.mark.parametrize(("gate", "truth"), [
    ("$_NOT_", lambda a, b, s: 1 - a), ("$_BUF_", lambda a, b, s: a), ("$_AND_", lambda a, b, s: a & b),
    ("$_OR_", lambda a, b, s: a | b), ("$_XOR_", lambda a, b, s: a ^ b),
    ("$_NAND_", lambda a, b, s: 1 - (a & b)), ("$_NOR_", lambda a, b, s: 1 - (a | b)),
    ("$_XNOR_", lambda a, b, s: 1 - (a ^ b)),
    ("$_ANDNOT_", lambda a, b, s: a & (1 - b)), ("$_ORNOT_", lambda a, b, s: a | (1 - b)),
    ("$_MUX_", lambda a, b, s: b if s else a),
])  # fmt: skip
def test_gates_compute_their_truth_tables(gate, truth):
    """Of pins and, since these are built in another way, of other gates' outputs."""
    pins = {"$_NOT_": "A", "$_BUF_": "A", "$_MUX_": "ABS"}.get(gate, "AB")
    columns = {"A": 0b00001111, "B": 0b00110011, "S": 0b01010101}
    rows = [tuple(columns[pin] >> t & 1 for pin in "ABS") for t in range(8)]
    expected = sum(truth(*row) << t for t, row in enumerate(rows))
    direct = {"g": _gate(gate, **dict(zip(pins, (2, 3, 4), strict=False)), Y=5)}
    for behind in ({}, {2}, {3}, {2, 3, 4}):
        cells = {
            name: {**cell, "connections": {
                pin: [bits[0] + 10] if pin != "Y" and bits[0] in behind else bits
                for pin, bits in cell["connections"].items()
            }}
            for name, cell in direct.items()
        }  # fmt: skip
        for bit in behind:  # two inverters
            cells[f"m{bit}"] = _gate("$_NOT_", A=bit, Y=bit + 20)
            cells[f"n{bit}"] = _gate("$_NOT_", A=bit + 20, Y=bit + 10)
        module = {"ports": _ports(dict(zip("ABS", (2, 3, 4), strict=True)), {"Y": 5}), "cells": cells}
        function = gate_sim.read_cells({"CELL": module})["CELL"].functions["Y"]
        assert function.evaluate((0b11111111, *(columns[pin] for pin in function.pins))) == expected


@pytest.fixture(scope="module")
def seeds(shared_liberty, tmp_path_factory):
    """The start values' block of ``tiny``: recorded while it works, and mapped to a library of cells."""
    tiny = config.load("tiny")
    ((block, emitted),) = units.find_blocks("prng", tiny)
    design = instrument(emitted.verilog(block.module), block.module, traced=[block.module])
    recording = record(
        design, [(30, 130), (400, 500), (2000, 3000)], testbench="nms.sim.testbenches.prng.tests",
        parameters={"config": tiny.model_dump()}, rows=True,
    )  # fmt: skip
    target = targets.select_target(None, (shared_liberty / "sky130hd_tt.lib.gz",))
    work = tmp_path_factory.mktemp("seeds")
    flow.synthesise_block(tiny, "prng", block, emitted, target, work)
    netlist, cells = (json.loads((work / f"{n}.json").read_text())["modules"] for n in ("netlist", "cells"))
    time = gate_sim.Timeline(recording.intervals)
    return (
        netlist["seeds"],
        gate_sim.read_cells(cells),
        time,
        time.pack(recording.values_by_name(design, "seeds")),
    )


@pytest.mark.slow
def test_the_netlist_of_a_block_does_what_the_rtl_does(seeds):
    """Registers, a state machine and a memory that is read into a register."""
    netlist, cells, time, known = seeds
    simulator = gate_sim.GateSimulator(netlist, cells)
    found = simulator.run(known, time)
    assert found.mismatches == []
    assert found.compared == len(simulator.registers) > 100
    assert found.coverage == 1


@pytest.mark.slow
def test_a_netlist_with_a_wrong_gate_is_seen(seeds):
    netlist, cells, time, known = seeds
    gates = [name for name, cell in netlist["cells"].items() if cell["type"].endswith("nand2_1")]
    broken = netlist | {"cells": netlist["cells"] | {
        gates[0]: netlist["cells"][gates[0]] | {"type": "sky130_fd_sc_hd__nor2_1"}
    }}  # fmt: skip
    assert gate_sim.GateSimulator(broken, cells).run(known, time).mismatches
