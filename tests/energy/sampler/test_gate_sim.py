# SPDX-License-Identifier: Apache-2.0
"""Values of a netlist's nets from those of the RTL's registers, and the proof that both do the same."""

import json

import numpy as np
import pytest

from nms.contract import config
from nms.energy.sampler import gate_sim as evaluate
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


def _simulated(inputs: list[int]) -> list[int]:
    states = [0]
    for value in inputs[:-1]:
        states.append(1 - (value & states[-1]))
    return states


def test_a_netlist_is_evaluated_as_it_would_run_and_faults_are_seen():
    rng = np.random.default_rng(5)
    inputs = rng.integers(0, 2, 150).tolist()
    states = _simulated(inputs)
    windows = [(10, 40), (40, 50), (100, 149)]
    time = evaluate.Timeline(windows)
    cycles = np.unique(np.concatenate([np.arange(a - 1, b) for a, b in windows]))
    rows = {("x", 0): np.array(inputs)[cycles], ("state", 0): np.array(states)[cycles]}
    known = time.integers(rows)
    evaluator = evaluate.Evaluator(NETLIST, evaluate.kinds(CELLS))
    found = evaluator.run(known, time)
    assert (found.wrong, found.checked, found.unknown) == ([], 1, set())
    following = [1 - (a & b) for a, b in zip(inputs, states, strict=True)]
    for (start, stop), counted in zip(
        windows, time.toggles([found.values[bit] for bit in (2, 3, 4)]), strict=True
    ):
        truth = [np.abs(np.diff(net[start - 1 : stop])).sum() for net in (inputs, states, following)]
        assert counted.tolist() == truth
    wrong = known | {("state", 0): known["state", 0] ^ (1 << 20)}
    assert evaluator.run(wrong, time).wrong == ["r"]
    unknown = evaluator.run({("x", 0): known["x", 0]}, time)
    assert {3, 4} <= unknown.unknown
    assert unknown.checked == 0
    assert unknown.coverage < found.coverage == 1


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
    target = targets.target(None, (shared_liberty / "sky130hd_tt.lib.gz",))
    work = tmp_path_factory.mktemp("seeds")
    flow.synthesise_block(tiny, "prng", block, emitted, target, work)
    netlist, cells = (json.loads((work / f"{n}.json").read_text())["modules"] for n in ("netlist", "cells"))
    time = evaluate.Timeline(recording.windows)
    values = time.integers(recording.values_by_name(design, "seeds"))
    return netlist["seeds"], evaluate.kinds(cells), time, values


@pytest.mark.slow
def test_the_netlist_of_a_block_does_what_the_rtl_does(seeds):
    """Registers, a state machine and a memory that is read into a register."""
    netlist, cells, time, known = seeds
    evaluator = evaluate.Evaluator(netlist, cells)
    found = evaluator.run(known, time)
    assert found.wrong == []
    assert found.checked == len(evaluator.registers) > 100
    assert found.coverage == 1


@pytest.mark.slow
def test_a_netlist_with_a_wrong_gate_is_seen(seeds):
    netlist, cells, time, known = seeds
    gates = [name for name, cell in netlist["cells"].items() if cell["type"].endswith("nand2_1")]
    broken = netlist | {"cells": netlist["cells"] | {
        gates[0]: netlist["cells"][gates[0]] | {"type": "sky130_fd_sc_hd__nor2_1"}
    }}  # fmt: skip
    assert evaluate.Evaluator(broken, cells).run(known, time).wrong
