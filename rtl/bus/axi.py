# SPDX-License-Identifier: Apache-2.0
"""The sampler as a block of an SoC: registers, memory bus, image stream and the jobs that join them."""

from enum import IntEnum

from amaranth import Array, Cat, ClockDomain, DomainRenamer, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out, connect

from nms.contract.config import Config, HerdingConfig, SamplerConfig
from nms.contract.readout import Readout
from nms.contract.registers import ADDRESS_BITS, BY_NAME, COUNTED, COUNTER_BITS, Error, Event
from nms.rtl.bus.dma import Reader, Sender, Writer
from nms.rtl.bus.gearbox import Gearbox
from nms.rtl.bus.images import BATCHES, Images
from nms.rtl.bus.register_file import RegisterFile
from nms.rtl.bus.settings import JobSettings
from nms.rtl.core import make_core
from nms.rtl.lean.sampler import LeanSampler
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.reduction.reduce import Reduce

INCR, NORMAL, BUFFERED = 1, 0, 3
"""Burst type; access type and memory attributes of every burst (normal, not cacheable, bufferable)."""

POINT = (Readout.EMBEDDING, Readout.EMBEDDING)
ROW = (Readout.MANTISSA, Readout.EXPONENT, Readout.SCALE, Readout.STATUS)
"""Tables of the values that are written for a point and, before the last, for a row; their columns count."""


class State(IntEnum):
    """What a job is doing."""

    IDLE = 0
    CHECK = 1  # the settings
    BEGIN = 2  # a batch
    COMPUTE = 3  # and kept indices and images leave
    ASK = 4  # a value of the results
    TAKE = 5
    PUSH = 6  # a word of the results
    FINISH = 7  # until the results are written and, after the last batch, the images sent
    STOP = 8  # until nothing of a job that was stopped is under way


def _channel(prefix: str, flow: type | object, fields: dict[str, int]) -> dict[str, object]:
    """Members of one channel; ``flow`` is that of its payload and valid."""
    back = In if flow is Out else Out
    named = {f"{prefix}{name}": flow(width) for name, width in fields.items()}  # type: ignore[operator]
    return named | {f"{prefix}valid": flow(1), f"{prefix}ready": back(1)}  # type: ignore[operator]


def _address_channel(config: SamplerConfig) -> dict[str, int]:
    return {
        "id": 1, "addr": config.address_bits, "len": 8, "size": 3, "burst": 2, "lock": 1, "cache": 4,
        "prot": 3, "qos": 4,
    }  # fmt: skip


