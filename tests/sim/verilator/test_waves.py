# SPDX-License-Identifier: Apache-2.0
"""The view of a trace names signals that the trace has, each port once."""

import re
from pathlib import Path

import pytest

from nms.sim.verilator import waves


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
    outcome = run(
        blocks.Incrementer(), "incrementer_testbench", parameters={"step": 1, "count": 50}, waves=True
    )
    view = waves.keep(tmp_path / "new", "incrementer", outcome.ports, outcome.waves).read_text()
    assert '[dumpfile] "incrementer.vcd"' in view
    traced = re.findall(r"^(?:incrementer\.(\S+?)(?:\[\d+:0\])?|-(\w+))$", view, re.MULTILINE)
    assert [signal or f"-{group}" for signal, group in traced] == [
        "-incrementer", "clk", "rst", "-incrementer",
        "-i_x", "i_x__payload", "i_x__ready", "i_x__valid", "-i_x",
        "-o_y", "o_y__payload", "o_y__ready", "o_y__valid", "-o_y",
    ]  # fmt: skip
    scope = (tmp_path / "new" / "incrementer.vcd").read_text().partition("$scope module incrementer $end")[2]
    for signal, _ in traced:
        assert not signal or re.search(rf"^ *\$var wire \d+ \S+ {signal}\b", scope, re.MULTILINE), signal
