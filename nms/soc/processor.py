# SPDX-License-Identifier: Apache-2.0
"""Energy of the processor while it does in software what the sampler does, by the sampler's own estimator.

The processor's Verilog is mapped to the cells of a library, its toggles are counted while the program runs in
the simulated system, and its caches and registers cost their accesses. DRAM, ROM and bus are not in it.
"""

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from nms.contract.readout import Phase
from nms.energy.sampler.estimate import estimate_energy
from nms.energy.sampler.fit import fit
from nms.energy.sampler.gate_reference import count_open_cycles, measure_blocks
from nms.energy.sampler.netlist_energy import OperatingPoint
from nms.energy.sampler.netlists import map_blocks
from nms.energy.sampler.on_chip_memory import OnChipMemoryModel
from nms.energy.sampler.parts import SAMPLER_PARTS
from nms.energy.sampler.power_library import PowerLibrary
from nms.sim.activity.instrument import InstrumentedDesign, instrument
from nms.sim.activity.intervals import LENGTH, Activity
from nms.sim.activity.toggles import Recording, parse, sample_intervals
from nms.soc import run
from nms.soc.system import CLOCK, Options
from nms.soc.work import Work
from nms.synth import yosys

NAME = "VexRiscv"
"""The processor's module, its instance in the system, and its file."""

NESTED = ("InstructionCache", "DataCache")
"""The modules in it."""

NUMBERED = re.compile(r"_\d+_")
"""A net that only Yosys has named."""

INTERVALS = 256
"""Counting intervals of the software of a job."""

RESET = 16
"""Cycles of the reset with which the simulation begins; the program counts from its end."""

# Names for all nets, one for the enables of a word's bits, and values where the description leaves them open.
NAMING = (
    "read_verilog -sv processor.v", f"hierarchy -top {NAME}", "proc", "pmuxtree", "memory_collect",
    "setundef -zero t:$mux", "opt_reduce -full", "opt_clean", "write_verilog -noattr named.v",
)  # fmt: skip


@dataclass(frozen=True)
class ProcessorEnergy:
    """Energy of the processor while it runs the software of all jobs.

    Members
    -------
    cycles : of the software
    parts : joules, by :data:`nms.energy.sampler.parts.SAMPLER_PARTS`
    error : standard error of their sum over the sum
    counted : cycles whose toggles were counted
    coverage : share of the netlist's pin capacitance whose toggles are known
    compared : registers of the netlist whose next values were compared with the description's, and match
    flip_flops : of the netlist
    """

    cycles: int
    parts: dict[str, float]
    error: float
    counted: int
    coverage: float
    compared: int
    flip_flops: int

    @property
    def total(self) -> float:
        """Joules."""
        return sum(self.parts.values())


class Processor:
    """The processor as one block, whose caches are nested in it."""

    blocks = (NAME,)

    @cached_property
    def text(self) -> str:
        """Its Verilog, in which every net has a name."""
        import pythondata_cpu_vexriscv as package

        text = (Path(package.data_location) / f"{NAME}.v").read_text()
        for name in NESTED:
            text = text.replace(f"module {name} ", f"module {NAME}__{name} ")
            text = text.replace(f"  {name} ", f"  {NAME}__{name} ")
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            (work / "processor.v").write_text(text)
            yosys.run(list(NAMING), work)
            return (work / "named.v").read_text()

    def verilog(self, module: str) -> str:
        """All of it."""
        return self.text

    @cached_property
    def counted(self) -> InstrumentedDesign:
        """The same with counters of toggles.

        Nets that only Yosys has named are hidden: the netlist may keep their names for something else.
        """
        design = instrument(self.text, NAME, traced=[NAME])
        for module in design.modules.values():
            for name, net in module["netnames"].items():
                net["hide_name"] |= bool(NUMBERED.fullmatch(name))
        return design


def _record(
    work: Work, options: Options, design: InstrumentedDesign, intervals: Sequence[tuple[int, int]],
    tell: Callable[[str], None],
) -> Recording:  # fmt: skip
    """Run the program on the processor with counters, which is an instance in a system."""
    inside = f"system.{NAME}"
    text = design.verilog.replace(f'$sformatf("%m") == "{NAME}', f'$sformatf("%m") == "{inside}')
    with tempfile.TemporaryDirectory() as folder:
        asked, found = Path(folder) / "intervals.txt", Path(folder) / "activity.txt"
        asked.write_text("".join(f"{start} {stop}\n" for start, stop in intervals))
        plusargs = [f"+nms_intervals={asked}", f"+nms_activity={found}", "+nms_rows"]
        run.run(work, options, tell, {f"{NAME}.v": text}, plusargs)
        return parse(found.read_text().replace(inside, NAME), design, list(intervals))


def measure(
    work: Work, options: Options, jobs: Sequence[dict[str, int]], files: Sequence[Path], node: int, seed: int,
    tell: Callable[[str], None] = lambda text: None,
) -> ProcessorEnergy:  # fmt: skip
    """Energy of the software of ``work``.

    Parameters
    ----------
    jobs : what a run of ``work`` with these options told of each
    files : Liberty files of the processor's cells, at the library's own voltage
    node : of the library, in nm
    seed : of the counting intervals

    Raises
    ------
    UserError
        A file is not a usable cell library.
    ToolError
        A tool failed.
    RuntimeError
        The netlist does not match the description.
    """
    tell("reading the library")
    library, processor = PowerLibrary(files), Processor()
    point = OperatingPoint(0.0, library.voltage, CLOCK)
    spans = [(job["began"] + RESET, job["began"] + RESET + job["software"]) for job in jobs]
    drawn = sample_intervals(spans, INTERVALS, LENGTH, np.random.default_rng(seed))
    recording = _record(work, options, processor.counted, [interval for interval, _ in drawn], tell)
    cycles = sum(job["software"] for job in jobs)
    weights = np.array([weight for _, weight in drawn])
    phase = np.full(len(drawn), Phase.IDLE)
    activity = Activity(processor.counted, recording, phase, weights, {Phase.IDLE: cycles}, {}, 0)
    mapped = map_blocks(processor, files, tell)
    reference = measure_blocks(activity, mapped, library, point, tell)
    coefficients = {NAME: fit(reference.samples[NAME])}
    opened = count_open_cycles(activity, mapped, tell)
    memory = OnChipMemoryModel(library, node, point.voltage)
    found = estimate_energy(activity, mapped, coefficients, opened, library, memory, point)
    [block] = found.blocks
    return ProcessorEnergy(
        cycles=cycles,
        parts=dict(zip(SAMPLER_PARTS, block.energy.sum(axis=0).tolist(), strict=True)),
        error=found.errors[Phase.IDLE].relative,
        counted=int(recording.cycles.sum()),
        coverage=reference.coverage[NAME],
        compared=reference.compared,
        flip_flops=block.flip_flops,
    )