class NearMemorySampler(Block):
    """The sampler as a block of a system on chip: AXI4-Lite subordinate, AXI4 manager, AXI4-Stream
    transmitter, interrupt.

    Registers and jobs are those of ``docs/reference/registers.md``. A job reads ``batches`` batches of
    images, one while the one before is computed, and for each writes its results and sends its kept images,
    these while the next one is computed. An error response or ``abort`` ends it: what was begun on a bus is
    completed, nothing further is begun, and then ``busy`` falls. Within is the core of the configuration's
    method and, where the published method looks at reduced images, the reduction.

    Parameters
    ----------
    config : all

    Members
    -------
    aclk, aresetn : clock, and reset, low, synchronous to it
    irq : an enabled event is pending

    The other ports are the signals of the buses ``s_axil``, ``m_axi`` and ``m_axis``, by the protocol's
    names.

    Latency
    -------
    No output depends on an input of the same cycle.

    Throughput
    ----------
    One beat a cycle on each bus; one job at a time.

    Reset
    -----
    All registers have their reset values, and nothing is under way on any bus.
    """

    module = "near_memory_sampler"
    clocks_itself = True

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        self.parameters = (config,)
        size, index = config.bus_bits // 8, config.derived.index_width
        lite = {"addr": ADDRESS_BITS, "prot": 3}
        super().__init__(
            {"aclk": In(1), "aresetn": In(1)}
            | _channel("s_axil_aw", In, lite)
            | _channel("s_axil_w", In, {"data": 32, "strb": 4})
            | _channel("s_axil_b", Out, {"resp": 2})
            | _channel("s_axil_ar", In, lite)
            | _channel("s_axil_r", Out, {"data": 32, "resp": 2})
            | _channel("m_axi_aw", Out, _address_channel(config))
            | _channel("m_axi_w", Out, {"data": config.bus_bits, "strb": size, "last": 1})
            | _channel("m_axi_b", In, {"id": 1, "resp": 2})
            | _channel("m_axi_ar", Out, _address_channel(config))
            | _channel("m_axi_r", In, {"id": 1, "data": config.bus_bits, "resp": 2, "last": 1})
            | _channel("m_axis_t", Out, {"data": config.bus_bits, "keep": size, "last": 1, "user": index})
            | {"irq": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = sync = ClockDomain("sync", local=True)
        m.d.comb += [sync.clk.eq(self.aclk), sync.rst.eq(~self.aresetn)]
        config = self.config
        self.registers = instantiate(m, "registers", RegisterFile(config), platform)
        self.sampler = instantiate(m, "sampler", make_core(config), platform)
        self.reader = instantiate(m, "reader", Reader(config), platform)
        self.writer = instantiate(m, "writer", Writer(config), platform)
        self.sender = instantiate(m, "sender", Sender(config), platform)
        self.images = instantiate(m, "images", Images(config), platform, "core")
        self.reduction: Reduce | LeanSampler | None = None
        """What checks the settings of an image before a job, and takes its words."""
        if isinstance(self.sampler, LeanSampler):
            self.reduction = self.sampler
        elif config.side:
            self.reduction = instantiate(m, "reduce", Reduce(config), platform, "core")
        self.settings = JobSettings(config, self.registers, self.sampler, self.reduction)
        self.state = Signal(State)
        self.busy = Signal()
        self.stop = Signal()
        self.halt = Signal()  # all blocks
        m.domains.core = core = ClockDomain("core", local=True)
        m.d.comb += [core.clk.eq(self.aclk), core.rst.eq(~self.aresetn | self.halt)]
        m.d.comb += self.busy.eq(self.state != State.IDLE)
        self._lite(m)
        self._memory(m)
        self._stream(m)
        self.settings.connect(m)
        m.d.comb += self.sender.pixels.eq(self.registers.pixels)
        self._job(m)
        self._load(m)
        self._results(m)
        self._count(m)
        self._stop(m)
        return m

    def _lite(self, m: Module) -> None:
        inner = self.registers
        driven = ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "bready", "araddr", "arvalid", "rready")
        for name in driven:
            m.d.comb += getattr(inner, name).eq(getattr(self, f"s_axil_{name}"))
        for name in ("awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid"):
            m.d.comb += getattr(self, f"s_axil_{name}").eq(getattr(inner, name))
        m.d.comb += self.irq.eq(inner.irq)

    def _memory(self, m: Module) -> None:
        size = self.config.bus_bits // 8
        for channel, engine in (("ar", self.reader), ("aw", self.writer)):
            values = {
                "addr": engine.o_bursts.p.address,
                "len": engine.o_bursts.p.beats,
                "size": size.bit_length() - 1,
                "burst": INCR,
                "prot": NORMAL,
                "cache": BUFFERED,
                "valid": engine.o_bursts.valid,
            }
            for name, value in values.items():
                m.d.comb += getattr(self, f"m_axi_{channel}{name}").eq(value)
            m.d.comb += engine.o_bursts.ready.eq(getattr(self, f"m_axi_{channel}ready"))
        read, written, response = self.reader.i_beats, self.writer.o_beats, self.writer.i_responses
        m.d.comb += [
            read.p.data.eq(self.m_axi_rdata),
            read.p.resp.eq(self.m_axi_rresp),
            read.valid.eq(self.m_axi_rvalid),
            self.m_axi_rready.eq(read.ready),
            self.m_axi_wdata.eq(written.p.data),
            self.m_axi_wstrb.eq(written.p.strobe),
            self.m_axi_wlast.eq(written.p.last),
            self.m_axi_wvalid.eq(written.valid),
            written.ready.eq(self.m_axi_wready),
            response.payload.eq(self.m_axi_bresp),
            response.valid.eq(self.m_axi_bvalid),
            self.m_axi_bready.eq(response.ready),
        ]

    def _stream(self, m: Module) -> None:
        beats = self.sender.o_beats
        self.sending = Signal()  # kept images are still to leave
        if self.reduction is None:
            connect(m, self.sampler.o_pixels, self.sender.i_pixels)
            m.d.comb += self.sending.eq(self.sampler.sending | self.sender.busy)
        else:
            connect(m, self.images.o_pixels, self.sender.i_pixels)
            m.d.comb += [
                self.images.send_images.eq(self.settings.option("send_images")),
                self.sending.eq(self.images.sending | self.reader.busy | self.sender.busy),
            ]
        m.d.comb += [
            self.m_axis_tdata.eq(beats.p.data),
            self.m_axis_tkeep.eq(beats.p.keep),
            self.m_axis_tlast.eq(beats.p.last),
            self.m_axis_tuser.eq(beats.p.index),
            self.m_axis_tvalid.eq(beats.valid),
            beats.ready.eq(self.m_axis_tready),
        ]

    def _job(self, m: Module) -> None:
        """The states of a job up to the results, and its end."""
        registers, sampler = self.registers, self.sampler
        commands = {field.name: registers.control[field.low] for field in BY_NAME["control"].fields}
        self.commands = commands
        width = self.config.address_bits
        refused, done = Signal(), Signal()
        self.ended = ended = Signal()
        self.error, self.code, self.address = error, code, address = Signal(), Signal(Error), Signal(width)
        batches_done = Signal(BATCHES)
        self.result_address = Signal(width, reset_less=True)
        aborted = Signal()
        idle = Signal()
        last = Signal()
        prepared = Signal()
        checked = Signal()  # what follows from the settings is there
        self.cleared = Signal()
        m.d.comb += [
            idle.eq(~(self.reader.busy | self.writer.busy | self.sender.busy)),
            last.eq(batches_done + 1 == registers.batches),
            sampler.start.eq(self.state == State.BEGIN),
            self.writer.start.eq((self.state == State.BEGIN) & self.settings.writes),
            self.writer.base.eq(self.result_address),
        ]
        if self.reduction is None:
            m.d.comb += prepared.eq(1)
        else:
            m.d.comb += prepared.eq(self.reduction.prepared)
            m.d.comb += self.reduction.prepare.eq((self.state == State.IDLE) & commands["start"])
        with m.If((commands["clear"] | commands["start"]) & ~self.busy):
            m.d.sync += [done.eq(0), error.eq(0), code.eq(Error.NONE), address.eq(0)]

        with m.Switch(self.state):
            with m.Case(State.IDLE), m.If(commands["start"]):
                m.d.sync += [checked.eq(0), self.state.eq(State.CHECK), batches_done.eq(0)]
            with m.Case(State.CHECK):
                m.d.sync += [checked.eq(prepared), self.result_address.eq(self.settings.both("result_base"))]
                with m.If(checked & ~registers.fetching & ~self.stop):
                    m.d.sync += self.state.eq(State.BEGIN)
                    m.d.comb += self.cleared.eq(self.settings.illegal == 0)
                    with m.If(self.settings.illegal != 0):
                        m.d.comb += refused.eq(1)
                        m.d.sync += [
                            error.eq(1),
                            code.eq(Error.SETTING),
                            address.eq(self.settings.illegal),
                            self.state.eq(State.IDLE),
                        ]
            with m.Case(State.BEGIN):
                m.d.sync += self.state.eq(State.COMPUTE)
            with m.Case(State.COMPUTE), m.If(sampler.done & ~self.images.o_kept.valid):
                m.d.sync += self.state.eq(
                    Mux(self.settings.writes & self.settings.mapped, State.ASK, State.FINISH)
                )
            with m.Case(State.FINISH), m.If(~self.writer.busy & ~(last & self.sending)):
                m.d.sync += [
                    batches_done.eq(batches_done + 1),
                    self.result_address.eq(self.result_address + registers.result_stride),
                    self.state.eq(State.BEGIN),
                ]
                with m.If(last):
                    m.d.comb += ended.eq(1)
                    m.d.sync += [done.eq(1), self.state.eq(State.IDLE)]
            with m.Case(State.STOP), m.If(idle & ~self.halt):
                m.d.comb += [aborted.eq(code == Error.ABORTED), refused.eq(code != Error.ABORTED)]
                m.d.sync += self.state.eq(State.IDLE)

        status = {
            "busy": self.busy,
            "done": done,
            "error": error,
            "writing": self.writer.busy,
            "phase": sampler.phase,
        }
        for field in BY_NAME["status"].fields:
            m.d.comb += registers.status[field.low : field.low + field.width].eq(status[field.name])
        m.d.comb += [
            registers.locked.eq(self.busy),
            registers.error_code.eq(code),
            self.settings.both("error_address").eq(address),
            registers.batches_done.eq(batches_done),
            registers.events[Event.DONE].eq(ended),
            registers.events[Event.ERROR].eq(refused),
            registers.events[Event.ABORTED].eq(aborted),
        ]

    def _stop(self, m: Module) -> None:
        """An error response or the command ends a job from any state; last, so that it wins."""
        going = self.busy & (self.state != State.STOP) & ~self.ended
        m.d.comb += self.stop.eq(going & (self.commands["abort"] | self.reader.faulty | self.writer.faulty))
        m.d.sync += self.halt.eq(self.stop)
        for block in (self.sampler, self.reader, self.writer, self.sender):
            m.d.comb += block.abort_run.eq(self.halt)
        with m.If(self.stop):
            m.d.sync += [self.state.eq(State.STOP), self.error.eq(1), self.code.eq(Error.ABORTED)]
            for engine, errors in (
                (self.writer, (Error.WRITE_SLVERR, Error.WRITE_DECERR)),
                (self.reader, (Error.READ_SLVERR, Error.READ_DECERR)),
            ):
                with m.If(engine.faulty):
                    m.d.sync += [
                        self.code.eq(Mux(engine.fault.decode, errors[1], errors[0])),
                        self.address.eq(engine.fault.address),
                    ]

    def _load(self, m: Module) -> None:
        """One batch after the other into the sampler, as soon as it has room."""
        given, images = self.registers, self.images
        connect(m, images.o_items, self.reader.i_items)
        connect(m, self.reader.o_words, images.i_words)
        for name in ("count", "pixels", "batches", "image_stride", "batch_stride", "list_stride"):
            m.d.comb += getattr(images, name).eq(getattr(given, name))
        m.d.comb += [
            images.use_list.eq(self.settings.option("use_list")),
            images.image_base.eq(self.settings.both("image_base")),
            images.list_base.eq(self.settings.both("list_base")),
            images.start.eq(self.cleared),
            self.sampler.load.eq(images.load),
            images.load_ready.eq(self.sampler.load_ready),
        ]
        if self.reduction is not None:
            words, taken = images.o_words, self.reduction.i_words
            m.d.comb += [
                taken.p.data.eq(words.p.data),
                taken.p.last.eq(words.p.last),
                taken.valid.eq(words.valid),
                words.ready.eq(taken.ready),
            ]
        if isinstance(self.reduction, Reduce):
            m.d.comb += self.reduction.o_rows.ready.eq(1)  # nothing looks at them
            self._pack(m, self.reduction.o_bytes, 1)
        elif self.reduction is None:
            self._pack(m, images.o_words, self.config.bus_bits // 8)

    def _pack(self, m: Module, words: Value, size: int) -> None:
        """Words of ``size`` bytes of an image to those that processing elements take."""
        taken = self.sampler.i_images
        gearbox = Gearbox(size, len(taken.payload) // 8, len(self.sampler.pixels))
        m.submodules.gearbox = DomainRenamer("core")(gearbox)
        m.d.comb += [
            gearbox.length.eq(self.settings.taken),
            gearbox.i.payload.eq(words.p.data),
            gearbox.i.valid.eq(words.valid),
            words.ready.eq(gearbox.i.ready),
            taken.payload.eq(gearbox.o.p.data),
            taken.valid.eq(gearbox.o.valid),
            gearbox.o.ready.eq(taken.ready),
        ]

    def _results(self, m: Module) -> None:
        """Words for the writer: pairs of kept images as they come, then what a map has."""
        words, keep, count = self.writer.i_words, self.registers.keep, self.registers.count
        m.d.comb += self.writer.length.eq(
            (((keep + 1) >> 1) << 3) + Mux(self.settings.mapped, (count << 3) + (count << 4), 0)
        )
        connect(m, self.sampler.o_kept, self.images.i_kept)
        kept = self.images.o_kept
        second, first = Signal(), Signal(32, reset_less=True)
        full = second | kept.p.last
        with m.If(self.state == State.BEGIN):
            m.d.sync += second.eq(0)
        with m.If(self.state == State.COMPUTE):
            m.d.comb += [
                words.payload.eq(Mux(second, Cat(first, kept.p.number), kept.p.number)),
                words.valid.eq(kept.valid & full & self.settings.writes),
                kept.ready.eq(~full | words.ready | ~self.settings.writes),
            ]
            with m.If(kept.valid & kept.ready):
                m.d.sync += [second.eq(~second), first.eq(kept.p.number)]

        outer, request, value = self.registers.o_request, self.sampler.i_read, self.sampler.o_read
        mine = self.busy & (self.state != State.CHECK)  # which lets a read of software end
        m.d.comb += [
            request.p.table.eq(outer.p.table),
            request.p.row.eq(outer.p.row),
            request.p.column.eq(outer.p.column),
            request.valid.eq(~mine & outer.valid),
            outer.ready.eq(~mine & request.ready),
            self.registers.i_value.payload.eq(value.payload),
            self.registers.i_value.valid.eq(~mine & value.valid),
            value.ready.eq(~mine & self.registers.i_value.ready),
        ]
        if not isinstance(self.config, HerdingConfig):
            self._tables(m, mine)

    def _tables(self, m: Module, mine: Value) -> None:
        """Points and rows, read as tables, to the writer."""
        words, request, value = self.writer.i_words, self.sampler.i_read, self.sampler.o_read
        searched = Readout.GENERATIONS if isinstance(self.config, Config) else Readout.EVALUATIONS
        columns = (*ROW, searched)
        rows, step = Signal(), Signal(range(len(columns)))
        row = Signal(range(self.config.images))
        word = Signal(64)
        table = Mux(rows, Array(columns)[step], Array(POINT)[step[0]])
        with m.If(mine):
            m.d.comb += [
                request.p.table.eq(table),
                request.p.row.eq(row),
                request.p.column.eq(step),
                request.valid.eq(self.state == State.ASK),
                value.ready.eq(self.state == State.TAKE),
            ]
        with m.Switch(self.state):
            with m.Case(State.BEGIN):
                m.d.sync += [rows.eq(0), row.eq(0), step.eq(0)]
            with m.Case(State.ASK), m.If(request.ready):
                m.d.sync += self.state.eq(State.TAKE)
            with m.Case(State.TAKE), m.If(value.valid):
                m.d.sync += [step.eq(step + 1), self.state.eq(State.ASK)]
                with m.If(~rows):
                    m.d.sync += word.word_select(step[0], 32).eq(value.payload[:32])
                    with m.If(step == len(POINT) - 1):
                        m.d.sync += self.state.eq(State.PUSH)
                with m.Elif(step == 0):
                    m.d.sync += [word.eq(value.payload), self.state.eq(State.PUSH)]
                with m.Else():
                    m.d.sync += word.eq(_replace_byte(word, step, value.payload, len(columns) - 1))
                    with m.If(step == len(columns) - 1):
                        m.d.sync += self.state.eq(State.PUSH)
            with m.Case(State.PUSH):
                m.d.comb += [words.payload.eq(word), words.valid.eq(1)]
                with m.If(words.ready):
                    m.d.sync += self.state.eq(State.ASK)
                    with m.If(rows & (step == 1)):
                        m.d.sync += word.eq(0)
                    with m.Else():
                        m.d.sync += [step.eq(0), row.eq(row + 1)]
                        with m.If(row + 1 == self.registers.count):
                            m.d.sync += [row.eq(0), rows.eq(1)]
                            with m.If(rows):
                                m.d.sync += self.state.eq(State.FINISH)

    def _count(self, m: Module) -> None:
        """Counters of the job; those of the last batch are the sampler's."""
        size = self.config.bus_bits // 8
        increments = {
            "cycles_job": self.busy,
            "read_waits": self.reader.waits,
            "write_waits": self.writer.waits,
            "stream_waits": self.sender.waits,
            "bytes_read": Mux(self.m_axi_rvalid & self.m_axi_rready, size, 0),
            "bytes_written": self.writer.bytes,
            "bytes_sent": self.sender.bytes,
        }
        held = {f"cycles_{p.name.lower()}" for p in self.config.phases}
        if isinstance(self.config, Config):
            held.add("trials")
        if self.reduction is not None:
            sent = self.images.o_pixels
            increments["bytes_fetched"] = Mux(sent.valid & sent.ready, size, 0)
        for name, _ in COUNTED:
            if name in held:
                value = getattr(self.sampler, name)
            elif name in increments:
                value = Signal(COUNTER_BITS, name=name)
                m.d.sync += value.eq(value + increments[name])
                with m.If(self.cleared):
                    m.d.sync += value.eq(0)
            else:
                continue  # the method has none: the register reads as 0
            m.d.comb += self.settings.both(name).eq(value)


def _replace_byte(word: Value, step: Value, value: Value, steps: int) -> Value:
    """``word`` with byte ``step - 1``, of the first ``steps``, replaced by the lowest of ``value``."""
    return Cat(
        Mux(step == place + 1, value[:8], word[8 * place : 8 * place + 8]) if place < steps
        else word[8 * place : 8 * place + 8]
        for place in range(8)
    )  # fmt: skip
