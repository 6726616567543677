# SPDX-License-Identifier: Apache-2.0
"""``nms doctor``."""

from dataclasses import asdict

from nms import render
from nms.commands.options import Json


def doctor(as_json: Json = False) -> None:
    """List the tools found, and what each missing one disables.

    Example: `nms doctor`
    """
    from nms.sim.verilator import tools
    from nms.soc import tools as system
    from nms.synth import tools as synthesis

    found = tools.find() + synthesis.find() + system.find()
    if as_json:
        render.print_json([asdict(tool) for tool in found])
        return
    render.print_table(
        ["tool", "version", "needed for", "where, or how to get it"],
        [[t.name, t.version or "missing", t.needed_for, t.path or t.hint] for t in found],
    )
