# SPDX-License-Identifier: Apache-2.0
"""Clock gates: which cell is found, which flip-flops get one, and what counts as one."""

import json
import re
import sys
from pathlib import Path

import pytest

from nms.cli import main
from nms.contract.errors import ToolError, UserError
from nms.synth import clock_gates, liberty, liberty_file, mapping, targets, yosys
from nms.synth.clock_gates import ClockGate
from nms.synth.elaborate import elaborate

REGISTERS = """
module inner(input clk, on, input [3:0] d, output reg [3:0] q);
  always @(posedge clk) if (on) q <= d;
endmodule
module registers(input clk, rst, on, input [7:0] d, output reg [7:0] first, last, free,
                 output reg [3:0] low, output reg [2:0] few, output [3:0] below);
  always @(posedge clk) begin
    if (rst) first <= 8'h35; else if (on) first <= d;
    if (d[0]) begin if (rst) last <= 8'h0f; else last <= ~d; end
    if (!d[1]) low <= d[7:4];
    if (d[2]) few <= d[5:3];
    free <= d;
  end
  inner one (.clk(clk), .on(on), .d(d[3:0]), .q(below));
endmodule
"""
"""Flip-flops by enable: 8 with a reset that comes first, 8 with one that comes last, 4 low, 3 too few for a
gate, 8 without; and 4 in a block below."""

SYNTH = "synth -c tiny --unit prng --json"


def map_registers(target: targets.Target, work: Path) -> tuple[liberty.CellLibrary, dict]:
    work.mkdir()
    elaborate(REGISTERS, "registers", {"registers", "inner"}, work)
    return mapping.map_block("registers", target, False, work)


@pytest.fixture(scope="module")
def gated(gating_liberty, tmp_path_factory):
    """Library, figures and folder of the registers with gated clocks."""
    work = tmp_path_factory.mktemp("gated") / "work"
    return *map_registers(targets.select_target(None, [gating_liberty]), work), work


