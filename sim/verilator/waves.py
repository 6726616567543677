# SPDX-License-Identifier: Apache-2.0
"""Traces for reading: a copy of a run's VCD, and a GTKWave view of the block's ports, by interface."""

import shutil
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TextIO

from vcd.gtkw import GTKWSave

from nms.contract.output import publish
from nms.sim.verilator.context import Port

CHANNELS = ("aw", "w", "b", "ar", "r", "t")
"""AXI channels, by what their ports' names begin with after the interface's prefix."""


def interface(port: str) -> str:
    """The interface of a port: the stream of ``o_kept__valid``, the bus of ``m_axi_arvalid``, or nothing."""
    stream, separator, _ = port.rpartition("__")
    if separator:
        return stream
    bus, separator, name = port.rpartition("_")
    return bus if bus.endswith(("axi", "axil", "axis")) and name.startswith(CHANNELS) else ""


def keep(directory: Path, module: str, ports: Mapping[str, Port], trace: Path) -> Path:
    """Copy a run's trace to ``directory / <module>.vcd``, with a view of ``module``'s ports; the view's path.

    In the view ``<module>.gtkw`` the ports that belong to no interface come first, then each interface.
    """

    def write(staging: Path) -> None:
        shutil.copy(trace, staging / f"{module}.vcd")
        with (staging / f"{module}.gtkw").open("w") as file:
            _write_view(file, module, ports)

    publish(directory, write)
    return directory / f"{module}.gtkw"


def _write_view(file: TextIO, module: str, ports: Mapping[str, Port]) -> None:
    save = GTKWSave(file)
    save.dumpfile(f"{module}.vcd", abspath=False)
    save.treeopen(f"{module}.")
    for name, members in groupby(sorted(ports, key=interface), interface):
        with save.group(name or module):
            for port in members:
                width = ports[port].width
                bits = f"[{width - 1}:0]" if width > 1 else ""
                save.trace(f"{module}.{port}{bits}", datafmt="hex" if width > 4 else "dec")
