# SPDX-License-Identifier: Apache-2.0
"""Elaborate emitted Verilog to what every target starts from: checked, and flattened except for blocks."""

import re
from pathlib import Path

from nms.synth import yosys

MODULE = re.compile(r"^module (\S+?) ?\(", re.MULTILINE)


def elaborate(verilog: str, top: str, blocks: set[str], work: Path) -> None:
    """Elaborate the module ``top`` of ``verilog``, and write ``elaborated.il`` into the folder ``work``.

    Yosys reads Amaranth's SystemVerilog assertions as formal cells; these and their messages are removed.
    Modules that are not in ``blocks`` are flattened into the block that contains them. Thus a repeated block
    is synthesised once, and each block is optimised as a whole.

    Raises
    ------
    UserError
        Yosys is not installed.
    ToolError
        Yosys failed or rejects the Verilog.
    """
    (work / "design.sv").write_text(verilog)
    kept = [name for name in MODULE.findall(verilog) if name in blocks]
    yosys.run(
        [
            "read_verilog -sv design.sv",
            f"hierarchy -check -top {top}",
            "proc",
            "chformal -remove",
            "delete t:$print",
            "opt_clean",
            "setattr -mod -set keep_hierarchy 1 " + " ".join(kept),
            "flatten",
            "opt_clean -purge",
            "write_rtlil elaborated.il",
        ],
        work,
    )
