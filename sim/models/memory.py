# SPDX-License-Identifier: Apache-2.0
"""A memory behind AXI4: it accepts bursts while earlier ones wait for their latency, and answers in order."""

from collections.abc import Callable
from typing import Any

import cocotb
import numpy as np
from cocotb.queue import Queue
from cocotb.task import Task
from cocotb.triggers import RisingEdge, Timer
from cocotb.utils import get_sim_time
from cocotbext.axi import AxiBurstType, AxiBus, AxiResp
from cocotbext.axi.axi_channels import (
    AxiARSink,
    AxiAWSink,
    AxiBSource,
    AxiBTransaction,
    AxiRSource,
    AxiRTransaction,
    AxiWSink,
)
from cocotbext.axi.reset import Reset

from nms.sim.models.driver import PAGE
from nms.sim.models.streams import PERIOD


class Beats(AxiRSource):
    """Read data, a beat a cycle. It wakes once a beat and drives only the signals that change."""

    taken: Callable[[AxiRTransaction], None]
    """Called with each beat that the other side has taken."""

    async def _run(self) -> None:
        edge, offered = RisingEdge(self.clock), None
        while True:
            await edge
            if offered is not None:
                if not self.ready.value:
                    continue
                self.taken(offered)
            before = offered
            if self.pause or self.queue.empty():
                if offered is not None:
                    self.valid.value = 0
                offered = None
                if self.queue.empty():
                    self.active_event.clear()
                    await self.active_event.wait()
                continue
            offered = self.queue.get_nowait()
            if before is None:
                self.bus.drive(offered)
                self.valid.value = 1
                continue
            self.bus.rdata.value = offered.rdata
            for name in ("rid", "rresp", "rlast"):
                if getattr(offered, name) != getattr(before, name):
                    getattr(self.bus, name).value = getattr(offered, name)


class Addresses(AxiARSink):
    """Read addresses, taken while ``room()``."""

    room: Callable[[], bool]

    def full(self) -> bool:
        """Whether no further address is taken."""
        return not self.room()


