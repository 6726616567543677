# SPDX-License-Identifier: Apache-2.0
"""What can be synthesised for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nms.contract.errors import UserError

GENERIC = Path(__file__).parent / "cells" / "generic.lib"
OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Where Debian's qflow-tech-osu018 puts it."""

NAMES = ("generic", "osu018", "ecp5")


@dataclass(frozen=True)
class Target:
    """A name and, unless it is an FPGA, the Liberty files of its cells."""

    name: str
    liberty: tuple[Path, ...] = ()

    @property
    def fpga(self) -> bool:
        """Whether nextpnr does it."""
        return not self.liberty


def target(name: str | None = None, liberty: Sequence[Path] = ()) -> Target:
    """The target of that name (generic by default) or, with ``liberty``, one of those cells.

    Raises
    ------
    UserError
        There is no such target, both are given, or the files are not on this machine.
    """
    if liberty:
        if name is not None:
            raise UserError(f"target {name!r}: name a target or --liberty files, not both")
        missing = [str(file) for file in liberty if not file.is_file()]
        if missing:
            raise UserError(f"liberty {missing[0]!r}: no such file")
        return Target(liberty[0].name.split(".")[0], tuple(liberty))
    if name is None or name == "generic":
        return Target("generic", (GENERIC,))
    if name == "osu018":
        if not OSU018.is_file():
            raise UserError(f"target 'osu018' needs {OSU018}: apt-get install qflow-tech-osu018")
        return Target(name, (OSU018,))
    if name == "ecp5":
        return Target(name)
    raise UserError(f"target {name!r} does not exist; known: {', '.join(NAMES)}, or --liberty FILE")


def cells(name: str | None = None) -> Target:
    """The target of that name (generic by default), which must be one of library cells.

    Raises
    ------
    UserError
        It is not.
    """
    found = target(name)
    if found.fpga:
        raise UserError(f"target {name!r}: has no netlist of library cells; take generic or osu018")
    return found
