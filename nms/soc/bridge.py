# SPDX-License-Identifier: Apache-2.0
"""One batch in the system without a processor: a driver in Python reaches registers and DRAM by the bridge.

The images are in the DRAM from the start. Nothing but the sampler uses the DRAM while the job runs, so the
commands that are counted are its own.
"""

import asyncio
import csv
import json
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nms.contract.config import SamplerConfig
from nms.contract.errors import UserError
from nms.contract.registers import BY_NAME, BYTES, has_map, result_offsets
from nms.contract.settings import LeanSettings, Settings
from nms.contract.tables import KINDS, SamplerTables
from nms.sim import process
from nms.sim.child_environment import make_environment
from nms.sim.models.driver import Driver, JobDescriptor, Results, find_base, lay_out, unpack
from nms.sim.models.system import exceeds_word
from nms.soc import program, system
from nms.soc.run import name_phases
from nms.soc.system import LIMIT, Dram, Options
from nms.soc.work import RAM

Answer = TypeVar("Answer")

REGISTERS = 0x9000_0000
"""Address of the sampler's registers, as in ``examples/litex``."""

WRITE, READ = 1, 2
"""Commands of LiteX's bridge over serial ports, of words at rising addresses."""

MOST = 255
"""Words of a command."""

SELECT = 1
"""What ``sdram_dfii_control`` says to leave the DRAM to its controller."""


class WordBus(ABC):
    """The bus of :class:`nms.sim.models.driver.Driver` over anything that reads and writes words."""

    @abstractmethod
    def put(self, address: int, value: int) -> None:
        """Write a word."""

    @abstractmethod
    def get(self, address: int, words: int = 1) -> list[int]:
        """Read words from ``address`` on."""

    async def read(self, offset: int) -> int:
        """The register at ``offset``."""
        return self.get(REGISTERS + offset)[0]

    async def write(self, offset: int, value: int) -> None:
        """Write the register at ``offset``."""
        self.put(REGISTERS + offset, value)

    async def interrupt(self) -> None:
        """Return when an enabled event is pending."""
        while not await self.read(BY_NAME["irq_status"].offset):
            pass


