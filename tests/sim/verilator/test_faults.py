# SPDX-License-Identifier: Apache-2.0
"""Each kind of fault, put into a block's Verilog, makes its testbench fail."""

import pytest

from nms.rtl.export.emit import verilog
from nms.sim.verilator.faults import Fault, find_sites, inject


def test_the_block_without_a_fault_passes(blocks, run):
    outcome = run(blocks.Meter(), "meter_testbench")
    assert outcome, outcome.failures
    assert outcome.compared == 120


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_is_found(blocks, run, fault):
    block = blocks.Meter()
    text, description = inject(verilog(block), block.module, fault, seed=1)
    assert text != verilog(block)
    outcome = run(block, "meter_testbench", verilog=text)
    assert not outcome, description
    assert outcome.failed, description


def test_a_fault_changes_the_named_module_alone(blocks):
    text = verilog(blocks.Chain(2))
    for fault in Fault:
        for place in find_sites(text, "incrementer", fault):
            changed = text[: place.start] + place.replacement + text[place.end :]
            assert changed.startswith(text[: text.index("module incrementer(")])
            assert changed != text


def test_the_seed_chooses_and_a_module_without_a_place_is_named(blocks):
    text = verilog(blocks.Incrementer())
    chosen = {inject(text, "incrementer", Fault.STUCK, seed)[1] for seed in range(20)}
    assert len(chosen) > 5
    assert inject(text, "incrementer", Fault.STUCK, 3) == inject(text, "incrementer", Fault.STUCK, 3)
    with pytest.raises(ValueError, match="module incrementer: no place for a comparison off by one"):
        inject(text, "incrementer", Fault.OFF_BY_ONE, 1)
