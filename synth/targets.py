# SPDX-License-Identifier: Apache-2.0
"""Targets of synthesis: cell libraries, and an FPGA."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nms.contract.errors import UserError
from nms.synth import liberty_file

GENERIC = Path(__file__).parent / "cells" / "generic.lib"
"""The project's own cells: areas count transistors, and there are no delays."""
OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Cells of 0.18 um, where Debian's qflow-tech-osu018 installs them."""

NAMES = ("generic", "osu018", "ecp5")


@dataclass(frozen=True)
class Target:
    """A target's name and, unless it is an FPGA, the Liberty files of its cells.

    ``clock_gating``: whether registers are clocked through clock gates; ``None``: if the library has any.
    """

    name: str
    liberty: tuple[Path, ...] = ()
    clock_gating: bool | None = None

    @property
    def fpga(self) -> bool:
        """Whether the target is an FPGA, placed and routed by nextpnr."""
        return not self.liberty


def select_target(
    name: str | None = None, liberty: Sequence[Path] = (), clock_gating: bool | None = None
) -> Target:
    """The target called ``name`` (default: generic) or, with ``liberty``, the cells of these files.

    ``clock_gating`` is that of :class:`Target`.

    Raises
    ------
    UserError
        There is no such target, both are given, a file is not on this machine, or an FPGA is to gate clocks.
    """
    if liberty:
        if name is not None:
            raise UserError(f"target {name!r}: pass a target or --liberty files, not both")
        liberty_file.check_present(liberty)
        return Target(liberty[0].name.split(".")[0], tuple(liberty), clock_gating)
    if name is None or name == "generic":
        return Target("generic", (GENERIC,), clock_gating)
    if name == "osu018":
        if not OSU018.is_file():
            raise UserError(f"target 'osu018' needs {OSU018}: apt-get install qflow-tech-osu018")
        return Target(name, (OSU018,), clock_gating)
    if name == "ecp5":
        if clock_gating is not None:
            raise UserError("target 'ecp5': --clock-gating is for cell libraries")
        return Target(name)
    raise UserError(
        f"target {name!r} does not exist; must be one of: {', '.join(NAMES)}; or pass --liberty FILE"
    )