def nms(words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["nms", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_cell_is_found_by_its_attributes(gating_liberty: Path) -> None:
    """Also with dont_use; a cell without a pin to tie comes before a smaller one with it."""
    plain, scan = clock_gates.find(map(liberty_file.load, [targets.GENERIC, gating_liberty]))
    assert plain == ClockGate("GATE", 8.5, "CK", "E", "GCK")
    assert scan == ClockGate("SCANGATE", 7.0, "CK", "E", "GCK", ("SE",))
    assert scan.arguments == "-pos SCANGATE E:CK:GCK -tie_lo SE -min_net_size 4"


def test_flip_flops_that_share_an_enable_are_gated(gated) -> None:
    library, figures, work = gated
    assert [gate.name for gate in library.clock_gates] == ["GATE", "SCANGATE"]
    assert figures["flip_flops"] == 8 + 8 + 4 + 3 + 8 + 4
    assert figures["gated_flip_flops"] == 8 + 8 + 4 + 4
    assert figures["clock_gates"] == 4
    assert figures["gated_share"] == pytest.approx(24 / 35, abs=1e-4)
    assert figures["modules"]["inner"]["gated_flip_flops"] == figures["below"]["inner"]["flip_flops"] == 4
    assert figures["below"]["inner"]["gated_share"] == 1
    assert figures["area_flip_flops"] == 35 * library.cells["DFF"].area
    assert figures["cells"] == sum(m["cells"] for m in figures["modules"].values())
    assert "latch" not in (work / mapping.NETLIST).read_text()
    assert "GATE" in (work / mapping.CELLS).read_text()


def test_a_gated_netlist_needs_no_multiplexers(gated, gating_liberty, tmp_path) -> None:
    _, figures, _ = gated
    _, plain = map_registers(
        targets.select_target(None, [gating_liberty], clock_gating=False), tmp_path / "plain"
    )
    assert (plain["flip_flops"], plain["clock_gates"], plain["gated_flip_flops"]) == (35, 0, 0)
    assert figures["area"] + 24 * 1.5 < plain["area"] + 4 * 8.5


def test_the_simulated_gate_is_a_latch_and_an_and(gated) -> None:
    library, _, work = gated
    text = mapping.write_simulation_model(library, work)
    assert text.count("always @*") == 4
    assert " GATE " not in text
    assert text.count("@(posedge clk)") == 3 + 8


LATCH = re.compile(r"^  always @\*\n    if \(!clk\) \S+ = (?P<enable>.*);$", re.MULTILINE)
"""The latch of a simulated clock gate."""

CYCLES = 8


def prove_same(gates: str, work: Path) -> None:
    """That gates do for :data:`CYCLES` what the registers do, by all inputs, once all have been loaded."""
    texts = {"gold": REGISTERS, "gate": gates}
    script = []
    for name, text in texts.items():
        (work / f"{name}.v").write_text(text)
        script += [f"read_verilog -sv {name}.v", "hierarchy -top registers", "proc", "flatten", "opt_clean"]
        script += [f"rename registers {name}", f"design -stash {name}"]
    script += [f"design -copy-from {name} {name}" for name in texts]
    script += ["miter -equiv -flatten gold gate miter", "hierarchy -top miter", "clk2fflogic", "opt_clean"]
    clock = " ".join(f"-set-at {step} in_clk {(step + 1) % 2}" for step in range(1, 2 * CYCLES + 1))
    loads = " ".join(
        f"-set-at {step} in_{name} {value}"
        for step in range(1, 5)
        for name, value in (("rst", 1), ("on", 1), ("d", 0b101))
    )
    script.append(
        f"sat -verify -set-def-inputs {clock} {loads} -prove-skip 4 -seq {2 * CYCLES} -prove trigger 0 miter"
    )
    yosys.run(script, work)


def test_gated_registers_do_what_ungated_ones_do(gated, tmp_path) -> None:
    library, _, work = gated
    prove_same(mapping.write_simulation_model(library, work), tmp_path)


def test_a_swapped_enable_is_found(gated, tmp_path) -> None:
    library, _, work = gated
    good = mapping.write_simulation_model(library, work)
    first, *_, last = LATCH.finditer(good, good.index("module registers("))
    assert first["enable"] != last["enable"]
    text = good[: last.start("enable")] + first["enable"] + good[last.end("enable") :]
    text = text[: first.start("enable")] + last["enable"] + text[first.end("enable") :]
    with pytest.raises(ToolError, match="proof did fail"):
        prove_same(text, tmp_path)


KINDS = [
    f"$_{name}_P{reset}{value}{enable}_"
    for name in ("SDFFE", "SDFFCE")
    for reset in "PN"
    for value in "01"
    for enable in "PN"
]


def prove_reset_map(kind: str, text: str, work: Path) -> None:
    """By induction, that a flip-flop of this kind is one with an enable alone after a map of this text."""
    (work / "map.v").write_text(text)
    (work / "one.v").write_text(
        f"module gold(input D, C, R, E, output Q); \\{kind} f (.D(D), .C(C), .R(R), .E(E), .Q(Q)); endmodule"
    )
    yosys.run(
        [
            "read_verilog -icells one.v",
            "copy gold gate",
            "techmap -map map.v gate",
            "select -assert-none gate/t:$_SDFF*",
            "miter -equiv -flatten gold gate miter",
            "sat -verify -tempinduct -set-init-zero -prove trigger 0 miter",
        ],
        work,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_reset_becomes_an_enable(kind: str, tmp_path: Path) -> None:
    prove_reset_map(kind, clock_gates.RESETS.read_text(), tmp_path)


def test_a_wrong_map_is_not_proved(tmp_path: Path) -> None:
    text = clock_gates.RESETS.read_text()
    for right, wrong in (("enable | reset", "enable"), ("D & ~reset", "D & reset"), ('"P"', '"N"')):
        assert right in text
        with pytest.raises(ToolError, match="proof did fail"):
            prove_reset_map("$_SDFFE_PP0P_", text.replace(right, wrong), tmp_path)


def test_gating_that_does_nothing_is_an_error(gating_liberty, tmp_path) -> None:
    free = "module free(input clk, d, output reg q); always @(posedge clk) q <= d; endmodule"
    for wanted in (None, True):
        work = tmp_path / str(wanted)
        work.mkdir()
        elaborate(free, "free", {"free"}, work)
        target = targets.select_target(None, [gating_liberty], wanted)
        if wanted:
            with pytest.raises(UserError, match="free: --clock-gating gates no flip-flop; needs 4"):
                mapping.map_block("free", target, False, work)
        else:
            assert mapping.map_block("free", target, False, work)[1]["clock_gates"] == 0


def test_gating_without_a_gate_is_an_error(tmp_path) -> None:
    library = liberty.read("generic", [targets.GENERIC], tmp_path)
    assert mapping.choose_gate(targets.select_target(), library) is None
    with pytest.raises(UserError, match="target 'generic': --clock-gating needs a cell with"):
        mapping.choose_gate(targets.select_target("generic", clock_gating=True), library)
    with pytest.raises(UserError, match="target 'ecp5': --clock-gating is for cell libraries"):
        targets.select_target("ecp5", clock_gating=True)


def test_the_least_share_is_asserted(gating_liberty, monkeypatch, capsys, tmp_path) -> None:
    """Figures in metrics.json; one line and status 1 when fewer are gated."""
    words = f"{SYNTH} --liberty {gating_liberty} -o {tmp_path / 'out'} --min-gated"
    assert nms(f"{words} 0.01", monkeypatch) == 0
    capsys.readouterr()
    assert nms(f"{words} 0.99", monkeypatch) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("--min-gated 0.99: fewer flip-flops are gated")
    [block] = json.loads((tmp_path / "out" / "metrics.json").read_text())["blocks"]
    assert block["clock_gates"] > 0
    assert block["gated_share"] == pytest.approx(block["gated_flip_flops"] / block["flip_flops"], abs=1e-4)


def test_cells_to_check_need_a_netlist(gating_liberty, monkeypatch, capsys) -> None:
    assert nms(f"check pe --liberty {gating_liberty}", monkeypatch) == 2
    assert "for --netlist only" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "gate"),
    [
        (["sky130hd_tt"], "sky130_fd_sc_hd__dlclkp_1"),
        (["sg13g2_typ_1p20V_25C"], "sg13g2_lgcp_1"),
        ([f"asap7_rvt_tt_{part}" for part in ("simple", "seq", "invbuf")], "ICGx1_ASAP7_75t_R"),
    ],
)
def test_open_libraries(names: list[str], gate: str, shared_liberty: Path, tmp_path: Path) -> None:
    files = [shared_liberty / f"{name}.lib.gz" for name in names]
    library, figures = map_registers(targets.select_target(None, files, True), tmp_path / "work")
    assert library.clock_gates[0].name == gate
    assert (figures["gated_flip_flops"], figures["clock_gates"]) == (24, 4)
