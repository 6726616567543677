# SPDX-License-Identifier: Apache-2.0
"""One run of a program in the simulated system."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from nms.contract.errors import UserError
from nms.contract.readout import Phase
from nms.sim import process
from nms.sim.child_environment import make_environment
from nms.soc import program, system, tools
from nms.soc.program import SOFTWARE
from nms.soc.system import LIMIT, LITEX, Options
from nms.soc.work import Work, write_header

PROGRAM = [LITEX / "main.c", LITEX / "console.c", *sorted(SOFTWARE.glob("*.c"))]
"""Sources of the program beside start and driver."""


@dataclass(frozen=True)
class Outcome:
    """What the program said and what the DRAM was asked for.

    Members
    -------
    jobs : figures of each job
    compared, differences : values that the program compared, and those that differed
    commands : cycles and DRAM commands, by phase of the sampler; ``idle`` between jobs, ``other`` of a job
        while no phase runs
    """

    cycles: int
    jobs: list[dict[str, int]]
    interrupts: int
    compared: int
    differences: int
    console: str
    commands: dict[str, dict[str, int]] = field(default_factory=dict)


def name_phases(counted: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """The counts of each phase by its name, from those by number that the simulation writes."""
    names = {-1: "idle", 0: "other"} | {int(phase): phase.name.lower() for phase in Phase if phase}
    return {names[int(number)]: counts for number, counts in counted.items()}


def read_jobs(console: str) -> list[dict[str, int]]:
    """The figures of each job.

    ``software`` are the cycles of the same work in software, where it is done; ``began`` is when it began.
    """
    jobs: list[dict[str, int]] = []
    for line in console.splitlines():
        kind, *words = line.split() or [""]
        if kind == "job":
            jobs.append({key: int(value) for key, value in zip(words[::2], words[1::2], strict=True)})
        elif kind == "software":
            jobs[-1] |= {"software": int(words[0]), "began": int(words[2])}
    return jobs


def run(
    work: Work,
    options: Options,
    progress: Callable[[str], None] = lambda text: None,
    replaced: Mapping[str, str] = MappingProxyType({}),
    plusargs: Sequence[str] = (),
) -> Outcome:
    """Compile the program for ``work``, run it, and return what it found.

    ``replaced`` is that of :func:`nms.soc.system.build`; ``plusargs`` are what its Verilog is told.

    Raises
    ------
    UserError
        A tool is missing, the options are wrong, or the work does not fit.
    ToolError
        A tool failed, or the system hangs.
    """
    tools.require()
    dram = system.measure(work.config, options)
    sink = options.sink * work.config.bus_bits // 8
    if work.kept * work.stride > sink:
        raise UserError(
            f"{work.kept} kept images of {work.stride} bytes: the sink holds {sink}; take a larger one"
        )
    header = write_header(work, dram.size)
    built = system.build(work.config, options, progress, replaced)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "work.h").write_text(header)
        for file in built.glob("*.init"):
            shutil.copy(file, folder)
        progress("compiling the program")
        rom = program.compile_program(PROGRAM, built, folder)
        program.write_contents(rom, folder / "system_rom.init")
        progress("simulating")
        command = [str(built / "simulate"), str(LIMIT), "figures.json", "kept", *plusargs]
        env = make_environment()
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        if done.stderr or "differences" not in done.stdout:
            raise process.make_error("the simulated system", done.returncode, done.stdout + done.stderr)
        figures = json.loads((folder / "figures.json").read_text())
    said = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines() if line.count(" ") == 1)
    return Outcome(
        cycles=figures["cycles"],
        jobs=read_jobs(done.stdout),
        interrupts=int(said["interrupts"]),
        compared=int(said["compared"]),
        differences=int(said["differences"]) + (done.returncode != 0 and not int(said["differences"])),
        console=done.stdout,
        commands=name_phases(figures["phases"]),
    )
