# SPDX-License-Identifier: Apache-2.0
"""What surrounds the AXI system in a simulation: clock, reset, memory, bus master, stream receiver."""

import logging
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import Task
from cocotb.triggers import ClockCycles, RisingEdge, SimTimeoutError, Timer, with_timeout
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamSink

from nms.contract.config import Config, SamplerConfig
from nms.contract.readout import Readout
from nms.contract.registers import has_map, result_offsets
from nms.sim.models.device import limit_cycles
from nms.sim.models.driver import Driver, JobDescriptor, Results, find_base, unpack
from nms.sim.models.memory import AxiMemory
from nms.sim.models.seeds import generator
from nms.sim.models.streams import PERIOD

ACCESS = 2_000
"""Cycles after which a register's missing answer is a hang."""


def exceeds_word(config: SamplerConfig, table: Readout) -> bool:
    """Whether a table's values need more than 32 bits."""
    if not isinstance(config, Config):
        return table in (Readout.DISTANCE, Readout.MINIMUM) and config.derived.distance_width > 31
    profile = config.profile
    unsigned = {
        Readout.DISTANCE: config.derived.distance_width,
        Readout.MINIMUM: config.derived.distance_width,
        Readout.MANTISSA: profile.mantissa.width,
        Readout.PERPLEXITY: profile.perplexity.width,
        Readout.AFFINITY: profile.affinity.width,
    }
    return unsigned.get(table, 0) > 31


class LiteBus:
    """The bus of :class:`nms.sim.models.driver.Driver` on the simulated AXI4-Lite port."""

    def __init__(self, dut: Any):
        self.dut = dut
        self.master = AxiLiteMaster(
            AxiLiteBus.from_prefix(dut, "s_axil"), dut.aclk, dut.aresetn, reset_active_level=False
        )
        self.limit = ACCESS
        """Cycles after which a missing interrupt is a hang."""

    async def read(self, offset: int) -> int:
        """The register at ``offset``."""
        answer = await _within(self.master.read(offset, 4), ACCESS, f"read of register {offset:#x}")
        if answer.resp != AxiResp.OKAY:
            raise OSError(f"read of register {offset:#x}: {AxiResp(answer.resp).name}")
        return int.from_bytes(answer.data, "little")

    async def write(self, offset: int, value: int, length: int = 4) -> None:
        """Write ``length`` bytes, the lowest first."""
        data = value.to_bytes(length, "little")
        answer = await _within(self.master.write(offset, data), ACCESS, f"write of register {offset:#x}")
        if answer.resp != AxiResp.OKAY:
            raise OSError(f"write of register {offset:#x}: {AxiResp(answer.resp).name}")

    async def interrupt(self) -> None:
        """Return as soon as the interrupt is high."""
        if not self.dut.irq.value:
            await _within(RisingEdge(self.dut.irq), self.limit, "interrupt")


async def _within(awaited: Any, cycles: int, name: str) -> Any:
    """What ``awaited`` gives; ``AssertionError`` if that takes more cycles."""
    try:
        return await with_timeout(awaited, cycles * PERIOD, "ns")
    except SimTimeoutError:
        raise AssertionError(f"no {name} within {cycles} cycles") from None


async def _pause(channel: Any, name: str) -> None:
    """Pauses of any density, in stretches of some 200 cycles; by timers, which sleep through the cycles."""
    rng = generator(f"pauses of {name}")
    while True:
        gap = int(rng.choice([2, 8, 40]))
        for closed, open_ in rng.integers(1, (8, 2 * gap), (200 // (4 + gap), 2)).tolist():
            channel.pause = True
            await Timer(closed * PERIOD, "ns")
            channel.pause = False
            await Timer(open_ * PERIOD, "ns")


class System:
    """The device under test with all its ports connected; make it, then ``await start()``.

    Its memory has ``size`` bytes, from :func:`nms.sim.models.driver.find_base` on unless ``base`` says else.
    ``paused``: every channel pauses at random, bursts of the memory have random latencies.
    """

    def __init__(
        self, dut: Any, config: SamplerConfig, size: int, paused: bool = False, base: int | None = None
    ):
        logging.getLogger("cocotb.near_memory_sampler").setLevel(logging.WARNING)  # every burst else
        self.dut, self.config = dut, config
        clock, reset = dut.aclk, dut.aresetn
        bus = AxiBus.from_prefix(dut, "m_axi")
        self.memory = memory = AxiMemory(
            bus, clock, reset, find_base(config) if base is None else base, size, generator("memory")
        )
        self.lite = LiteBus(dut)
        self.sink = AxiStreamSink(
            AxiStreamBus.from_prefix(dut, "m_axis"), clock, reset, reset_active_level=False
        )
        self.driver = Driver(self.lite)
        master = self.lite.master
        self.channels = {
            "ar": memory.ar, "r": memory.r, "aw": memory.aw, "w": memory.w, "b": memory.b, "t": self.sink,
            "lite ar": master.read_if.ar_channel, "lite r": master.read_if.r_channel,
            "lite aw": master.write_if.aw_channel, "lite w": master.write_if.w_channel,
            "lite b": master.write_if.b_channel,
        }  # fmt: skip
        self._pausing: dict[str, Task[None]] = {}
        if paused:
            memory.latency = (0, 40)
            for name, channel in self.channels.items():
                self._pausing[name] = cocotb.start_soon(_pause(channel, name))

    def hold(self, name: str, closed: bool = True) -> None:
        """From now on nothing passes a channel or, with ``closed`` false, it never pauses."""
        if name in self._pausing:
            self._pausing.pop(name).cancel()
        self.channels[name].pause = closed

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

    def place(self, job: JobDescriptor, batches: list[np.ndarray]) -> None:
        """Put the images of a job into memory; from now on an interrupt may take as long as the job."""
        self.lite.limit = job.batches * limit_cycles(self.config, job.settings)
        for batch, images in enumerate(batches):
            for index, image in enumerate(images):
                address = job.image_base + batch * job.batch_stride + index * job.image_stride
                self.memory.put(address, image.tobytes())

    def place_lists(self, job: JobDescriptor, pool: np.ndarray, lists: np.ndarray, first: int = 0) -> None:
        """Put a job by ``lists`` (B, N) into memory; ``pool`` are the images from number ``first`` on."""
        self.lite.limit = job.batches * limit_cycles(self.config, job.settings)
        for number, image in enumerate(pool, first):
            address = (job.image_base + number * job.image_stride) % (1 << self.config.address_bits)
            self.memory.put(address, image.tobytes())
        for batch, numbers in enumerate(lists):
            assert job.list_base is not None
            self.memory.put(job.list_base + batch * job.list_stride, numbers.astype("<u4").tobytes())

    def results(self, job: JobDescriptor, batch: int = 0) -> Results:
        """What the hardware wrote for a batch."""
        given = job.settings
        shape = given.count, given.keep, has_map(given)
        data = self.memory.get(job.result_base + batch * job.result_stride, result_offsets(*shape)[2])
        return unpack(data, *shape)

    def sent(self) -> list[tuple[int, bytes]]:
        """The images that came out of the stream and were not yet asked for: index and bytes."""
        frames = []
        while not self.sink.empty():
            frame = self.sink.recv_nowait()
            users = frame.tuser if isinstance(frame.tuser, list) else [frame.tuser]
            assert len(set(users)) == 1, f"the index changes within an image: {users}"
            frames.append((int(users[0]), bytes(frame.tdata)))
        return frames
