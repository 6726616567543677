# SPDX-License-Identifier: Apache-2.0
"""The simulated sampler as its user sees it: settings, images in, kept indices out, tables read out."""

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, Generic, TypeVar

import numpy as np
from cocotb.task import Task

from nms.contract.config import GENERATION_CAP, POPULATION, Config, ReducedConfig, SamplerConfig
from nms.contract.readout import Phase, Readout
from nms.contract.settings import LeanSettings, Pick, Settings
from nms.contract.tables import KINDS, SamplerTables
from nms.rtl.lean.sampler import LeanSampler
from nms.rtl.lean.sampler import settings_layout as lean_layout
from nms.rtl.sampler import Sampler, settings_layout
from nms.sim.models.images import pack_images
from nms.sim.models.streams import Pack, Sink, Source, Stalls, cycles, until


def limit_cycles(config: SamplerConfig, settings: Settings | LeanSettings) -> int:
    """Cycles within which a run of one batch has ended, whoever pauses: longer is a hang.

    Four times the cycles of everything that pauses may stretch, and the search as if every row took all
    generations or evaluations.
    """
    if isinstance(config, Config) and isinstance(settings, Settings):
        return _limit_published(config, settings)
    assert isinstance(settings, LeanSettings)
    n, reduced = settings.count, settings.reduced
    others = (
        n * (settings.pixels + 2 * reduced + 100)  # load, a byte a cycle
        + n * n * (-(-reduced // 16) + 10)
        + 2 * n * n
        + (settings.iterations + 1) * (n * n + 250)
        + 20 * n * n
        + settings.keep * (settings.pixels + 10)
    )
    return 5_000 + n * settings.evaluations * (n + 100) + 4 * others


def _limit_published(config: Config, settings: Settings) -> int:
    """The search with what hides latency as the contract's sizes give it."""
    n, derived = settings.count, config.derived
    words = -(-settings.reduced // config.lanes)
    weight, post = (derived.cordic_latency(len(i)) for i in (derived.weight_indices, derived.post_indices))
    latency = weight + 2 * post + 60
    generation = (POPULATION // config.pes) * (n - 1) + latency // min(config.contexts, n)
    others = (
        n * (words if not config.side else settings.pixels + settings.reduced + 100)  # load, a byte a cycle
        + -(-n // (2 * config.pes)) * n * (words + 10)
        + n * (2 * n + latency)
        + (settings.iterations + 1) * (n * -(-n // config.te_lanes) + 250)
        + n * (2 * n // config.grid_lanes + 20)
        + n * (n + 20) * (settings.pick != Pick.CENTRE)
        + settings.keep * (words + 10 if not config.side else settings.pixels + 50)
    )
    return 5_000 + n * GENERATION_CAP * generation + 4 * others


Given = TypeVar("Given", Settings, LeanSettings)
"""The settings of a device."""


class CoreDevice(ABC, Generic[Given]):
    """What the ports of all samplers without buses have in common: pulses, kept indices, tables.

    ``stalls`` pauses images in and everything kept out.
    """

    def __init__(self, dut: Any, config: SamplerConfig, block: Sampler | LeanSampler, stalls: Stalls):
        self.dut, self.config, self.stalls = dut, config, stalls
        self.tables_held = KINDS[config.method]
        self.request = Pack(block.i_read.payload.shape())
        self.kept_item = Pack(block.o_kept.payload.shape())

    async def pulse(self, *pulses: str, **values: int) -> None:
        """One cycle of the inputs ``pulses``, with ``values`` at the setting ports."""
        for name, value in values.items():
            getattr(self.dut, name).value = value
        for name in pulses:
            getattr(self.dut, name).value = 1
        await cycles(self.dut, 1)
        for name in (*pulses, *values):
            getattr(self.dut, name).value = 0  # the hardware has sampled them

    @abstractmethod
    async def run(self, settings: Given, images: np.ndarray) -> list[int]:
        """A whole job of one batch: the kept indices.

        Raises
        ------
        AssertionError
            The settings are refused, the run hangs, or ``last`` is not with the last kept index.
        """

    async def kept(self, settings: Given) -> list[int]:
        """The kept indices of the run under way; errors as of :meth:`run`."""
        taken = await Sink(self.dut, "o_kept", self.stalls).take(
            settings.keep, timeout=limit_cycles(self.config, settings)
        )
        items = [self.kept_item.unpack(item) for item in taken]
        assert [item["last"] for item in items] == [0] * (settings.keep - 1) + [1], "last is misplaced"
        return [item["index"] for item in items]

    async def read(self, table: Readout, count: int) -> np.ndarray:
        """One table of a batch of ``count`` images."""
        shape = table.shape(count)
        places = np.ndindex(*shape) if len(shape) == 2 else ((row, 0) for row in range(count))
        requests = [self.request.pack(table=table, row=row, column=column) for row, column in places]
        Source(self.dut, "i_read").start(requests)
        values = await Sink(self.dut, "o_read").take(len(requests), timeout=100 * len(requests))
        return np.array(values, np.uint64).astype(np.int64).reshape(shape)

    async def tables(self, kept: list[int], count: int) -> SamplerTables:
        """All tables, read out of the hardware; ``kept`` as it came out of the stream."""
        read = {table.name.lower(): await self.read(table, count) for table in self.tables_held.readouts()}
        return self.tables_held(kept=np.array(kept, np.int64), **read)

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


class Device(CoreDevice[Settings]):
    """Drives the ports of the published sampler."""

    config: Config

    def __init__(self, dut: Any, config: Config, stalls: Stalls = Stalls.NONE):
        block = Sampler(config)
        super().__init__(dut, config, block, stalls)
        self.pixels_item = Pack(block.payloads.fetched)

    def values(self, settings: Settings, send_images: bool = False) -> dict[str, int]:
        """What the setting ports are given; images are those that the core takes, reduced where they are."""
        words = -(-settings.reduced // self.config.lanes)
        given = asdict(settings) | {"pixels": settings.reduced, "words": words, "send_images": send_images}
        return {name: int(given[name]) for name in settings_layout(self.config)}

    async def begin(self, settings: Settings, load: bool = True, send_images: bool = False) -> None:
        """Start with the settings, and with a load unless the batch is there already.

        Raises
        ------
        AssertionError
            The settings are refused.
        """
        await self.pulse(*["load"] * load, "start", **self.values(settings, send_images))
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

    async def pixels(self, settings: Settings) -> list[dict[str, int]]:
        """All items of ``o_pixels`` of the run under way, which sends images."""
        count = settings.keep * -(-settings.reduced // self.config.lanes)
        timeout = limit_cycles(self.config, settings) + 40 * count
        taken = await Sink(self.dut, "o_pixels", self.stalls).take(count, timeout=timeout)
        return [self.pixels_item.unpack(item) for item in taken]


class LeanDevice(CoreDevice[LeanSettings]):
    """Drives the ports of the lean sampler's core."""

    config: ReducedConfig

    def __init__(self, dut: Any, config: ReducedConfig, stalls: Stalls = Stalls.NONE):
        block = LeanSampler(config)
        super().__init__(dut, config, block, stalls)
        self.word = Pack(block.i_words.payload.shape())

    async def prepare(self, settings: LeanSettings) -> None:
        """Put all settings on their ports, where they stay, and let those of an image be checked."""
        for name in lean_layout(self.config):
            getattr(self.dut, name).value = int(getattr(settings, name))
        await self.pulse("prepare")
        await cycles(self.dut, 1)
        await until(self.dut, "prepared", 200)

    async def load(self, settings: LeanSettings, images: np.ndarray, patience: int = 100_000) -> Task[None]:
        """As soon as a batch can be taken, within ``patience`` cycles, begin to load one.

        The task ends with the last word.
        """
        if not self.dut.load_ready.value:
            await until(self.dut, "load_ready", patience)
        await self.pulse("load")
        lanes = self.config.bus_bits // 8
        per_image = -(-settings.pixels // lanes)
        words = [
            self.word.pack(data=word, last=int((place + 1) % per_image == 0))
            for place, word in enumerate(pack_images(images, lanes))
        ]
        return Source(self.dut, "i_words", self.stalls).start(words)

    async def begin(self, settings: LeanSettings) -> None:
        """Start.

        Raises
        ------
        AssertionError
            The settings are refused.
        """
        await self.pulse("start")
        await cycles(self.dut, 3)
        assert not self.error, f"{settings} refused"

    async def run(self, settings: LeanSettings, images: np.ndarray) -> list[int]:
        """A whole job of one batch: the kept indices.

        Raises
        ------
        AssertionError
            The settings are refused, the run hangs, or ``last`` is not with the last kept index.
        """
        await self.prepare(settings)
        await self.load(settings, images)
        await self.begin(settings)
        kept = await self.kept(settings)
        await until(self.dut, "done", 10)
        return kept


def make_device(dut: Any, config: SamplerConfig, stalls: Stalls = Stalls.NONE) -> CoreDevice[Any]:
    """The device of a configuration's method."""
    if isinstance(config, Config):
        return Device(dut, config, stalls)
    assert isinstance(config, ReducedConfig)
    return LeanDevice(dut, config, stalls)
