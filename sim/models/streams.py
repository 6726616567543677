# SPDX-License-Identifier: Apache-2.0
"""Clock, reset, and drivers of Amaranth streams, written so that Python wakes up as rarely as possible.

A stream ``i_x`` of the top module has the ports ``i_x__payload``, ``i_x__valid``, ``i_x__ready``.
Ports are sampled just before a rising clock edge and change just after it. The protocol itself is
checked in Verilog (:mod:`nms.sim.verilator.protocol`).
"""

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any

import cocotb
from amaranth.hdl import Shape, ShapeLike
from amaranth.lib.data import StructLayout
from cocotb.clock import Clock
from cocotb.task import Task
from cocotb.triggers import ClockCycles, RisingEdge, SimTimeoutError, with_timeout

from nms.sim.models.disturbance import Disturbance, disturb
from nms.sim.models.seeds import generator
from nms.sim.verilator.context import context

PERIOD = 10
"""Nanoseconds of a clock cycle."""


class Stalls(Enum):
    """Who pauses: the side that sends, the side that takes, both; RANDOM: both, in bursts of any density."""

    NONE = "none"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    BOTH = "both"
    RANDOM = "random"


class Pack:
    """Packs the fields of a payload into one integer and back, as the hardware does: the first field lowest.

    ``layout`` is the payload of a block's stream, ``block.i_x.payload.shape()``, so that no width is written
    twice. The fields of a nested layout count as the payload's own; all names must differ.
    """

    def __init__(self, layout: StructLayout):
        self.width = layout.size
        self._fields = {name: (offset, Shape.cast(shape)) for name, offset, shape in _flatten(layout)}

    def pack(self, **values: int) -> int:
        """The integer with these fields.

        Raises
        ------
        ValueError
            A field is missing, unknown or does not fit its width.
        """
        if values.keys() != self._fields.keys():
            raise ValueError(f"fields {sorted(values)} given, {sorted(self._fields)} expected")
        packed = 0
        for name, (offset, shape) in self._fields.items():
            value, bits = int(values[name]), shape.width
            low = -(1 << bits - 1) if shape.signed else 0
            if not low <= value < low + (1 << bits):
                raise ValueError(f"{name}={value}: outside {low}..{low + (1 << bits) - 1}")
            packed |= (value & (1 << bits) - 1) << offset
        return packed

    def unpack(self, packed: int) -> dict[str, int]:
        """The fields of an integer."""
        values = {}
        for name, (offset, shape) in self._fields.items():
            value = packed >> offset & (1 << shape.width) - 1
            values[name] = signed(value, shape.width) if shape.signed else value
        return values


def _flatten(layout: StructLayout, offset: int = 0) -> Iterator[tuple[str, int, ShapeLike]]:
    """Name, offset and shape of all fields that are no layouts themselves."""
    for name, field in layout:
        if isinstance(field.shape, StructLayout):
            yield from _flatten(field.shape, offset + field.offset)
        else:
            yield str(name), offset + field.offset, field.shape


def signed(value: int, width: int) -> int:
    """The two's complement reading of ``width`` bits."""
    return value - (1 << width) if value >> width - 1 else value


def _pauses(active: bool, random: bool, name: str) -> Iterator[int]:
    """Cycles to pause before each item."""
    if not active:
        while True:
            yield 0
    rng = generator(name)
    density = 0.5
    while True:
        lengths = rng.integers(1, 6, size=64)
        if random:
            density = rng.choice([0.0, 0.1, 0.5, 0.9])
        yield from (int(length) for length in lengths * (rng.random(64) < density))


class _Stream:
    """The three ports of a stream and the tasks that drive them."""

    def __init__(self, dut: Any, name: str, stalls: Stalls, side: Stalls):
        ports = context().ports
        if f"{name}__valid" not in ports:
            raise ValueError(f"{name}: the module has no such stream")
        self.dut, self.name = dut, name
        self.payload = getattr(dut, f"{name}__payload") if f"{name}__payload" in ports else None
        self.width = ports[f"{name}__payload"].width if self.payload is not None else 0
        self.valid = getattr(dut, f"{name}__valid")
        self.ready = getattr(dut, f"{name}__ready") if f"{name}__ready" in ports else None
        self.edge = RisingEdge(dut.clk)
        self.pauses = _pauses(
            stalls in (side, Stalls.BOTH, Stalls.RANDOM), stalls is Stalls.RANDOM, f"{name} {stalls.value}"
        )

    async def _until(self, signal: Any) -> None:
        """Return at the first clock edge, this one included, that samples ``signal`` high."""
        for _ in range(4):
            if signal.value:
                return
            await self.edge
        while not signal.value:
            await RisingEdge(signal)
            await self.edge


