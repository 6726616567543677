# SPDX-License-Identifier: Apache-2.0
"""The whole sampler in simulation: images in, and every table read out of the hardware."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

import numpy as np

from nms.contract.config import Config, SamplerConfig
from nms.contract.errors import UserError
from nms.contract.registers import BYTES
from nms.contract.settings import LeanSettings, Settings
from nms.contract.tables import KINDS, SamplerTables
from nms.rtl.core import make_core
from nms.rtl.export import emit
from nms.sim.models.driver import Results
from nms.sim.models.streams import Stalls
from nms.sim.verilator import waves
from nms.sim.verilator.runner import Outcome, simulate

LARGE, LARGE_REDUCED = 16, 64
"""Batches above this, of the published method and of reduced images, are worth an optimising build.

It takes longer and simulates faster.
"""


@dataclass(frozen=True)
class HardwareRun:
    """What one run of the simulated hardware gave.

    ``cycles`` are the hardware's own counters, by phase. ``utilisation`` is useful operations over slots: in
    the distance phase pixel words of pairs i < j over processing elements (PEs), in the search weights of
    candidates over PEs, in the embedding pairs i != j over lanes. ``processor_seconds`` is the processor time
    of the whole simulation; ``job_seconds`` that of its ``job_cycles``, from the first setting to the end of
    the job.

    By ``axi`` alone: ``traffic`` are the bytes on the data buses, as the hardware counted them (``counters``)
    and as monitors at the pins did (``monitors``); ``written`` is what was written to memory for each batch.
    """

    tables: SamplerTables
    cycles: dict[str, int]
    utilisation: dict[str, float]
    simulated_cycles: int
    build_seconds: float
    run_seconds: float
    processor_seconds: float
    job_cycles: int
    job_seconds: float
    traffic: dict[str, dict[str, int]] = field(default_factory=dict)
    written: list[Results] = field(default_factory=list)


def _utilisation(
    config: SamplerConfig, settings: Settings | LeanSettings, cycles: dict[str, int], trials: int
) -> dict[str, float]:
    if not isinstance(config, Config):
        return {}
    n, words = settings.count, -(-settings.reduced // config.lanes)
    useful = {
        "distance": (n * (n - 1) // 2 * words, config.pes),
        "search": (trials * (n - 1), config.pes),
        "embed": (settings.iterations * n * (n - 1), config.te_lanes),
    }
    return {phase: work / (slots * cycles[phase]) for phase, (work, slots) in useful.items()}


def run(
    config: SamplerConfig,
    settings: Settings | LeanSettings,
    images: np.ndarray,
    *,
    verilog: Path | None = None,
    stalls: Stalls = Stalls.NONE,
    progress: Callable[[str], None] | None = None,
    bus: Literal["axi", "native"] = "native",
    traces: Path | None = None,
    simulator: Callable[..., Outcome] = simulate,
) -> HardwareRun:
    """Run ``images`` (N, D) uint8 through the sampler, freshly emitted or from the file ``verilog``.

    By ``axi`` they go through memory, registers and buses of :class:`nms.rtl.bus.axi.NearMemorySampler`; by
    ``native`` into the ports of :class:`nms.rtl.sampler.Sampler` or of
    :class:`nms.rtl.lean.sampler.LeanSampler`. By ``axi`` they may be a job of several
    batches (B, N, D), whose last one the tables and cycles tell of.

    ``simulator`` is Verilator's or :func:`nms.sim.icarus.simulate`. With ``traces``, waves and a view of the
    ports are left in that directory.

    Raises
    ------
    UserError
        A tool is missing; the file cannot be read or has no sampler; images are to be reduced, and not within
        the ports of ``native``.
    ToolError
        The hardware does not build; a tool or the simulation was killed.
    RuntimeError
        The hardware hangs or refuses the settings; the end of the log is in the message.
    """
    if bus == "native" and isinstance(config, Config) and settings.side:
        raise UserError(f"bus native: side {settings.side}: must be axi, where images are reduced")
    tell = progress or (lambda text: None)
    tell("emitting Verilog")
    module, testbench, emit_verilog = {
        "axi": ("near_memory_sampler", "nms.sim.testbenches.jobs.axi", emit.system_verilog),
        "native": (make_core(config).module, "nms.sim.testbenches.jobs.native", emit.sampler_verilog),
    }[bus]
    text = verilog or emit_verilog(config)
    tell("building and running the simulation")
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "images.npy", Path(folder) / "result.npz"
        np.save(given, images[np.newaxis] if bus == "axi" and images.ndim == 2 else images)
        outcome = simulator(
            module=module,
            verilog=text,
            testbench=testbench,
            parameters={
                "config": config.model_dump(),
                "settings": asdict(settings),
                "images": str(given),
                "result": str(result),
                "stalls": stalls.value,
            },
            fast=config.images > (LARGE if isinstance(config, Config) else LARGE_REDUCED),
            waves=traces is not None,
        )
        if traces is not None and outcome.waves is not None:
            waves.keep(traces, module, outcome.ports, outcome.waves)
        if not outcome:
            raise RuntimeError("the simulated sampler failed: " + "\n".join(outcome.failures))
        with np.load(result) as found:
            values = dict(found)
    held = KINDS[config.method]
    tables = held(**{name: values[name] for name in held.names()})
    cycles = {p.name.lower(): int(values[f"cycles_{p.name.lower()}"]) for p in config.phases}
    columns = [f"{column.name}_of_batches" for column in fields(Results)]
    written = (
        [Results(*batch) for batch in zip(*(values[name] for name in columns), strict=True)]
        if bus == "axi"
        else []
    )
    sources = {"counters": "", "monitors": "seen_"} if bus == "axi" else {}
    return HardwareRun(
        tables=tables,
        cycles=cycles,
        utilisation=_utilisation(config, settings, cycles, int(values["trials"])),
        simulated_cycles=int(values["simulated"]),
        build_seconds=outcome.seconds_build,
        run_seconds=outcome.seconds_run,
        written=written,
        processor_seconds=float(values["processor_seconds"]),
        job_cycles=int(values["job_cycles"]),
        job_seconds=float(values["job_seconds"]),
        traffic={
            source: {name: int(values[prefix + name]) for name in BYTES} for source, prefix in sources.items()
        },
    )
