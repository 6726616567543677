# SPDX-License-Identifier: Apache-2.0
"""The search for near-duplicates against its golden model, with several windows; faults are found."""

import pytest

from nms.contract.config import HerdingConfig, load
from nms.rtl.export.emit import verilog
from nms.rtl.reduction.near_duplicates import NearDuplicates
from nms.sim.check import check, simulate_block
from nms.sim.verilator.faults import Fault, inject

HERDING = load("herding")

FAULTS = [
    pytest.param("near_duplicates", Fault.ADDER, 1, marks=pytest.mark.slow),
    ("near_duplicates", Fault.CONSTANT, 1),
    ("near_duplicates__profile", Fault.ADDER, 1),
    pytest.param("near_duplicates__profile", Fault.SWAPPED, 1, marks=pytest.mark.slow),
]
"""Module, fault, and the seed that chooses its place."""


@pytest.mark.parametrize("window", [16, pytest.param(5, marks=pytest.mark.slow)])
def test_verdicts(window: int) -> None:
    (result,) = check(load("herding", [f"window={window}"]), ["near_duplicates"], quick=True)
    assert result, result.failures
    assert result.compared >= 1000


@pytest.mark.parametrize(("module", "fault", "seed"), FAULTS)
def test_a_fault_is_found(module: str, fault: Fault, seed: int) -> None:
    assert isinstance(HERDING, HerdingConfig)
    block = NearDuplicates(HERDING)
    changed, description = inject(verilog(block), module, fault, seed)
    assert not simulate_block(
        block, "near_duplicates", HERDING, changed, parameters={"quick": True}, tests=["streams"]
    ), description
