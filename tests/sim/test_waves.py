# SPDX-License-Identifier: Apache-2.0
"""The view of a trace names signals that the trace has, each port once."""

import re
from pathlib import Path

import pytest

from sim import waves
from sim.context import Port


@pytest.mark.parametrize(
    ("port", "name"),
    [
        ("aclk", ""),
        ("o_kept__valid", "o_kept"),
        ("i_read__p__row", "i_read__p"),
        ("m_axi_arvalid", "m_axi"),
        ("s_axil_wdata", "s_axil"),
        ("m_axis_tuser", "m_axis"),
        ("load_ready", ""),
    ],
)
def test_interfaces(port: str, name: str) -> None:
    assert waves.interface(port) == name


def test_a_view_names_what_the_trace_has(blocks, run, tmp_path: Path) -> None:
    outcome = run(blocks.Incrementer(), "incrementer_bench", parameters={"step": 1, "count": 50}, waves=True)
    ports = {
        "clk": Port("input", 1),
        "i_x__payload": Port("input", 8),
        "i_x__valid": Port("input", 1),
        "o_y__payload": Port("output", 8),
    }
    view = waves.keep(tmp_path, "incrementer", ports, outcome.waves)
    traced = re.findall(r"^(incrementer\.\S+)$", view.read_text(), re.MULTILINE)
    assert sorted(traced) == [
        "incrementer.clk",
        "incrementer.i_x__payload[7:0]",
        "incrementer.i_x__valid",
        "incrementer.o_y__payload[7:0]",
    ]
    scope = (tmp_path / "incrementer.vcd").read_text().partition("$scope module incrementer $end")[2]
    for signal in traced:
        name = signal.removeprefix("incrementer.").partition("[")[0]
        assert re.search(rf"^ *\$var wire \d+ \S+ {name}\b", scope, re.MULTILINE), name
    assert f'[dumpfile] "{tmp_path / "incrementer.vcd"}"' not in view.read_text()
