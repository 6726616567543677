# SPDX-License-Identifier: Apache-2.0
"""Traces for reading: a copy of a run's VCD, and a GTKWave view of the block's ports, by interface."""

import shutil
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from vcd.gtkw import GTKWSave

from sim.context import Port

CHANNELS = ("aw", "w", "b", "ar", "r", "t")
"""AXI channels, by what their ports' names begin with after the interface's prefix."""


def interface(port: str) -> str:
    """The interface of a port: the stream of ``o_kept__valid``, the bus of ``m_axi_arvalid``, or nothing."""
    stream, separator, _ = port.rpartition("__")
    if separator:
        return stream
    bus, separator, name = port.rpartition("_")
    return bus if bus.endswith(("axi", "axil", "axis")) and name.startswith(CHANNELS) else ""


def view(path: Path, module: str, ports: Mapping[str, Port], trace: Path) -> None:
    """Write a view of ``module``'s ports in ``trace``: those of no interface first, then each interface."""
    ordered = sorted(ports, key=lambda port: (interface(port), list(ports).index(port)))
    with path.open("w") as file:
        save = GTKWSave(file)
        save.dumpfile(trace.name)
        save.treeopen(f"{module}.")
        for name, members in groupby(ordered, interface):
            with save.group(name or module):
                for port in members:
                    width = ports[port].width
                    bits = f"[{width - 1}:0]" if width > 1 else ""
                    save.trace(f"{module}.{port}{bits}", datafmt="hex" if width > 4 else "dec")


def keep(directory: Path, module: str, ports: Mapping[str, Port], trace: Path) -> Path:
    """Copy a run's trace to ``directory / <module>.vcd`` with its view ``<module>.gtkw``; the view's path."""
    copy = directory / f"{module}.vcd"
    shutil.copy(trace, copy)
    view(copy.with_suffix(".gtkw"), module, ports, copy)
    return copy.with_suffix(".gtkw")
