# SPDX-License-Identifier: Apache-2.0
"""Names of a core's modules: renamed as asked, back when read, refused where Verilog does not allow them."""

from pathlib import Path

import pytest

from nms.contract.config import load
from nms.contract.errors import UserError
from nms.rtl.export import core, naming
from nms.rtl.export.naming import Names, apply_names, restore_names
from nms.sim.verilator.runner import read

TEXT = """\
// Near-memory sampler, configuration tiny, digest 0123456789ab, as generated.

module near_memory_sampler (aclk);
  input aclk;
  pe pe (
    .clk(aclk)
  );
  pe__queue  queue (
    .clk(aclk)
  );
endmodule

module pe (clk);
  assign x = pe (clk);
endmodule

module pe__queue (clk);
endmodule
"""


def test_all_modules_but_the_top_get_the_prefix() -> None:
    text = apply_names(TEXT, Names("a_", "top"))
    assert "module top (" in text
    assert "module a_pe (" in text
    assert "  a_pe pe (" in text
    assert "  a_pe__queue  queue (" in text
    assert "  assign x = pe (clk);" in text
    assert "digest 0123456789ab, prefix 'a_', top top, as generated." in text


@pytest.mark.parametrize(
    "names", [Names(), Names("a_", "t"), Names("", "near_memory_sampler"), Names("", "t")]
)
def test_read_as_if_it_had_not_been_renamed(names: Names, tmp_path: Path) -> None:
    (tmp_path / "core.v").write_text(apply_names(TEXT, names))
    assert read(tmp_path / "core.v").split("\n")[1:] == TEXT.split("\n")[1:]
    assert restore_names(TEXT) == TEXT


@pytest.mark.parametrize(
    ("prefix", "top", "said"),
    [
        ("1st", "top", "prefix '1st' cannot begin a Verilog identifier"),
        ("a-", "top", "prefix 'a-' cannot begin a Verilog identifier"),
        ("\u00e9", "top", "cannot begin a Verilog identifier"),
        ("a_", "", "top '' is no Verilog identifier"),
        ("a_", "to p", "top 'to p' is no Verilog identifier"),
        ("a_", "module", "top 'module' is a reserved word of SystemVerilog"),
        ("ty", "top", "prefix 'ty' makes module 'pe' the reserved word 'type'"),
        ("a_", "a_pe", "top 'a_pe' is the name of another module of the core"),
    ],
)
def test_refused(prefix: str, top: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as raised:
        apply_names(TEXT, Names(prefix, top))
    assert "\n" not in str(raised.value)


def test_nothing_is_written_for_a_bad_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="reserved"):
        core.generate(load("tiny"), tmp_path / "core", {}, top="wire")
    assert not (tmp_path / "core").exists()


def test_a_core_has_the_name_of_a_preset_only_if_it_is_that_preset() -> None:
    other = load("tiny", ["images=8"])
    assert core.name_core(load("tiny")) == "nms:sampler:tiny:0.1.0"
    assert core.name_core(other) == f"nms:sampler:tiny-{other.digest}:0.1.0"
    choices = [Names(), Names("a_"), Names(""), Names(top="a"), Names("a_", "a")]
    assert len({core.name_core(load("tiny"), names) for names in choices}) == len(choices)


@pytest.mark.parametrize("vlnv", ["tiny", "a:b:c:", "a:b::1.0", "a:b:c d:1.0", 'a:b:c":1.0', "a:b:c:1.0\n"])
def test_a_core_with_a_bad_name_is_refused(vlnv: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be vendor:library:name:version"):
        core.generate(load("tiny"), tmp_path / "core", {}, vlnv)
    assert not (tmp_path / "core").exists()


def test_reserved_words() -> None:
    assert len(naming.RESERVED) == 248
    assert {"module", "logic", "endclass", "xor"} <= naming.RESERVED
