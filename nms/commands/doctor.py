# SPDX-License-Identifier: Apache-2.0
"""``nms doctor``."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from nms import extras, render
from nms.commands.options import Json

if TYPE_CHECKING:
    from nms.sim.verilator.tools import Tool


def doctor(as_json: Json = False) -> None:
    """List the extras and tools found, and what each missing one disables.

    Example: `nms doctor`
    """
    from nms.sim.verilator import tools
    from nms.soc import tools as system
    from nms.synth import tools as synthesis

    lacking = [(extra, extra.find_missing()) for extra in extras.EXTRAS]
    found = tools.find() + synthesis.find() + system.find()
    if as_json:
        listed = [
            {"name": extra.name, "gives": extra.gives, "missing": missing, "hint": extra.hint}
            for extra, missing in lacking
        ]
        render.print_json({"extras": listed, "tools": [asdict(tool) for tool in found]})
        return
    render.print_table(
        ["extra", "gives", "found", "how to get it"],
        [
            [extra.name, extra.gives, f"no {', '.join(missing)}" if missing else "yes", extra.hint]
            for extra, missing in lacking
        ],
    )
    print()
    render.print_table(
        ["tool", "version", "needed for", "where, or how to get it"],
        [[t.name, _shorten(t.version or "missing"), t.needed_for, _locate(t)] for t in found],
    )


def _shorten(version: str) -> str:
    """A version without what a distribution added to it."""
    return version.partition("+")[0]


def _locate(tool: "Tool") -> str:
    """Where a tool was found, or how to get it."""
    if tool.path is None:
        return tool.hint
    return "this environment" if Path(tool.path).is_relative_to(sys.prefix) else tool.path