class Source(_Stream):
    """Sends items into the stream ``name`` of the hardware; with a ``disturbance``, wrong ones."""

    def __init__(
        self,
        dut: Any,
        name: str,
        stalls: Stalls = Stalls.NONE,
        disturbance: Disturbance | None = None,
    ):
        super().__init__(dut, name, stalls, Stalls.PRODUCER)
        self.disturbance = disturbance

    async def send(self, values: Iterable[int]) -> None:
        """Send all items; returns after the clock edge that takes the last one.

        Values are unsigned or, if negative, taken modulo 2^width.
        """
        if self.disturbance is not None:
            values = disturb(list(values), self.disturbance)
        mask = (1 << self.width) - 1
        offered = False
        for value in values:
            pause = next(self.pauses)
            if pause:
                if offered:
                    self.valid.value = 0
                    offered = False
                await ClockCycles(self.dut.clk, pause)
            if self.payload is not None:
                self.payload.value = int(value) & mask
            if not offered:
                self.valid.value = 1
                offered = True
            await self.edge
            if self.ready is not None:
                await self._until(self.ready)
        if offered:
            self.valid.value = 0

    def start(self, values: Iterable[int]) -> Task[None]:
        """Send in the background; a later :func:`reset_mid` cancels it."""
        return _start_task(self.send(values))


class Sink(_Stream):
    """Takes items out of the stream ``name`` of the hardware; ``signed`` ones as two's complement."""

    def __init__(self, dut: Any, name: str, stalls: Stalls = Stalls.NONE, signed: bool = False):
        super().__init__(dut, name, stalls, Stalls.CONSUMER)
        self.signed = signed

    async def take(
        self, count: int, timeout: int | None = None, into: Callable[[int], object] | None = None
    ) -> list[int]:
        """Take ``count`` items and return them; each is also handed to ``into`` as it comes.

        Raises
        ------
        AssertionError
            Not all came within ``timeout`` clock cycles.
        """
        values: list[int] = []
        if timeout is None:
            await self._take(count, values, into)
            return values
        try:
            await with_timeout(self._take(count, values, into), timeout * PERIOD, "ns")
        except SimTimeoutError:
            raise AssertionError(
                f"{self.name}: {len(values)} of {count} items within {timeout} cycles"
            ) from None
        return values

    async def _take(self, count: int, values: list[int], into: Callable[[int], object] | None) -> None:
        open_ = False
        for _ in range(count):
            pause = next(self.pauses)
            if pause and self.ready is not None:
                if open_:
                    self.ready.value = 0
                    open_ = False
                await ClockCycles(self.dut.clk, pause)
            if not open_ and self.ready is not None:
                self.ready.value = 1
                open_ = True
            await self.edge
            await self._until(self.valid)
            value = 0
            if self.payload is not None:  # one bit is no array
                raw = self.payload.value
                value = int(raw) if self.width == 1 else raw.to_unsigned()
            if self.signed:
                value = signed(value, self.width)
            values.append(value)
            if into is not None:
                into(value)
        if open_ and self.ready is not None:
            self.ready.value = 0

    def start(self, count: int, into: Callable[[int], object]) -> Task[list[int]]:
        """Take in the background; a later :func:`reset_mid` cancels it."""
        return _start_task(self.take(count, into=into))


_tasks: list[Task] = []
"""Transfers that go on in the background."""


def _start_task(coroutine: Any) -> Task:
    task = cocotb.start_soon(coroutine)
    _tasks.append(task)
    return task


def _stop(dut: Any) -> None:
    """Cancel all transfers in the background and set all inputs but clock and reset to 0."""
    for task in _tasks:
        if not task.done():
            task.cancel()
    _tasks.clear()
    for name, port in context().ports.items():
        if port.direction == "input" and name not in ("clk", "rst"):
            getattr(dut, name).value = 0


async def start(dut: Any) -> None:
    """Start the clock, set all inputs to 0 and reset; the first thing in every test."""
    _tasks.clear()  # those of the test before ended with it
    Clock(dut.clk, PERIOD, unit="ns").start(start_high=False)  # inputs are set before the first edge
    await reset_mid(dut)


async def reset_mid(dut: Any) -> None:
    """Cancel all transfers in the background, set all inputs to 0 and reset for two cycles."""
    _stop(dut)
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


async def abort_mid(dut: Any) -> None:
    """As :func:`reset_mid`, by one cycle of the input ``abort_run`` instead of the reset."""
    _stop(dut)
    dut.abort_run.value = 1
    await ClockCycles(dut.clk, 1)
    dut.abort_run.value = 0
    await ClockCycles(dut.clk, 1)


async def cycles(dut: Any, count: int) -> None:
    """Wait for so many clock cycles in one wake-up."""
    await ClockCycles(dut.clk, count)


async def pulse(dut: Any, name: str) -> None:
    """Set the input ``name`` for one clock cycle."""
    getattr(dut, name).value = 1
    await RisingEdge(dut.clk)
    getattr(dut, name).value = 0


async def until(dut: Any, name: str, timeout: int) -> None:
    """Wait, asleep, until the output ``name`` is high at a clock edge.

    Raises
    ------
    AssertionError
        It was not within ``timeout`` clock cycles.
    """
    signal, edge = getattr(dut, name), RisingEdge(dut.clk)

    async def wait() -> None:
        await edge
        while not signal.value:
            await RisingEdge(signal)
            await edge

    try:
        await with_timeout(wait(), timeout * PERIOD, "ns")
    except SimTimeoutError:
        raise AssertionError(f"{name}: not high within {timeout} cycles") from None
