# SPDX-License-Identifier: Apache-2.0
"""The main job: one batch of images through the model or the simulated hardware."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nms import results
from nms.contract.config import Config, SamplerConfig
from nms.contract.settings import LeanSettings, Settings
from nms.contract.tables import SamplerTables
from nms.datasets import Images

if TYPE_CHECKING:
    from nms.sim.compare import TableComparison
    from nms.soc.system import Options
    from nms.synth.targets import Target

LEVELS = ("golden", "rtl", "netlist")


@dataclass(frozen=True)
class Outcome:
    """What one level produced; the figures of the hardware are empty at level golden."""

    level: str
    tables: SamplerTables
    comparison: "list[TableComparison]" = field(default_factory=list)
    cycles: dict[str, int] = field(default_factory=dict)
    utilisation: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    traffic: dict[str, dict[str, int]] = field(default_factory=dict)
    dram: dict[str, Any] = field(default_factory=dict)

    @property
    def compared(self) -> int:
        """Values compared, over all tables."""
        return sum(table.compared for table in self.comparison)

    @property
    def mismatches(self) -> int:
        """Values in which the hardware differs from the bit-true model."""
        return sum(table.mismatches for table in self.comparison)


def run(
    config: SamplerConfig,
    settings: Settings | LeanSettings,
    data: Images,
    level: str,
    progress: Callable[[str], None] | None = None,
    bus: Literal["axi", "native"] = "axi",
    traces: Path | None = None,
    dram: "Options | None" = None,
    cells: "Target | None" = None,
) -> Outcome:
    """Run ``data`` at ``level``; at levels rtl and netlist, by ``bus``, compare its tables with the model.

    Level netlist simulates ``cells``, those of target ``generic`` by default, in place of what was emitted;
    memories stay behavioural, but on an FPGA. With ``traces``, the simulation's waves are left in that
    directory. With ``dram``, at level rtl, memory is a simulated DRAM behind its controller, whose commands
    are counted.
    """
    from nms.golden import sampler as golden

    if level != "golden":
        from nms.sim.verilator import tools

        tools.require()
    if progress:
        progress("computing the bit-true model")
    model = golden.run(config, settings, data.images)
    if level == "golden":
        return Outcome(level, model)
    from nms.sim import sampler as hardware
    from nms.sim.compare import compare

    if dram is not None:
        from nms.soc import dram_run

        return dram_run.run(config, settings, data.images, model, dram, progress)
    with tempfile.TemporaryDirectory() as folder:
        verilog = None
        if level == "netlist":
            verilog = _write_netlist(config, bus, Path(folder), cells, progress)
        run = hardware.run(
            config, settings, data.images, verilog=verilog, progress=progress, bus=bus, traces=traces
        )
    return Outcome(
        level,
        run.tables,
        compare(run.tables, model),
        run.cycles,
        run.utilisation,
        {"build": run.build_seconds, "simulation": run.run_seconds},
        run.traffic,
    )


def _write_netlist(
    config: SamplerConfig,
    bus: str,
    folder: Path,
    cells: "Target | None",
    progress: Callable[[str], None] | None,
) -> Path:
    """Write the netlist of the sampler, with its buses or without, and its cells; return the file."""
    from nms.rtl import units
    from nms.synth import flow, targets

    core = "sampler" if isinstance(config, Config) else "lean_sampler"
    unit = {"axi": "axi", "native": core}[bus]
    [(block, design)] = units.find_blocks(unit, config)
    if progress:
        progress("synthesising")
    file = folder / "sampler.v"
    file.write_text(flow.simulation_model(config, cells or targets.select_target(), block, design))
    return file


def collect_figures(
    outcome: Outcome,
    settings: Settings | LeanSettings,
    target: float,
    values: dict[str, np.ndarray],
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """Collect the contents of ``results.json``; perplexity errors are computed from beta in 80 bits.

    ``target`` is the perplexity asked for, if there is a map.
    """
    from nms.golden import exact

    figures: dict[str, Any] = {
        **provenance,
        "level": outcome.level,
        "count": settings.count,
        "pixels": settings.pixels,
        "kept": len(values["kept"]),
        **settings.describe(),
    }
    if "standing" in values:
        figures["standing"] = int(values["standing"].sum())
    if "beta" in values:
        reached = exact.perplexity(values["beta"], values["distance"]) if len(values["beta"]) else np.empty(0)
        errors = np.abs(reached - target).astype(np.float64)
        figures["iterations"] = settings.iterations
        figures["perplexity"] = results.summarise_errors(values, target, errors)
        if isinstance(settings, LeanSettings):
            figures["evaluations"] = settings.evaluations
    if outcome.comparison:
        figures["tables"] = {
            table.name: {"compared": table.compared, "mismatches": table.mismatches}
            for table in outcome.comparison
        }
        figures["compared"] = outcome.compared
        figures["mismatches"] = outcome.mismatches
        figures["cycles"] = outcome.cycles
        figures["utilisation"] = outcome.utilisation
        figures["seconds"] = outcome.seconds
        if outcome.traffic:
            figures["traffic"] = outcome.traffic
        if outcome.dram:
            figures["dram"] = outcome.dram
    return figures
