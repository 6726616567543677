# SPDX-License-Identifier: Apache-2.0
"""What surrounds the AXI system in a simulation: clock, reset, memory, bus master, stream receiver."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, SimTimeoutError, Timer, with_timeout
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiSlave, AxiStreamBus, AxiStreamSink

from nms.spec.config import Config
from nms.spec.derived import Derived
from nms.spec.readout import Readout
from nms.spec.registers import result_offsets
from sim.driver import Driver, Job, Results, unpack
from sim.seeds import generator
from sim.streams import PERIOD


def wide(config: Config, table: Readout) -> bool:
    """Whether a table's values need more than 32 bits."""
    profile = config.profile
    unsigned = {
        Readout.DISTANCE: Derived(config).distance_width,
        Readout.MINIMUM: Derived(config).distance_width,
        Readout.MANTISSA: profile.mantissa.width,
        Readout.PERPLEXITY: profile.perplexity.width,
        Readout.AFFINITY: profile.affinity.width,
    }
    return unsigned.get(table, 0) > 31


class Memory:
    """Memory of ``size`` bytes of noise, from address ``base`` on; every access outside fails.

    ``fails`` maps an address to the response that a beat there is answered with; ``latency`` is the
    largest number of cycles that a beat takes beyond its own.
    """

    def __init__(self, base: int, size: int, noise: np.random.Generator):
        self.base = base
        self.data = bytearray(noise.bytes(size))
        self.fails: dict[int, AxiResp] = {}
        self.latency = 0
        self.noise = noise
        self.response = AxiResp.OKAY
        self.reads = self.writes = 0

    async def _access(self, address: int, length: int) -> int:
        if self.latency:
            wait = int(self.noise.integers(0, self.latency + 1))
            if wait:
                await Timer(wait * PERIOD, "ns")
        at = address - self.base
        failed = [fail for a, fail in self.fails.items() if address <= a < address + length]
        if not 0 <= at <= len(self.data) - length:
            failed.append(AxiResp.DECERR)
        if failed:
            self.response = failed[0]
            raise OSError(f"access at {address:#x}")
        return at

    async def read(self, address: int, length: int, **_: object) -> bytes:
        """Called by the bus model for each beat."""
        self.reads += 1
        at = await self._access(address, length)
        return bytes(self.data[at : at + length])

    async def write(self, address: int, data: bytes, **_: object) -> None:
        """Called by the bus model for each run of bytes that are strobed."""
        self.writes += 1
        at = await self._access(address, len(data))
        self.data[at : at + len(data)] = data

    def put(self, address: int, data: bytes) -> None:
        """Store bytes, as software does."""
        self.data[address - self.base : address - self.base + len(data)] = data

    def get(self, address: int, length: int) -> bytes:
        """Bytes, as software sees them."""
        return bytes(self.data[address - self.base : address - self.base + length])


class Lite:
    """The bus of :class:`sim.driver.Driver` on the simulated AXI4-Lite port."""

    def __init__(self, dut: Any):
        self.dut = dut
        self.master = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, dut.aresetn, reset_active_level=False
        )
        self.limit = 1_000_000
        """Cycles after which a missing interrupt is a hang."""

    async def read(self, offset: int) -> int:
        answer = await self.master.read(offset, 4)
        if answer.resp != AxiResp.OKAY:
            raise OSError(f"read of register {offset:#x}: {AxiResp(answer.resp).name}")
        return int.from_bytes(answer.data, "little")

    async def write(self, offset: int, value: int) -> None:
        answer = await self.master.write(offset, value.to_bytes(4, "little"))
        if answer.resp != AxiResp.OKAY:
            raise OSError(f"write of register {offset:#x}: {AxiResp(answer.resp).name}")

    async def interrupt(self) -> None:
        if not self.dut.irq.value:
            try:
                await with_timeout(RisingEdge(self.dut.irq), self.limit * PERIOD, "ns")
            except SimTimeoutError:
                raise AssertionError(f"no interrupt within {self.limit} cycles") from None


def _pauses(name: str) -> Iterator[bool]:
    """Pauses of any density, in stretches."""
    rng = generator(name)
    while True:
        density = rng.choice([0.0, 0.2, 0.5, 0.9])
        yield from (bool(pause) for pause in rng.random(64) < density)


class System:
    """The device under test with all its ports connected; make it, then ``await start()``.

    ``paused``: every channel pauses at random, memory answers late.
    """

    def __init__(self, dut: Any, config: Config, size: int, paused: bool = False, base: int = 0x1_0000_0000):
        logging.getLogger("cocotb.near_memory_sampler").setLevel(logging.WARNING)  # every burst else
        self.dut, self.config = dut, config
        self.memory = Memory(base, size, generator("memory"))
        self.lite = Lite(dut)
        bus = AxiBus.from_prefix(dut, "m_axi")
        self.slave = AxiSlave(bus, dut.aclk, dut.aresetn, target=self.memory, reset_active_level=False)
        self.sink = AxiStreamSink(
            AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, dut.aresetn, reset_active_level=False
        )
        self.driver = Driver(self.lite)
        read, write = self.slave.read_if, self.slave.write_if
        self._answers(read.r_channel, "rresp")
        self._answers(write.b_channel, "bresp")
        if paused:
            self.memory.latency = 3
            master = self.lite.master
            for name, channel in (
                ("ar", read.ar_channel), ("r", read.r_channel),
                ("aw", write.aw_channel), ("w", write.w_channel), ("b", write.b_channel),
                ("t", self.sink),
                ("lite ar", master.read_if.ar_channel), ("lite r", master.read_if.r_channel),
                ("lite aw", master.write_if.aw_channel), ("lite w", master.write_if.w_channel),
                ("lite b", master.write_if.b_channel),
            ):  # fmt: skip
                channel.set_pause_generator(_pauses(f"pauses of {name}"))

    def _answers(self, channel: Any, field: str) -> None:
        """Errors are answered by the response that the memory wants, not always SLVERR."""
        send = channel.send

        async def answered(transaction: Any) -> None:
            if getattr(transaction, field) == AxiResp.SLVERR:
                setattr(transaction, field, self.memory.response)
            await send(transaction)

        channel.send = answered

    async def start(self) -> None:
        """Clock and reset."""
        self.dut.aresetn.value = 0
        Clock(self.dut.aclk, PERIOD, unit="ns").start(start_high=False)
        await self.reset()

    async def reset(self) -> None:
        """Reset, whatever goes on."""
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)

    def place(self, job: Job, batches: list[np.ndarray]) -> None:
        """Put the images of a job into memory."""
        for batch, images in enumerate(batches):
            for index, image in enumerate(images):
                address = job.image_base + batch * job.batch_stride + index * job.image_stride
                self.memory.put(address, image.tobytes())

    def results(self, job: Job, batch: int = 0) -> Results:
        """What the hardware wrote for a batch."""
        count, keep = job.settings.count, job.settings.keep
        size = result_offsets(count, keep)[2]
        return unpack(self.memory.get(job.result_base + batch * job.result_stride, size), count, keep)

    def sent(self) -> list[tuple[int, bytes]]:
        """The images that came out of the stream and were not yet asked for: index and bytes."""
        frames = []
        while not self.sink.empty():
            frame = self.sink.recv_nowait()
            users = frame.tuser if isinstance(frame.tuser, list) else [frame.tuser]
            assert len(set(users)) == 1, f"the index changes within an image: {users}"
            frames.append((int(users[0]), bytes(frame.tdata)))
        return frames
