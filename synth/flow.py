# SPDX-License-Identifier: Apache-2.0
"""Synthesis of a unit or of a whole sampler: from the configuration to a netlist and its figures."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nms.spec.config import Config
from rtl import units
from synth import asic, ecp5, metrics
from synth.elaborate import elaborate
from synth.liberty import Library
from synth.targets import Target


@dataclass(frozen=True)
class Result:
    """A synthesised block.

    ``netlist`` is Verilog of library cells, memories being behavioural modules; ``cells`` is Verilog of the
    cells that it uses, made from the library's functions. Of an FPGA there is neither.
    """

    unit: str
    module: str
    metrics: dict[str, Any]
    netlist: Path | None = None
    cells: Path | None = None
    library: Library | None = None

    @property
    def verilog(self) -> str:
        """The complete netlist, which can be simulated in place of the emitted Verilog."""
        assert self.netlist is not None
        assert self.cells is not None
        return self.netlist.read_text() + "\n" + self.cells.read_text()


def synthesise(
    config: Config,
    unit: str,
    target: Target,
    directory: Path,
    progress: Callable[[str], None] | None = None,
) -> list[Result]:
    """Synthesise the blocks of ``unit``, each into a folder of its name in ``directory``.

    A unit is named as in :data:`rtl.units.UNITS`; most have one block, ``cordic`` and ``newton`` several
    of different widths.

    Raises
    ------
    UserError
        No such unit; a tool or a library is missing or not usable.
    RuntimeError
        A tool failed.
    """
    results = []
    for block, design in units.found(unit, config):
        work = directory / block.module
        work.mkdir(parents=True, exist_ok=True)
        if progress:
            progress(f"{block.module}: emitting and elaborating")
        started = time.monotonic()
        elaborate(design.verilog(block.module), block.module, set(design.blocks), work)
        if progress:
            progress(f"{block.module}: mapping to {target.name}")
        common = metrics.common(config, unit, block.module, target)
        if target.fpga:
            figures = ecp5.place_and_route(block.module, block.clocks_itself, work)
            seconds = time.monotonic() - started
            results.append(Result(unit, block.module, common | figures | {"seconds": round(seconds, 1)}))
        else:
            library, figures = asic.map_cells(block.module, target, block.clocks_itself, work)
            seconds = time.monotonic() - started
            results.append(
                Result(
                    unit,
                    block.module,
                    common | figures | {"seconds": round(seconds, 1)},
                    work / asic.NETLIST,
                    work / asic.CELLS,
                    library,
                )
            )
    return results
