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
from collections.abc import Callable
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
from nms.sim.models.driver import BASE, Driver, lay_out, unpack
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


class Bridge:
    """The bus of :class:`nms.sim.models.driver.Driver` over the bridge's connection."""

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
    job_cycles: int
    traffic: dict[str, dict[str, int]]
    commands: dict[str, dict[str, int]]
    dram: Dram
    sent: bytes


def lay_in_dram(memory: np.ndarray, dram: Dram, rows: int) -> list[bytes]:
    """The contents of each bank: a row of one bank follows that of the bank before it."""
    padded = np.zeros(dram.row_bytes * dram.banks * rows, np.uint8)
    padded[: len(memory)] = memory
    used = -(-len(memory) // (dram.row_bytes * dram.banks))
    return [
        padded.reshape(rows, dram.banks, dram.row_bytes)[:used, bank].tobytes() for bank in range(dram.banks)
    ]


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
    job, size = lay_out(config, settings)
    move = RAM - BASE
    job = replace(job, image_base=job.image_base + move, result_base=job.result_base + move)
    if size > dram.size:
        raise UserError(f"count {settings.count}: needs {size} bytes of DRAM, of {dram.size}; take more rows")
    built = system.build(config, options, progress)
    memory = np.zeros(size, np.uint8)
    for index, image in enumerate(images):
        at = job.image_base - RAM + index * job.image_stride
        memory[at : at + len(image)] = image
    mapped = has_map(settings)
    length = result_offsets(settings.count, settings.keep, mapped)[2]

    def drive(bridge: Bridge) -> tuple[dict[str, int], dict[str, np.ndarray], bytes]:
        bridge.put(_find_register(built, "sdram_dfii_control"), SELECT)
        driver = Driver(bridge)
        asyncio.run(driver.run(job))
        counters = asyncio.run(driver.counters())
        tables = {
            one.name.lower(): asyncio.run(driver.table(one, settings.count, exceeds_word(config, one)))
            for one in KINDS[config.method].readouts()
        }
        return counters, tables, np.array(bridge.get(job.result_base, -(-length // 4)), "<u4").tobytes()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, data in enumerate(lay_in_dram(memory, dram, options.rows)):
            file = folder / f"system_mem{f'_{number}' if number else ''}.init"
            program.write_contents(data, file, config.bus_bits // 8)
        progress("simulating")
        (counters, tables, results), figures = _simulate(built, folder, drive)
        sent = (folder / "kept").read_bytes()
    written = unpack(results[:length], settings.count, settings.keep, mapped)
    commands = name_phases(figures["phases"])
    return BridgeRun(
        tables=KINDS[config.method](**tables, kept=written.kept),
        cycles={phase.name.lower(): counters[f"cycles_{phase.name.lower()}"] for phase in config.phases},
        job_cycles=counters["cycles_job"],
        traffic={
            "counters": {name: counters[name] for name in BYTES},
            "monitors": _watch(commands, config.bus_bits // 8, settings, job.image_stride, sent),
        },
        commands=commands,
        dram=dram,
        sent=sent,
    )


def _find_register(built: Path, name: str) -> int:
    """The address of a register of LiteX's modules."""
    with (built / "csr.csv").open() as file:
        return next(int(row[2], 0) for row in csv.reader(file) if row[:2] == ["csr_register", name])


def _simulate(built: Path, folder: Path, drive: Callable[[Bridge], Answer]) -> tuple[Answer, dict[str, Any]]:
    """What ``drive`` returns, and the figures of the simulation; it runs in ``folder``, with all memories."""
    (folder / "system_sram.init").write_text("0\n")
    command = [str(built / "simulate"), str(LIMIT), "figures.json", "kept", "bridge"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout
        assert running.stderr
        said = running.stdout.readline()
        try:
            with socket.create_connection(("127.0.0.1", int(said.split()[1]))) as connection:
                answer = drive(Bridge(connection))
        except (OSError, IndexError):
            status = running.wait()
            raise process.make_error("the simulated system", status, said + running.stderr.read()) from None
        running.wait()
    return answer, json.loads((folder / "figures.json").read_text())


def _watch(
    commands: dict[str, dict[str, int]],
    beat: int,
    settings: Settings | LeanSettings,
    stride: int,
    sent: bytes,
) -> dict[str, int]:
    """The bytes of a job by DRAM commands, each of which moves a beat, and by what left."""
    busy = [counts for phase, counts in commands.items() if phase != "idle"]
    return {
        "bytes_read": beat * sum(counts["read"] for counts in busy),
        "bytes_written": beat * sum(counts["write"] for counts in busy),
        "bytes_sent": len(sent) // stride * settings.pixels,
    }
