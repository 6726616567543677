# SPDX-License-Identifier: Apache-2.0
"""The simulated sampler as its user sees it: settings, images in, kept indices out, tables read out."""

from dataclasses import asdict
from typing import Any

import numpy as np
from cocotb.task import Task

from nms.contract.config import GENERATION_CAP, POPULATION, Config
from nms.contract.readout import Phase, Readout
from nms.contract.settings import Settings
from nms.contract.tables import Tables
from nms.rtl.sampler import Sampler
from nms.sim.models.images import pack_images
from nms.sim.models.streams import Pack, Sink, Source, Stalls, cycles, until


def limit_cycles(config: Config, settings: Settings) -> int:
    """Cycles within which a run of one batch has ended, whoever pauses: longer is a hang.

    The search as if every row took all generations, with what hides latency as the contract's sizes give
    it; four times the cycles of all else, which pauses may stretch.
    """
    n, derived = settings.count, config.derived
    words = -(-settings.pixels // config.lanes)
    weight, post = (derived.cordic_latency(len(i)) for i in (derived.weight_indices, derived.post_indices))
    latency = weight + 2 * post + 60
    generation = (POPULATION // config.pes) * (n - 1) + latency // min(config.contexts, n)
    others = (
        n * words  # load
        + -(-n // (2 * config.pes)) * n * (words + 10)
        + n * (2 * n + latency)
        + (settings.iterations + 1) * (n * -(-n // config.te_lanes) + 250)
        + n * (2 * n // config.grid_lanes + 20)
        + settings.keep * (words + 10)
    )
    return 5_000 + n * GENERATION_CAP * generation + 4 * others


class Device:
    """Drives the ports of the sampler without buses; ``stalls`` pauses images in and everything kept out."""

    def __init__(self, dut: Any, config: Config, stalls: Stalls = Stalls.NONE):
        self.dut, self.config, self.stalls = dut, config, stalls
        block = Sampler(config)
        self.request = Pack(block.i_read.payload.shape())
        self.kept_item = Pack(block.o_kept.payload.shape())
        self.pixels_item = Pack(block.o_pixels.payload.shape())

    async def pulse(self, *pulses: str, **values: int) -> None:
        """One cycle of the inputs ``pulses``, with ``values`` at the setting ports."""
        for name, value in values.items():
            getattr(self.dut, name).value = value
        for name in pulses:
            getattr(self.dut, name).value = 1
        await cycles(self.dut, 1)
        for name in (*pulses, *values):
            getattr(self.dut, name).value = 0  # the hardware has sampled them

    async def begin(self, settings: Settings, load: bool = True, send_images: bool = False) -> None:
        """Start with the settings, and with a load unless the batch is there already.

        Raises
        ------
        AssertionError
            The settings are refused.
        """
        values = asdict(settings) | {"words": -(-settings.pixels // self.config.lanes)}
        await self.pulse(*["load"] * load, "start", **values, send_images=int(send_images))
        await cycles(self.dut, 3)
        assert not self.error, f"{settings} refused"

    async def load(self, images: np.ndarray, patience: int = 1_000) -> Task[None]:
        """As soon as a half is free, within ``patience`` cycles, begin to load a batch into it.

        The task ends with the last word.
        """
        if not self.dut.load_ready.value:
            await until(self.dut, "load_ready", patience)
        count, pixels = images.shape
        await self.pulse("load", count=count, words=-(-pixels // self.config.lanes))
        await cycles(self.dut, 1)  # from here on load_ready tells of this load
        return Source(self.dut, "i_images", self.stalls).start(pack_images(images, self.config.lanes))

    async def run(self, settings: Settings, images: np.ndarray) -> list[int]:
        """A whole run of one batch: the kept indices.

        Raises
        ------
        AssertionError
            The settings are refused, the run hangs, or ``last`` is not with the last kept index.
        """
        await self.begin(settings)
        Source(self.dut, "i_images", self.stalls).start(pack_images(images, self.config.lanes))
        kept = await self.kept(settings)
        await until(self.dut, "done", 10)
        return kept

    async def kept(self, settings: Settings) -> list[int]:
        """The kept indices of the run under way; errors as of :meth:`run`."""
        taken = await Sink(self.dut, "o_kept", self.stalls).take(
            settings.keep, timeout=limit_cycles(self.config, settings)
        )
        items = [self.kept_item.unpack(item) for item in taken]
        assert [item["last"] for item in items] == [0] * (settings.keep - 1) + [1], "last is misplaced"
        return [item["index"] for item in items]

    async def pixels(self, settings: Settings) -> list[dict[str, int]]:
        """All items of ``o_pixels`` of the run under way, which sends images."""
        count = settings.keep * -(-settings.pixels // self.config.lanes)
        timeout = limit_cycles(self.config, settings) + 40 * count
        taken = await Sink(self.dut, "o_pixels", self.stalls).take(count, timeout=timeout)
        return [self.pixels_item.unpack(item) for item in taken]

    async def read(self, table: Readout, count: int) -> np.ndarray:
        """One table of a batch of ``count`` images."""
        shape = table.shape(count)
        places = np.ndindex(*shape) if len(shape) == 2 else ((row, 0) for row in range(count))
        requests = [self.request.pack(table=table, row=row, column=column) for row, column in places]
        Source(self.dut, "i_read").start(requests)
        values = await Sink(self.dut, "o_read").take(len(requests), timeout=100 * len(requests))
        return np.array(values, np.uint64).astype(np.int64).reshape(shape)

    async def tables(self, kept: list[int], count: int) -> Tables:
        """All tables, read out of the hardware; ``kept`` as it came out of the stream."""
        read = {table.name.lower(): await self.read(table, count) for table in Tables.readouts()}
        return Tables(kept=np.array(kept, np.int64), **read)

    @property
    def phase(self) -> Phase:
        """What the sampler is doing."""
        return Phase(self.dut.phase.value.to_unsigned())

    @property
    def error(self) -> bool:
        """Whether the last start was refused."""
        return bool(self.dut.error.value)

    def cycles(self) -> dict[str, int]:
        """The cycles of each phase of the last run."""
        return {
            phase.name.lower(): getattr(self.dut, f"cycles_{phase.name.lower()}").value.to_unsigned()
            for phase in self.config.phases
        }
