# SPDX-License-Identifier: Apache-2.0
"""From emitted Verilog to what every target starts from: checked, flattened up to blocks and memories."""

import re
from pathlib import Path

from nms.synth import yosys

MODULE = re.compile(r"^module (\S+?) ?\(", re.MULTILINE)


def elaborate(verilog: str, top: str, blocks: set[str], work: Path) -> None:
    """Leave ``elaborated.il`` in ``work``.

    Amaranth's assertions are SystemVerilog, which Yosys reads as formal cells; they are removed, and so are
    the messages that belong to them. Modules that are not blocks of their own dissolve in the block that
    they stand in, so that repeated blocks are synthesised once, and the rest is optimised as a whole.
    """
    (work / "design.sv").write_text(verilog)
    found = [name for name in MODULE.findall(verilog) if name in blocks]
    yosys.run(
        [
            "read_verilog -sv design.sv",
            f"hierarchy -check -top {top}",
            "proc",
            "chformal -remove",
            "delete t:$print",
            "opt_clean",
            "setattr -mod -set keep_hierarchy 1 " + " ".join(found),
            "flatten",
            "opt_clean -purge",
            "write_rtlil elaborated.il",
        ],
        work,
    )