class AxiMemory(Reset):
    """Memory of ``size`` bytes of noise from address ``base`` on.

    An access outside it is answered DECERR.

    Each burst has a latency of its own, drawn when its address (a read) or its last data (a write) is taken:
    so many cycles later, but in order, a read's beats follow, one a cycle, or the write's response. Bursts
    must be incrementing, of whole beats, and within a page; an assertion fails otherwise.

    Attributes
    ----------
    latency : least and most cycles of a burst's latency
    outstanding : reads that are accepted at once at most; 1 makes a memory that serves one after the other
    fails : address -> the response to a beat there; the response to a write is that of its first such beat
    reads, writes : beats read and written so far
    reading, most_reading : reads accepted and not complete, and the most there ever were
    writing : write bursts begun and not yet handed to the response channel
    ar, r, aw, w, b : the channels, to be paused
    """

    def __init__(self, bus: AxiBus, clock: Any, reset: Any, base: int, size: int, noise: np.random.Generator):
        self.base = base
        self.noise = noise
        self.data = bytearray(noise.bytes(size))
        self.latency = (0, 0)
        self.outstanding = 1 << 16
        self.fails: dict[int, AxiResp] = {}
        self.reads = self.writes = self.reading = self.most_reading = self.writing = 0
        self.ar = Addresses(bus.read.ar, clock, reset, False)
        self.r = Beats(bus.read.r, clock, reset, False)
        self.aw, self.w = (
            sink(part, clock, reset, False)
            for sink, part in ((AxiAWSink, bus.write.aw), (AxiWSink, bus.write.w))
        )
        self.b = AxiBSource(bus.write.b, clock, reset, False)
        self.ar.room = lambda: self.ar.count() + self.reading < self.outstanding
        self.r.taken = self._taken
        self.beat = len(bus.read.r.rdata) // 8
        self._tasks: list[Task[None]] = []
        self._init_reset(reset, False)

    def put(self, address: int, data: bytes) -> None:
        """Store bytes, as software does."""
        self.data[address - self.base : address - self.base + len(data)] = data

    def get(self, address: int, length: int) -> bytes:
        """Bytes, as software sees them."""
        return bytes(self.data[address - self.base : address - self.base + length])

    @property
    def idle(self) -> bool:
        """Whether no burst is under way, in part or as a whole."""
        channels = (self.ar, self.r, self.aw, self.w, self.b)
        return not self.reading and not self.writing and all(channel.empty() for channel in channels)

    def _handle_reset(self, state: bool) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self.reading = self.writing = 0
        for channel in (self.ar, self.r, self.aw, self.w, self.b):
            channel.clear()
        if not state:
            read: Queue = Queue()
            written: Queue = Queue()
            for part in (self._accept(read), self._read(read), self._write(written), self._respond(written)):
                self._tasks.append(cocotb.start_soon(part))

    def _due(self) -> float:
        """The time at which an answer to what came now may begin."""
        least, most = self.latency
        return get_sim_time("ns") + PERIOD * int(self.noise.integers(least, most + 1) if most else 0)

    def _addresses(self, prefix: str, burst: Any) -> range:
        """The addresses of a burst's beats."""
        first, length, size, kind = (
            int(getattr(burst, prefix + field)) for field in ("addr", "len", "size", "burst")
        )
        end = first + (length + 1) * self.beat
        assert kind == AxiBurstType.INCR, f"burst at {first:#x}: of type {kind}, not INCR"
        assert 1 << size == self.beat, f"burst at {first:#x}: beats of {1 << size} bytes"
        assert first % self.beat == 0, f"burst at {first:#x}: not aligned"
        assert first // PAGE == (end - 1) // PAGE, f"burst from {first:#x} to {end:#x}: crosses a page"
        return range(first, end, self.beat)

    def _response(self, address: int) -> AxiResp:
        if not self.base <= address <= self.base + len(self.data) - self.beat:
            return AxiResp.DECERR
        failing = (fail for at, fail in self.fails.items() if address <= at < address + self.beat)
        return next(failing, AxiResp.OKAY)

    async def _accept(self, accepted: Queue) -> None:
        while True:
            burst = await self.ar.recv()
            self.reading += 1
            self.most_reading = max(self.most_reading, self.reading)
            accepted.put_nowait((self._due(), self._addresses("ar", burst), burst.arid))

    async def _read(self, accepted: Queue) -> None:
        while True:
            due, addresses, name = await accepted.get()
            await _sleep(due)
            self.reads += len(addresses)
            for address in addresses:
                response, at = self._response(address), address - self.base
                data = b"" if response else self.data[at : at + self.beat]
                self.r.send_nowait(
                    AxiRTransaction(
                        rid=name,
                        rdata=int.from_bytes(data, "little"),
                        rresp=response,
                        rlast=int(address == addresses[-1]),
                    )
                )

    def _taken(self, beat: AxiRTransaction) -> None:
        if beat.rlast:
            self.reading -= 1
            self.ar.wake_event.set()

    async def _write(self, written: Queue) -> None:
        while True:
            burst = await self.aw.recv()
            self.writing += 1
            addresses = self._addresses("aw", burst)
            answer = AxiResp.OKAY
            for address in addresses:
                beat = await self.w.recv()
                assert bool(beat.wlast) == (address == addresses[-1]), f"write beat {address:#x}: wlast"
                self.writes += 1
                response = self._response(address)
                answer = answer or response
                if not response:
                    self._store(address - self.base, int(beat.wdata), int(beat.wstrb))
            written.put_nowait((self._due(), AxiBTransaction(bid=burst.awid, bresp=answer)))

    def _store(self, at: int, data: int, strobe: int) -> None:
        for place, byte in enumerate(data.to_bytes(self.beat, "little")):
            if strobe >> place & 1:
                self.data[at + place] = byte

    async def _respond(self, written: Queue) -> None:
        while True:
            due, response = await written.get()
            await _sleep(due)
            self.writing -= 1
            self.b.send_nowait(response)


async def _sleep(until: float) -> None:
    left = round(until - get_sim_time("ns"))
    if left > 0:
        await Timer(left, "ns")
