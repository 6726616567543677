# SPDX-License-Identifier: Apache-2.0
"""A driver of the AXI system, as software would have it: registers in, registers out, nothing else.

It knows the hardware by ``contract/registers.py`` alone and reaches it through a bus that reads and writes
32-bit registers and, for the images and the results, through memory that it shares with the hardware.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nms.contract.config import SamplerConfig
from nms.contract.readout import Readout
from nms.contract.registers import (
    BY_NAME,
    COUNTED,
    ROW_FIELDS,
    Error,
    Event,
    constants,
    has_map,
    result_offsets,
    setting_values,
)
from nms.contract.settings import LeanSettings, Settings


class Bus(Protocol):
    """Access to registers; ``OSError`` if the hardware refuses one."""

    async def read(self, offset: int) -> int:
        """The register at ``offset``."""
        ...

    async def write(self, offset: int, value: int) -> None:
        """Write the register at ``offset``."""
        ...

    async def interrupt(self) -> None:
        """Return as soon as the interrupt is high."""
        ...


class JobError(Exception):
    """A job was refused, stopped or aborted: ``code`` and ``address`` as the hardware tells them."""

    def __init__(self, code: Error, address: int):
        super().__init__(f"{code.name} at {address:#x}")
        self.code, self.address = code, address


@dataclass(frozen=True)
class JobDescriptor:
    """Where the images lie, where the results go (all multiples of the bus's bytes), and what is wanted.

    With ``list_base``, a batch's images are those that its list names by their numbers.
    """

    settings: Settings | LeanSettings
    image_base: int
    image_stride: int
    result_base: int
    batches: int = 1
    batch_stride: int = 0
    result_stride: int = 0
    list_base: int | None = None
    list_stride: int = 0
    send_images: bool = True
    write_results: bool = True

    def ends(self) -> dict[str, int]:
        """Where the regions of the job end, by their bases; of images by lists, the end of the base alone."""
        given, last = self.settings, self.batches - 1
        images = last * self.batch_stride + (given.count - 1) * self.image_stride + given.pixels
        results = last * self.result_stride + result_offsets(given.count, given.keep, has_map(given))[2]
        ends = {"image_base": self.image_base + images, "result_base": self.result_base + results}
        if self.list_base is not None:
            ends["image_base"] = self.image_base + 1
            ends["list_base"] = self.list_base + last * self.list_stride + 4 * given.count
        return ends


@dataclass(frozen=True)
class Results:
    """What the hardware writes to memory for one batch; raw integers, int64.

    ``kept`` are places in the batch or, with a list, the numbers there. ``generations`` are evaluations in
    the lean sampler. All others are empty if there is no map.
    """

    kept: np.ndarray
    embedding: np.ndarray
    mantissa: np.ndarray
    exponent: np.ndarray
    scale: np.ndarray
    status: np.ndarray
    generations: np.ndarray


PAGE = 4096
"""Bytes of a page: no AXI burst crosses the boundary between two."""


def find_base(config: SamplerConfig) -> int:
    """Address of the memory in simulations.

    It needs both halves of an address of 64 bits, and the highest bit of one of 32.
    """
    return 1 << 32 if config.address_bits == 64 else 1 << 31


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple of ``multiple`` that is at least ``value``."""
    return -(-value // multiple) * multiple


def make_lists(labels: np.ndarray, most: int) -> dict[int, np.ndarray]:
    """Groups of images of one class: by the images of a group, the groups' lists (groups, images).

    A class of more than ``most`` images is divided into as few groups as can be, of images that lie apart,
    whose sizes differ by one at most. Groups of one size are the batches of a job; those of less than four
    images, of classes that small, are none.
    """
    groups: dict[int, list[np.ndarray]] = {}
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        parts = -(-len(members) // most)
        for part in range(parts):
            group = members[part::parts]
            groups.setdefault(len(group), []).append(group)
    return {size: np.stack(lists) for size, lists in sorted(groups.items())}


def lay_out(
    config: SamplerConfig, settings: Settings | LeanSettings, batches: int = 1
) -> tuple[JobDescriptor, int]:
    """A job in memory from :func:`find_base` on, and the bytes of memory that it needs.

    A page of guard, the images, the results, each from a page's start, and a page of guard; between batches
    a beat of guard.
    """
    base, beat = find_base(config), config.bus_bits // 8
    image_stride = round_up(settings.pixels, beat)
    batch_stride = settings.count * image_stride + beat
    size = result_offsets(settings.count, settings.keep, has_map(settings))[2]
    result_stride = round_up(size, beat) + beat
    results = PAGE + round_up(batches * batch_stride, PAGE)
    job = JobDescriptor(
        settings,
        image_base=base + PAGE,
        image_stride=image_stride,
        batches=batches,
        batch_stride=batch_stride,
        result_base=base + results,
        result_stride=result_stride,
    )
    return job, results + round_up(batches * result_stride, PAGE) + PAGE


def unpack(data: bytes, count: int, keep: int, mapped: bool = True) -> Results:
    """The results of a batch from the bytes at its result address (:func:`result_offsets`)."""
    points, rows, end = result_offsets(count, keep, mapped)
    count = count if mapped else 0
    if len(data) < end:
        raise ValueError(f"{len(data)} bytes: the results have {end}")
    kept = np.frombuffer(data, "<u4", round_up(keep, 2))
    if kept[keep:].any():
        raise ValueError("the kept indices are not padded with 0")
    row = np.dtype("<u8, i1, u1, u1, u1, <u4")
    row.names = tuple(field.name for field in ROW_FIELDS)
    record = np.frombuffer(data, row, count, rows)
    if record["reserved"].any():
        raise ValueError("the reserved bytes of a row are not 0")
    embedding = np.frombuffer(data, "<i4", 2 * count, points).reshape(count, 2)
    columns = ("mantissa", "exponent", "scale", "status", "generations")
    return Results(
        kept[:keep].astype(np.int64),
        embedding.astype(np.int64),
        *(record[name].astype(np.int64) for name in columns),
    )


class Driver:
    """One device behind ``bus``."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def read(self, name: str) -> int:
        """A register, or a 64-bit value by its name without ``_lo``."""
        if name in BY_NAME:
            return await self.bus.read(BY_NAME[name].offset)
        return await self.read(f"{name}_lo") | await self.read(f"{name}_hi") << 32

    async def write(self, name: str, value: int) -> None:
        """Write a register, or a 64-bit value by its name without ``_lo``."""
        if name in BY_NAME:
            await self.bus.write(BY_NAME[name].offset, value)
        else:
            await self.write(f"{name}_lo", value & 0xFFFFFFFF)
            await self.write(f"{name}_hi", value >> 32)

    async def field(self, register: str, name: str) -> int:
        """One field of a register."""
        field = next(field for field in BY_NAME[register].fields if field.name == name)
        return await self.read(register) >> field.low & (1 << field.width) - 1

    async def command(self, name: str) -> None:
        """A command: ``start``, ``abort`` or ``clear``."""
        field = next(field for field in BY_NAME["control"].fields if field.name == name)
        await self.write("control", 1 << field.low)

    async def identify(self, config: SamplerConfig) -> None:
        """Check that the device is made from ``config``; ``ValueError`` names a register that differs."""
        for name, expected in constants(config).items():
            found = await self.read(name)
            if found != expected:
                raise ValueError(f"{name} is {found:#x}, expected {expected:#x}")

    async def start(self, job: JobDescriptor) -> None:
        """Set all settings and begin the job.

        Raises
        ------
        ValueError
            A region of the job ends beyond the addresses of the device's bus; nothing was written.
        """
        await self._check_addresses(job)
        for name, value in setting_values(job.settings).items():
            await self.write(name, value)
        for name in (
            "image_base", "image_stride", "batches", "batch_stride", "result_base", "result_stride",
            "list_stride",
        ):  # fmt: skip
            await self.write(name, getattr(job, name))
        await self.write("list_base", job.list_base or 0)
        lists = job.list_base is not None
        await self.write("options", job.send_images | job.write_results << 1 | lists << 2)
        await self.write("irq_status", 0xFFFFFFFF)
        await self.write("irq_enable", sum(1 << event for event in Event))
        await self.command("start")

    async def _check_addresses(self, job: JobDescriptor) -> None:
        beyond = {name: end for name, end in job.ends().items() if end > 1 << 32}
        if beyond and await self.field("method", "narrow"):
            name, end = beyond.popitem()
            raise ValueError(f"{name}={getattr(job, name):#x}: ends at {end:#x}; must end at 2^32 or below")

    async def wait(self) -> None:
        """Wait for the interrupt that ends a job and clear it; ``JobError`` if it was not done well."""
        await self.bus.interrupt()
        events = await self.read("irq_status")
        await self.write("irq_status", events)
        if not events >> Event.DONE & 1:
            raise JobError(Error(await self.read("error_code")), await self.read("error_address"))

    async def run(self, job: JobDescriptor) -> None:
        """A whole job."""
        await self.start(job)
        await self.wait()

    async def counters(self) -> dict[str, int]:
        """All counters."""
        return {name: await self.read(name) for name, _ in COUNTED}

    async def table(self, table: Readout, count: int, wide: bool = True) -> np.ndarray:
        """One table of the last batch, of ``count`` images; ``wide``: its values need more than 32 bits."""
        await self.write("table", table)
        await self.write("row", 0)
        await self.write("column", 0)
        shape = table.shape(count)
        values = []
        for _ in range(int(np.prod(shape))):
            value = await self.read("data_lo")
            values.append(value | await self.read("data_hi") << 32 if wide else value)
        raw = np.array(values, np.uint64 if wide else np.uint32)
        return raw.astype(np.int64 if wide else np.int32).astype(np.int64).reshape(shape)
