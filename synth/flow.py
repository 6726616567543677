# SPDX-License-Identifier: Apache-2.0
"""Synthesise a unit or a whole sampler: from the configuration to a netlist and its figures."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nms.contract.config import SamplerConfig
from nms.rtl import units
from nms.rtl.export.emit import Design
from nms.rtl.lib.hierarchy import Block
from nms.synth import mapping, metrics, placement
from nms.synth.elaborate import elaborate
from nms.synth.liberty import CellLibrary
from nms.synth.targets import Target


@dataclass(frozen=True)
class SynthesisResult:
    """A synthesised block.

    Members
    -------
    metrics : its record (:mod:`nms.synth.metrics`)
    netlist : Verilog of library cells, with memories as behavioural modules; ``None`` on an FPGA
    cells : Verilog of the cells that the netlist uses, from the library's functions; ``None`` on an FPGA
    library : the cell library; ``None`` on an FPGA
    """

    unit: str
    module: str
    metrics: dict[str, Any]
    netlist: Path | None = None
    cells: Path | None = None
    library: CellLibrary | None = None

    def simulation_model(self) -> str:
        """Verilog of the netlist, to simulate: each cell is replaced by its function."""
        assert self.netlist is not None
        assert self.library is not None
        return mapping.write_simulation_model(self.library, self.netlist.parent)


def synthesise(
    config: SamplerConfig,
    unit: str,
    target: Target,
    directory: Path,
    progress: Callable[[str], None] | None = None,
) -> list[SynthesisResult]:
    """Synthesise the blocks of ``unit``, each in a folder of its name in ``directory``.

    ``unit`` is a key of :data:`nms.rtl.units.UNITS`. Most units have one block; ``cordic`` and ``newton``
    have one for each width and purpose.

    Raises
    ------
    UserError
        There is no such unit, or a tool or library is missing or unusable.
    ToolError
        A tool failed.
    """
    units.check_names([unit], config)
    return [
        synthesise_block(config, unit, block, design, target, directory / block.module, progress)
        for block, design in units.find_blocks(unit, config)
    ]


def synthesise_block(
    config: SamplerConfig,
    unit: str,
    block: Block,
    design: Design,
    target: Target,
    work: Path,
    progress: Callable[[str], None] | None = None,
) -> SynthesisResult:
    """Synthesise one block of a design in the folder ``work``, which keeps all files of the tools."""
    tell = progress or (lambda text: None)
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    tell(f"{block.module}: emitting and elaborating")
    elaborate(design.verilog(block.module), block.module, set(design.blocks), work)
    tell(f"{block.module}: mapping to {target.name}")
    record = metrics.start_record(config, unit, block.module, target)
    if target.fpga:
        figures = placement.place_and_route(block.module, work)
        return SynthesisResult(unit, block.module, record | figures | metrics.measure_duration(started))
    library, figures = mapping.map_block(block.module, target, block.clocks_itself, work)
    record |= figures | metrics.measure_duration(started)
    return SynthesisResult(unit, block.module, record, work / mapping.NETLIST, work / mapping.CELLS, library)


def simulation_model(config: SamplerConfig, target: Target, block: Block, design: Design) -> str:
    """Synthesise a block, and return Verilog of its netlist to simulate: functions in place of cells.

    That of an FPGA is not placed.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if target.fpga:
            elaborate(design.verilog(block.module), block.module, set(design.blocks), work)
            return placement.write_simulation_model(block.module, work)
        return synthesise_block(config, "", block, design, target, work).simulation_model()
