# SPDX-License-Identifier: Apache-2.0
"""The reduction's hardware against its golden model, in several configurations; faults are found."""

import pytest

from nms.contract.config import SamplerConfig, load
from nms.rtl.export.emit import verilog
from nms.rtl.reduction.reduce import Reduce
from nms.sim.check import check, simulate_block
from nms.sim.models.disturbance import Disturbance
from nms.sim.verilator.faults import Fault, inject

HERDING = load("herding")
FINE = ["side=32", "pixels=3072", "bus_bits=128"]
CRAMPED = ["side=16", "pixels=100"]
COARSE = ["side=4", "pixels=48", "bus_bits=256"]

FAULTS = [
    pytest.param("reduce__shape", Fault.CONSTANT, 1, marks=pytest.mark.slow),
    pytest.param("reduce__walk__row_walk", Fault.OFF_BY_ONE, 1, marks=pytest.mark.slow),
    ("reduce__segments", Fault.SWAPPED, 1),
    pytest.param("reduce__means", Fault.ADDER, 1, marks=pytest.mark.slow),
]
"""Module, fault, and the seed that chooses its place."""


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(HERDING, id="herding"),
        pytest.param(load("lean", FINE), id="fine", marks=pytest.mark.slow),
        pytest.param(load("herding", CRAMPED), id="cramped", marks=pytest.mark.slow),
        pytest.param(load("lean256", COARSE), id="coarse", marks=pytest.mark.slow),
        pytest.param(load("herding", ["bus_bits=32"]), id="32", marks=pytest.mark.slow),
        pytest.param(load("tiny", ["side=8"]), id="published", marks=pytest.mark.slow),
        pytest.param(load("herding", ["bus_bits=512"]), id="512", marks=pytest.mark.slow),
    ],
)
def test_reduce(config: SamplerConfig) -> None:
    (result,) = check(config, ["reduce"], quick=True)
    assert result, result.failures
    assert result.compared >= 3000


@pytest.mark.parametrize(("module", "fault", "seed"), FAULTS)
def test_a_fault_is_found(module: str, fault: Fault, seed: int) -> None:
    block = Reduce(HERDING)
    changed, description = inject(verilog(block), module, fault, seed)
    assert not simulate_block(block, "reduce", HERDING, changed, tests=["resets"]), description


@pytest.mark.parametrize("disturbance", list(Disturbance))
def test_a_wrong_word_is_found(disturbance: Disturbance) -> None:
    block = Reduce(HERDING)
    wrong = {"disturbance": disturbance.value}
    outcome = simulate_block(block, "reduce", HERDING, verilog(block), parameters=wrong, tests=["resets"])
    assert outcome.failed
