# SPDX-License-Identifier: Apache-2.0
"""One job of the AXI system in a plain C++ loop around its model: what the model costs without cocotb."""

import asyncio
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nms.contract.config import Config
from nms.contract.registers import BY_NAME, COUNTED, constants
from nms.contract.settings import Settings
from nms.rtl.export import emit
from nms.sim import process
from nms.sim.child_environment import make_environment
from nms.sim.models.device import limit_cycles
from nms.sim.models.driver import Driver, Results, find_base, lay_out, unpack
from nms.sim.sampler import LARGE
from nms.sim.verilator.runner import loop


@dataclass(frozen=True)
class LoopRun:
    """What the loop found; ``counters`` as ``Driver.counters`` has them, ``stream`` as it left m_axis.

    ``seconds`` is the processor time of ``cycles``, from the first setting to the interrupt.
    """

    results: Results
    counters: dict[str, int]
    stream: bytes
    cycles: int
    seconds: float


class _Written:
    """A bus that keeps what is written, for :class:`nms.sim.models.driver.Driver`; constants can be read."""

    def __init__(self, config: Config) -> None:
        self.writes: list[tuple[int, int]] = []
        self.constants = {BY_NAME[name].offset: value for name, value in constants(config).items()}

    async def write(self, offset: int, value: int) -> None:
        self.writes.append((offset, value))

    async def read(self, offset: int) -> int:
        return self.constants[offset]

    async def interrupt(self) -> None:
        raise NotImplementedError


def run(config: Config, settings: Settings, images: np.ndarray) -> LoopRun:
    """One batch of images (N, D) uint8.

    Raises
    ------
    UserError
        A tool is missing.
    ToolError
        The hardware does not build, hangs or answers with an error.
    """
    program = loop(emit.system_verilog(config), fast=config.images > LARGE)
    base = find_base(config)
    job, size = lay_out(config, settings)
    bus = _Written(config)
    asyncio.run(Driver(bus).start(job))
    offsets = [BY_NAME[f"{name}_{part}"].offset for name, _ in COUNTED for part in ("lo", "hi")]
    memory = np.zeros(size, np.uint8)
    for index, image in enumerate(images):
        at = job.image_base - base + index * job.image_stride
        memory[at : at + len(image)] = image
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / name for name in ("writes", "reads", "memory", "stream")}
        files["writes"].write_text("\n".join(f"{offset} {value}" for offset, value in bus.writes))
        files["reads"].write_text("\n".join(map(str, offsets)))
        files["memory"].write_bytes(memory.tobytes())
        most = 4 * limit_cycles(config, settings)
        command = [program, files["writes"], files["reads"], files["memory"], base, most, files["stream"]]
        done = subprocess.run(
            list(map(str, command)), env=make_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise process.make_error("the plain loop", done.returncode, done.stdout + done.stderr)
        found = json.loads(done.stdout)
        after, stream = files["memory"].read_bytes(), files["stream"].read_bytes()
    low, high = found["registers"][::2], found["registers"][1::2]
    return LoopRun(
        results=unpack(after[job.result_base - base :], settings.count, settings.keep),
        counters={name: a | b << 32 for (name, _), a, b in zip(COUNTED, low, high, strict=True)},
        stream=stream,
        cycles=found["cycles"],
        seconds=found["processor_seconds"],
    )
