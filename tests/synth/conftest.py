# SPDX-License-Identifier: Apache-2.0
"""A cell library with clock gates."""

from pathlib import Path

import pytest

from nms.synth.targets import GENERIC

CLOCK_GATES = """
  cell (SCANGATE) { area : 7; clock_gating_integrated_cell : "latch_posedge_precontrol";
    pin (CK) { direction : input; clock : true; clock_gate_clock_pin : true; }
    pin (E) { direction : input; clock_gate_enable_pin : true; }
    pin (SE) { direction : input; clock_gate_test_pin : true; }
    pin (GCK) { direction : output; clock_gate_out_pin : true; state_function : "CK * held"; }
    pin (held) { direction : internal; internal_node : "held"; }
    statetable ("CK E SE", "held") { table : "L L L : - : L, L H - : - : H, L - H : - : H, H - - : - : N"; } }
  cell (LOWGATE) { area : 7; clock_gating_integrated_cell : "latch_negedge";
    pin (CK) { direction : input; clock : true; clock_gate_clock_pin : true; }
    pin (E) { direction : input; clock_gate_enable_pin : true; }
    pin (GCK) { direction : output; clock_gate_out_pin : true; state_function : "CK + !held"; } }
  /* pins in the other order, and not for a mapper to choose */
  cell ("GATE") { area : 8.5; dont_use : true; clock_gating_integrated_cell : latch_posedge;
    statetable ("CK E", "held") { table : "L L : - : L, L H : - : H, H - : - : N"; }
    pin ("GCK") { clock_gate_out_pin : "true"; direction : output; state_function : "CK * held"; }
    pin ("E") { clock_gate_enable_pin : "true"; direction : input; }
    pin ("CK") { clock_gate_clock_pin : "true"; direction : input; clock : true; }
    pin ("held") { direction : internal; internal_node : "held"; } }
}
"""


@pytest.fixture(scope="session")
def gating_liberty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generic cells with three clock gates: one to be tied, one of the wrong edge, and one to use."""
    file = tmp_path_factory.mktemp("liberty") / "gating.lib"
    text = GENERIC.read_text().rstrip()
    assert text.endswith("}")
    file.write_text(text.removesuffix("}") + CLOCK_GATES)
    return file
