# SPDX-License-Identifier: Apache-2.0
"""Verilog of blocks: complete, each module once, the same text every time."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nms.rtl.export.emit import Design, verilog
from nms.sim.verilator.protocol import parse_headers, select_reachable, write_checkers


def test_a_block_placed_three_times_is_one_module(blocks):
    text = verilog(blocks.Chain(3))
    assert list(parse_headers(text)) == ["chain", "chain__counter", "incrementer"]
    assert text.count("  incrementer stage") == 3
    assert "/" + "work" not in text


def test_part_of_a_design_is_what_the_part_alone_gives(blocks):
    assert Design(blocks.Chain(3)).verilog("incrementer") == verilog(blocks.Incrementer())


def test_ports_follow_the_interface(blocks):
    ports = parse_headers(verilog(blocks.Chain(1)))["chain"].ports
    assert set(ports) == {"clk", "rst"} | {
        f"{stream}__{part}" for stream in ("i_x", "o_y") for part in ("payload", "valid", "ready")
    }
    assert (ports["i_x__payload"].direction, ports["i_x__payload"].width) == ("input", 8)
    assert ports["i_x__ready"].direction == "output"


def test_clock_and_reset_are_always_there_and_empty_or_constant_ports_never(blocks):
    ports = parse_headers(verilog(blocks.Plain()))["plain"].ports
    assert set(ports) == {"clk", "rst", "i_x__payload", "i_x__valid", "o_y__valid", "o_y__ready", "o_z"}


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_one_name_for_two_things_is_refused(blocks):
    verilog(blocks.Twins(1, 1))
    with pytest.raises(ValueError, match=r"module incrementer: made with \(8, 1\) and \(8, 2\)"):
        verilog(blocks.Twins(1, 2))
    gc.collect()  # what was given up is never elaborated, and may say so here


def test_the_text_does_not_depend_on_the_hash_seed():
    program = "import blocks, nms.rtl.export.emit; print(nms.rtl.export.emit.verilog(blocks.Chain(2)))"
    path = os.pathsep.join(filter(None, sys.path))
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": path,
            },
            cwd=Path(__file__).parents[1],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(texts) == 1


def test_only_reachable_modules_are_built(blocks):
    text = verilog(blocks.Chain(2)) + verilog(blocks.Meter())
    assert list(parse_headers(select_reachable(text, "chain"))) == ["chain", "chain__counter", "incrementer"]
    assert list(parse_headers(select_reachable(text, "meter"))) == ["meter"]


def test_every_stream_of_every_module_has_a_checker(blocks):
    bound = [
        line for line in write_checkers(verilog(blocks.Chain(2))).splitlines() if line.startswith("bind")
    ]
    assert [line.split()[1] for line in bound] == ["chain", "chain", "incrementer", "incrementer"]
    assert all(".withdrawn(rst)" in line for line in bound)
