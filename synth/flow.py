# SPDX-License-Identifier: Apache-2.0
"""Synthesis of a unit or of a whole sampler: from the configuration to a netlist and its figures."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nms.contract.config import Config
from nms.rtl import units
from nms.rtl.export.emit import Design
from nms.rtl.lib.hierarchy import Block
from nms.synth import mapping, metrics, placement
from nms.synth.elaborate import elaborate
from nms.synth.liberty import Library
from nms.synth.targets import Target


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

    def expressions(self) -> str:
        """Verilog to simulate in place of what was emitted: the netlist, each cell being its function."""
        assert self.netlist is not None
        assert self.library is not None
        return mapping.expressions(self.library, self.netlist.parent)


def synthesise(
    config: Config,
    unit: str,
    target: Target,
    directory: Path,
    progress: Callable[[str], None] | None = None,
) -> list[Result]:
    """Synthesise the blocks of ``unit``, each in a folder of its name in ``directory``.

    A unit is named as in :data:`nms.rtl.units.UNITS`; most have one block, ``cordic`` and ``newton`` have one
    for each width and purpose.

    Raises
    ------
    UserError
        No such unit; a tool or a library is missing or not usable.
    ToolError
        A tool failed.
    """
    units.check_names([unit])
    return [
        synthesise_block(config, unit, block, design, target, directory / block.module, progress)
        for block, design in units.find_blocks(unit, config)
    ]


def synthesise_block(
    config: Config,
    unit: str,
    block: Block,
    design: Design,
    target: Target,
    work: Path,
    progress: Callable[[str], None] | None = None,
) -> Result:
    """One block of a design, in the folder ``work``, which keeps every file of the tools."""
    tell = progress or (lambda text: None)
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    tell(f"{block.module}: emitting and elaborating")
    elaborate(design.verilog(block.module), block.module, set(design.blocks), work)
    tell(f"{block.module}: mapping to {target.name}")
    record = metrics.common(config, unit, block.module, target)
    if target.fpga:
        figures = placement.place_and_route(block.module, work)
        return Result(unit, block.module, record | figures | metrics.duration(started))
    library, figures = mapping.map_cells(block.module, target, block.clocks_itself, work)
    record |= figures | metrics.duration(started)
    return Result(unit, block.module, record, work / mapping.NETLIST, work / mapping.CELLS, library)


def netlist_verilog(config: Config, target: Target, block: Block, design: Design) -> str:
    """The netlist of a block, to simulate in place of what was emitted (:meth:`Result.expressions`)."""
    with tempfile.TemporaryDirectory() as folder:
        return synthesise_block(config, "", block, design, target, Path(folder)).expressions()