class Bridge(WordBus):
    """Words by the simulation's own connection, which speaks as LiteX's bridge over serial ports does."""

    def __init__(self, connection: socket.socket):
        self.connection = connection

    def put(self, address: int, value: int) -> None:
        """Write a word."""
        self._send(WRITE, 1, address, value.to_bytes(4, "big"))

    def get(self, address: int, words: int = 1) -> list[int]:
        """Read words from ``address`` on."""
        found: list[int] = []
        while len(found) < words:
            count = min(words - len(found), MOST)
            self._send(READ, count, address + 4 * len(found))
            answer = self._receive(4 * count)
            found += np.frombuffer(answer, ">u4").tolist()
        return found

    def _send(self, command: int, words: int, address: int, data: bytes = b"") -> None:
        self.connection.sendall(bytes([command, words]) + (address // 4).to_bytes(4, "big") + data)

    def _receive(self, length: int) -> bytes:
        answer = b""
        while len(answer) < length:
            part = self.connection.recv(length - len(answer))
            if not part:
                raise OSError("the simulated system has ended")
            answer += part
        return answer


@dataclass(frozen=True)
class BridgeRun:
    """What a batch gave, and what it asked of the DRAM.

    Members
    -------
    traffic : bytes as the hardware counted them (``counters``), and as DRAM commands and stream tell
        (``monitors``)
    commands : cycles and DRAM commands, by phase
    sent : bytes that the stream's receiver took
    """

    tables: SamplerTables
    cycles: dict[str, int]
    traffic: dict[str, dict[str, int]]
    commands: dict[str, dict[str, int]]
    dram: Dram
    sent: bytes


@dataclass(frozen=True)
class JobAnswer:
    """What a job of one batch gave, read back word by word."""

    counters: dict[str, int]
    tables: SamplerTables
    results: Results


def find_register(csr: Path, name: str) -> int:
    """The address of a register of LiteX's modules, from the ``csr.csv`` of a system."""
    with csr.open() as file:
        return next(int(row[2], 0) for row in csv.reader(file) if row[:2] == ["csr_register", name])


def run_job(bus: WordBus, config: SamplerConfig, job: JobDescriptor, select: int) -> JobAnswer:
    """Run a job of one batch whose images are in the DRAM, and read all that it gave.

    ``select`` is the address of the register ``sdram_dfii_control``, which leaves the DRAM to its controller.

    Raises
    ------
    JobError
        The hardware refuses the job.
    """
    settings, driver = job.settings, Driver(bus)

    async def drive() -> tuple[dict[str, int], dict[str, np.ndarray]]:
        await driver.run(job)
        tables = {
            one.name.lower(): await driver.table(one, settings.count, exceeds_word(config, one))
            for one in KINDS[config.method].readouts()
        }
        return await driver.counters(), tables

    bus.put(select, SELECT)
    counters, tables = asyncio.run(drive())
    mapped = has_map(settings)
    length = result_offsets(settings.count, settings.keep, mapped)[2]
    data = np.array(bus.get(job.result_base, -(-length // 4)), "<u4").tobytes()[:length]
    results = unpack(data, settings.count, settings.keep, mapped)
    return JobAnswer(counters, KINDS[config.method](**tables, kept=results.kept), results)


def place(config: SamplerConfig, settings: Settings | LeanSettings) -> tuple[JobDescriptor, int]:
    """A job at the start of the DRAM, and the bytes that it needs."""
    job, size = lay_out(config, settings)
    move = RAM - find_base(config)
    return replace(job, image_base=job.image_base + move, result_base=job.result_base + move), size


def lay_in_dram(memory: np.ndarray, dram: Dram, rows: int) -> list[bytes]:
    """The contents of each bank: a row of one bank follows that of the bank before it."""
    padded = np.zeros(dram.row_bytes * dram.banks * rows, np.uint8)
    padded[: len(memory)] = memory
    used = -(-len(memory) // (dram.row_bytes * dram.banks))
    return [
        padded.reshape(rows, dram.banks, dram.row_bytes)[:used, bank].tobytes() for bank in range(dram.banks)
    ]


def write_dram(banks: list[bytes], folder: Path, beat: int) -> None:
    """Write the contents of each bank, in words of ``beat`` bytes, as the simulation reads them."""
    for number, data in enumerate(banks):
        program.write_contents(data, folder / f"system_mem{f'_{number}' if number else ''}.init", beat)


def run(
    config: SamplerConfig,
    settings: Settings | LeanSettings,
    images: np.ndarray,
    options: Options,
    progress: Callable[[str], None] = lambda text: None,
) -> BridgeRun:
    """One batch of images (N, D) uint8.

    Raises
    ------
    UserError
        A tool is missing, the options are wrong, or the images do not fit the DRAM.
    ToolError
        A tool failed, or the system hangs.
    JobError
        The hardware refuses the job.
    """
    options = replace(options, cpu="none")
    dram = system.measure(config, options)
    job, size = place(config, settings)
    if size > dram.size:
        raise UserError(f"count {settings.count}: needs {size} bytes of DRAM, of {dram.size}; take more rows")
    built = system.build(config, options, progress)
    memory = np.zeros(size, np.uint8)
    for index, image in enumerate(images):
        at = job.image_base - RAM + index * job.image_stride
        memory[at : at + len(image)] = image
    select = find_register(built / "csr.csv", "sdram_dfii_control")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dram(lay_in_dram(memory, dram, options.rows), folder, dram.access)
        progress("simulating")
        answer, figures = simulate(built, folder, lambda bus: run_job(bus, config, job, select))
        sent = (folder / "kept").read_bytes()
    commands = name_phases(figures["phases"])
    return BridgeRun(
        tables=answer.tables,
        cycles={
            phase.name.lower(): answer.counters[f"cycles_{phase.name.lower()}"] for phase in config.phases
        },
        traffic={
            "counters": {name: answer.counters[name] for name in BYTES},
            "monitors": watch(commands, dram.access, config.bus_bits // 8, settings, job.image_stride, sent),
        },
        commands=commands,
        dram=dram,
        sent=sent,
    )


@contextmanager
def running(built: Path, folder: Path) -> Iterator[int]:
    """The port of the bridge of a simulation, which runs in ``folder`` until its client leaves."""
    (folder / "system_sram.init").write_text("0\n")
    command = [str(built / "simulate"), str(LIMIT), "figures.json", "kept", "bridge"]
    pipe = subprocess.PIPE
    env = make_environment()
    with subprocess.Popen(command, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True) as simulation:
        assert simulation.stdout
        assert simulation.stderr
        said = simulation.stdout.readline()
        try:
            yield int(said.split()[1])
        except (OSError, IndexError):
            status = simulation.wait()
            text = said + simulation.stderr.read()
            raise process.make_error("the simulated system", status, text) from None
        finally:
            simulation.wait()


def simulate(built: Path, folder: Path, drive: Callable[[Bridge], Answer]) -> tuple[Answer, dict[str, Any]]:
    """What ``drive`` returns, and the figures of the simulation, which runs in ``folder``."""
    with (
        running(built, folder) as port,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        answer = drive(Bridge(connection))
    return answer, json.loads((folder / "figures.json").read_text())


def watch(
    commands: dict[str, dict[str, int]],
    access: int,
    beat: int,
    settings: Settings | LeanSettings,
    stride: int,
    sent: bytes,
) -> dict[str, int]:
    """The bytes of a job by DRAM commands, each of which moves ``access`` bytes, and by what left.

    Of the last beat of the results, only their bytes are written.
    """
    masked = -result_offsets(settings.count, settings.keep, has_map(settings))[2] % beat
    busy = [counts for phase, counts in commands.items() if phase != "idle"]
    return {
        "bytes_read": access * sum(counts["read"] for counts in busy),
        "bytes_written": access * sum(counts["write"] for counts in busy) - masked,
        "bytes_sent": len(sent) // stride * settings.pixels,
    }
