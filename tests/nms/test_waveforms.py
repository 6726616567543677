# SPDX-License-Identifier: Apache-2.0
"""What the documents' waveforms are drawn from."""

import signal
from pathlib import Path

from vcd import VCDWriter

from nms.waveforms import read, spans, transfers


def test_nets_are_sampled_before_the_edge(tmp_path: Path) -> None:
    path = tmp_path / "trace.vcd"
    with path.open("w") as file, VCDWriter(file, timescale="1 ns") as writer:
        nets = {
            name: writer.register_var("top", name, "wire", size=size, init=0)
            for name, size in (("aclk", 1), ("m_axi_arvalid", 1), ("m_axi_arready", 1), ("m_axi_araddr", 8))
        }
        for cycle in range(4):
            writer.change(nets["aclk"], 10 * cycle + 5, 1)
            writer.change(nets["m_axi_araddr"], 10 * cycle + 5, 0x10 + cycle)  # at the edge: seen at the next
            writer.change(nets["m_axi_arvalid"], 10 * cycle + 6, cycle % 2)
            writer.change(nets["m_axi_arready"], 10 * cycle + 7, cycle == 1)
            writer.change(nets["aclk"], 10 * cycle + 9, 0)
    path.write_text(path.read_text().replace("module top", "module $rootio"))
    found = read(path)
    assert found["m_axi_araddr"].width == 8
    assert found["m_axi_araddr"].values == [0, 0x10, 0x11, 0x12]
    assert transfers(found, "m_axi_ar").tolist() == [0, 0, 1, 0]


def test_spans() -> None:
    assert list(spans([3, 3, 5, 5, 5, 3])) == [(0, 2), (2, 5), (5, 6)]


def test_a_broken_pipe_is_an_error_and_not_the_end() -> None:
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN  # the reader of traces is loaded
