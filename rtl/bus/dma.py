# SPDX-License-Identifier: Apache-2.0
"""The engines of the data buses: bytes from memory, results to memory, images to the stream."""

from enum import IntEnum

from amaranth import Cat, ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal, Value
from amaranth.hdl import DomainRenamer
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config, SamplerConfig
from nms.rtl.bus.gearbox import Gearbox
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import BufferedFIFO

PAGE = 4096
"""Bytes that no burst crosses the boundary of."""

READ_BURST, WRITE_BURST = 32, 16
"""Beats of a burst at most."""

IN_FLIGHT = 4
"""Longest read bursts that are under way at once."""

BURSTS = 32
"""Read bursts that are under way at once at most."""

BYTES = 26
"""Bits of the bytes of an item."""


class Destination(IntEnum):
    """What an item is read for."""

    IMAGES = 0  # to be sampled
    LIST = 1  # of the images of a batch
    STREAM = 2  # to be sent


def item_layout(config: SamplerConfig) -> StructLayout:
    """Bytes in memory that are wanted."""
    return StructLayout({"address": config.address_bits, "bytes": BYTES, "destination": Destination})


def burst_layout(config: SamplerConfig) -> StructLayout:
    """A burst: address of its first beat, and its beats less one."""
    return StructLayout({"address": config.address_bits, "beats": 8})


def reading_layout(config: SamplerConfig) -> StructLayout:
    """A read burst that is under way, ``last`` for the last of its item."""
    return StructLayout({"address": config.address_bits, "beats": 5, "last": 1, "destination": Destination})


def fault_layout(config: SamplerConfig) -> StructLayout:
    """An error response: address, and whether it was DECERR."""
    return StructLayout({"address": config.address_bits, "decode": 1})


def word_layout(config: SamplerConfig) -> StructLayout:
    """A word of an item; ``last`` with the item's last."""
    return StructLayout({"data": config.bus_bits, "last": 1, "destination": Destination})


def bound_burst(m: Module, config: SamplerConfig, address: Value, left: Value, most: int) -> Signal:
    """Beats of the next burst: at most ``most``, ``left`` and those to the page's end."""
    size = config.bus_bits // 8
    page, shift = PAGE // size, size.bit_length() - 1
    to_end = Signal(range(page + 1))
    bounded = Signal(range(most + 1))
    limit = Mux(to_end < most, to_end, most)
    m.d.comb += [
        to_end.eq(page - (address >> shift)[: page.bit_length() - 1]),
        bounded.eq(Mux(left < limit, left, limit)),
    ]
    return bounded


class Reader(Block):
    """Reads items, one after the other: memory beats in, words out, each with its item's destination.

    Room for a burst's beats is reserved before it is asked for, so that beats never wait.

    Parameters
    ----------
    config : ``bus_bits`` and ``address_bits``

    Members
    -------
    busy : an item, or a beat of one, is inside
    waits : beats are due and none comes in this cycle
    faulty, fault : a beat came with an error, and its address; for one cycle
    abort_run : drops all items, in any cycle: no further burst is begun, the beats of those begun are taken
        and dropped
    i_items : bytes in memory, one or more, from a multiple of the bus's bytes on
    o_bursts : the channel AR
    i_beats : the channel R
    o_words : the items' beats; ``last`` with the last of an item, whose bytes beyond the item's are whatever
        lies there

    Latency
    -------
    Three cycles from an item to its first burst, two or more from a beat to its word.

    Throughput
    ----------
    One beat in and one word out a cycle; up to 128 beats, in up to 32 bursts of at most 32, are under way.

    Reset
    -----
    Nothing is inside.
    """

    module = "dma_read"

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        self.parameters = (config,)
        self.beat = StructLayout({"data": config.bus_bits, "resp": 2})
        self.burst = reading_layout(config)
        super().__init__(
            {
                "abort_run": In(1),
                "busy": Out(1),
                "waits": Out(1),
                "faulty": Out(1),
                "fault": Out(fault_layout(config)),
                "i_items": In(stream.Signature(item_layout(config))),
                "o_bursts": Out(stream.Signature(burst_layout(config))),
                "i_beats": In(stream.Signature(self.beat)),
                "o_words": Out(stream.Signature(word_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.core = core = ClockDomain("core", local=True)
        m.d.comb += [core.clk.eq(ClockSignal()), core.rst.eq(ResetSignal() | self.abort_run)]
        depth = READ_BURST * IN_FLIGHT
        layout = word_layout(self.config)
        m.submodules.beats = beats = DomainRenamer("core")(BufferedFIFO(width=layout.size, depth=depth))
        self.bursts = DomainRenamer("core")(BufferedFIFO(width=self.burst.size, depth=BURSTS))
        m.submodules.bursts = self.bursts

        due = Signal(range(depth + 1))  # beats asked for and not yet there
        reserved = Signal(range(depth + 1))  # and those that are kept
        taken, dropping = Signal(), Signal()
        self.idle = Signal()  # no item is being asked for
        word = self._name(m, taken & ~dropping)
        m.d.comb += [
            self.i_beats.ready.eq(self.bursts.r_rdy | dropping),
            taken.eq(self.i_beats.valid & self.i_beats.ready),
            self.waits.eq((due != 0) & ~self.i_beats.valid),
            beats.w_data.eq(word),
            beats.w_en.eq(taken & ~dropping),
            self.o_words.payload.eq(beats.r_data),
            self.o_words.valid.eq(beats.r_rdy),
            beats.r_en.eq(self.o_words.ready),
            self.busy.eq(~self.idle | self.o_bursts.valid | (due != 0) | (beats.level != 0) | dropping),
        ]
        asked = self._ask(m, reserved, depth, dropping)
        freed = beats.r_rdy & beats.r_en
        m.d.sync += [
            due.eq(due + asked - taken),
            reserved.eq(reserved + asked - freed),
        ]
        with m.If(dropping & (due == 0) & ~self.o_bursts.valid):
            m.d.sync += [dropping.eq(0), reserved.eq(0)]
        with m.If(self.abort_run):
            m.d.sync += dropping.eq(1)
        return m

    def _ask(self, m: Module, reserved: Value, depth: int, dropping: Value) -> Value:
        """Burst after burst, item after item, while there is room; returns the beats just asked for."""
        size = self.config.bus_bits // 8
        address = Signal(self.config.address_bits, reset_less=True)  # of the burst, until it is taken
        destination = Signal(Destination, reset_less=True)
        left = Signal(range(-(-((1 << BYTES) - 1) // size) + 1), reset_less=True)
        length = Signal(range(READ_BURST + 1), reset_less=True)
        asked = Signal.like(length)
        bounded = bound_burst(m, self.config, address, left, READ_BURST)
        burst = Signal(self.burst)
        m.d.comb += [
            burst.address.eq(address),
            burst.beats.eq(length - 1),
            burst.last.eq(left == length),
            burst.destination.eq(destination),
            self.bursts.w_data.eq(burst),
            self.bursts.w_en.eq(asked != 0),
            self.o_bursts.p.address.eq(address),
            self.o_bursts.p.beats.eq(length - 1),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.idle.eq(1), self.i_items.ready.eq(1)]
                with m.If(self.i_items.valid & ~self.abort_run):
                    item = self.i_items.p
                    m.d.sync += [
                        address.eq(item.address),
                        left.eq((item.bytes + (size - 1)) >> (size.bit_length() - 1)),
                        destination.eq(item.destination),
                    ]
                    m.next = "MEASURE"
            with m.State("MEASURE"):
                m.d.sync += length.eq(bounded)
                m.next = "ASK"
                with m.If(self.abort_run):
                    m.next = "IDLE"
            with m.State("ASK"):
                with m.If(self.abort_run):
                    m.next = "IDLE"
                with m.Elif((reserved + length <= depth) & self.bursts.w_rdy):
                    m.d.comb += asked.eq(length)
                    m.d.sync += self.o_bursts.valid.eq(1)
                    m.next = "OFFER"
            with m.State("OFFER"), m.If(self.o_bursts.ready):
                m.d.sync += [
                    self.o_bursts.valid.eq(0),
                    address.eq(address + length * size),
                    left.eq(left - length),
                ]
                m.next = "MEASURE"
                with m.If((left == length) | dropping | self.abort_run):
                    m.next = "IDLE"
        return asked

    def _name(self, m: Module, taken: Value) -> Signal:
        """Each beat that comes as a word, by its burst, and the address of one with an error."""
        size = self.config.bus_bits // 8
        burst, word = Signal(self.burst), Signal(word_layout(self.config))
        place = Signal(range(READ_BURST))
        beat = self.i_beats.p
        within = (burst.address[: PAGE.bit_length() - 1] + place * size)[: PAGE.bit_length() - 1]
        m.d.comb += [
            burst.eq(self.bursts.r_data),
            word.data.eq(beat.data),
            word.last.eq(burst.last & (place == burst.beats)),
            word.destination.eq(burst.destination),
            self.bursts.r_en.eq(taken & (place == burst.beats)),
            self.faulty.eq(taken & beat.resp[1]),
            self.fault.address.eq(Cat(within, burst.address[PAGE.bit_length() - 1 :])),
            self.fault.decode.eq(beat.resp[0]),
        ]
        with m.If(taken):
            m.d.core += place.eq(Mux(self.bursts.r_en, 0, place + 1))
        return word


class Writer(Block):
    """Writes one region of memory: 64-bit words in, memory beats out.

    A burst begins when all its data have arrived, so that it never waits for the rest of the system.

    Parameters
    ----------
    config : ``bus_bits``, ``address_bits`` and the sizes of a batch

    Members
    -------
    start : a pulse while not ``busy``
    base : address of the region, a multiple of the bus's bytes, sampled with ``start``
    length : bytes, a multiple of 8; constant while busy
    busy : from the cycle after ``start`` until the last response came
    waits : a beat is offered and not taken in this cycle
    bytes : those taken in this cycle
    faulty, fault : a burst was answered by an error, and its address; for one cycle
    abort_run : ends the job, in any cycle: a burst that was begun is completed
    i_words : the region's words, the first byte lowest
    o_bursts : the channel AW
    o_beats : the channel W
    i_responses : the channel B

    Latency
    -------
    Address and first beat of a burst are offered in the same cycle, once all its data have arrived.

    Throughput
    ----------
    One beat a cycle within a burst of at most 16; one burst at a time.

    Reset
    -----
    No job is under way.
    """

    module = "dma_write"

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        self.parameters = (config,)
        size = config.bus_bits // 8
        self.beat = StructLayout({"data": config.bus_bits, "strobe": size, "last": 1})
        super().__init__(
            {
                "start": In(1),
                "abort_run": In(1),
                "base": In(config.address_bits),
                "length": In((32 * config.images).bit_length()),
                "busy": Out(1),
                "waits": Out(1),
                "bytes": Out(range(size + 1)),
                "faulty": Out(1),
                "fault": Out(fault_layout(config)),
                "i_words": In(stream.Signature(64)),
                "o_bursts": Out(stream.Signature(burst_layout(config))),
                "o_beats": Out(stream.Signature(self.beat)),
                "i_responses": In(stream.Signature(2)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, size = self.config, self.config.bus_bits // 8
        m.domains.core = core = ClockDomain("core", local=True)
        flush = Signal()
        m.d.comb += [core.clk.eq(ClockSignal()), core.rst.eq(ResetSignal() | flush)]
        m.submodules.beats = beats = DomainRenamer("core")(
            BufferedFIFO(width=config.bus_bits + size, depth=WRITE_BURST)
        )
        m.submodules.gearbox = gearbox = DomainRenamer("core")(Gearbox(8, size, len(self.length)))
        active, stopping = Signal(), Signal()
        m.d.comb += [
            gearbox.length.eq(self.length),
            gearbox.i.payload.eq(self.i_words.payload),
            gearbox.i.valid.eq(self.i_words.valid & active),
            self.i_words.ready.eq(gearbox.i.ready & active),
            beats.w_data.eq(gearbox.o.payload),
            beats.w_en.eq(gearbox.o.valid),
            gearbox.o.ready.eq(beats.w_rdy),
        ]

        address = Signal(config.address_bits, reset_less=True)  # of the burst, until its response came
        left = Signal(range(32 * config.images // size + 2), reset_less=True)
        length = Signal(range(WRITE_BURST + 1), reset_less=True)
        to_send = Signal.like(length, reset_less=False)
        bounded = bound_burst(m, config, address, left, WRITE_BURST)
        strobe = self.o_beats.p.strobe
        m.d.comb += [
            self.busy.eq(active | stopping),
            self.o_beats.p.data.eq(beats.r_data[: config.bus_bits]),
            strobe.eq(beats.r_data[config.bus_bits :]),
            self.o_beats.p.last.eq(to_send == 1),
            self.o_beats.valid.eq((to_send != 0) & beats.r_rdy),
            beats.r_en.eq((to_send != 0) & self.o_beats.ready),
            self.waits.eq(self.o_beats.valid & ~self.o_beats.ready),
            self.o_bursts.p.address.eq(address),
            self.o_bursts.p.beats.eq(length - 1),
            self.fault.address.eq(address),
            self.fault.decode.eq(self.i_responses.payload[0]),
        ]
        with m.If(self.o_beats.valid & self.o_beats.ready):
            m.d.sync += to_send.eq(to_send - 1)
            m.d.comb += self.bytes.eq(sum(strobe))
        with m.If(self.o_bursts.ready):
            m.d.sync += self.o_bursts.valid.eq(0)
        with m.If(self.abort_run & active):
            m.d.sync += stopping.eq(1)
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [active.eq(1), address.eq(self.base)]
                m.d.sync += left.eq((self.length + (size - 1)) >> (size.bit_length() - 1))
                m.next = "MEASURE"
            with m.State("MEASURE"):
                m.d.sync += length.eq(bounded)
                m.next = "FILL"
                with m.If(stopping | (left == 0)):
                    m.next = "END"
            with m.State("FILL"):
                with m.If(stopping):
                    m.next = "END"
                with m.Elif(beats.level >= length):
                    m.d.sync += [
                        self.o_bursts.valid.eq(1),
                        to_send.eq(length),
                    ]
                    m.next = "RESPONSE"
            with m.State("RESPONSE"):
                m.d.comb += [
                    self.i_responses.ready.eq(1),
                    self.faulty.eq(self.i_responses.valid & self.i_responses.payload[1]),
                ]
                with m.If(self.i_responses.valid):
                    m.d.sync += [address.eq(address + length * size), left.eq(left - length)]
                    m.next = "MEASURE"
            with m.State("END"):
                m.d.comb += flush.eq(1)
                m.d.sync += [active.eq(0), stopping.eq(0)]
                m.next = "IDLE"
        return m


def image_lanes(config: SamplerConfig) -> int:
    """Bytes of a word of an image to be sent: ``lanes``, or a beat where images are read again."""
    return config.lanes if isinstance(config, Config) and not config.side else config.bus_bits // 8


def image_bits(config: SamplerConfig) -> int:
    """Bits of the bytes of an image in memory."""
    return BYTES if config.side else config.pixels.bit_length()


def sent_layout(config: SamplerConfig) -> StructLayout:
    """A word of an image to be sent, and the image's index; ``last`` with its last word."""
    return StructLayout({"data": 8 * image_lanes(config), "index": config.derived.index_width, "last": 1})


class Sender(Block):
    """Sends images: words in, beats of an AXI4-Stream out.

    Parameters
    ----------
    config : the widths of words, beats and an index

    Members
    -------
    pixels : bytes of an image; constant while busy
    busy : an image, or a beat, is inside
    waits : a beat is offered and not taken in this cycle
    bytes : those taken in this cycle
    abort_run : drops what is inside; but a beat that was offered stays until it is taken, and an image of
        which a part was offered is ended by a beat without bytes and with ``last``
    i_pixels : the images' words, whose bytes beyond the image are ignored
    o_beats : beats with ``keep`` for each byte, ``last`` with an image's last beat, and the index

    Latency
    -------
    Two cycles from a word that fills a beat to that beat.

    Throughput
    ----------
    One word in and one beat out a cycle.

    Reset
    -----
    Nothing is inside.
    """

    module = "sender"

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        self.parameters = (config,)
        size, index = config.bus_bits // 8, config.derived.index_width
        self.beat = StructLayout({"data": config.bus_bits, "keep": size, "last": 1, "index": index})
        super().__init__(
            {
                "abort_run": In(1),
                "pixels": In(image_bits(config)),
                "busy": Out(1),
                "waits": Out(1),
                "bytes": Out(range(size + 1)),
                "i_pixels": In(stream.Signature(sent_layout(config))),
                "o_beats": Out(stream.Signature(self.beat)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, size = self.config, self.config.bus_bits // 8
        m.domains.core = core = ClockDomain("core", local=True)
        m.d.comb += [core.clk.eq(ClockSignal()), core.rst.eq(ResetSignal() | self.abort_run)]
        m.submodules.gearbox = gearbox = DomainRenamer("core")(
            Gearbox(image_lanes(config), size, len(self.pixels))
        )
        index = Signal(config.derived.index_width)  # of the image whose words are in the gearbox
        entered = Signal()  # there are, or were and others are to come
        begun = Signal()  # of an image a part was offered, its last beat was not
        ending = Signal()
        beat = self.o_beats.p
        m.d.comb += [
            gearbox.length.eq(self.pixels),
            gearbox.i.payload.eq(self.i_pixels.p.data),
            gearbox.i.valid.eq(self.i_pixels.valid),
            self.i_pixels.ready.eq(gearbox.i.ready),
            gearbox.o.ready.eq((self.o_beats.ready | ~self.o_beats.valid) & ~ending & ~self.abort_run),
            self.busy.eq(entered | begun | ending | self.o_beats.valid),
            self.waits.eq(self.o_beats.valid & ~self.o_beats.ready),
        ]
        with m.If(self.i_pixels.valid & self.i_pixels.ready):
            m.d.core += [index.eq(self.i_pixels.p.index), entered.eq(1)]
        with m.If(self.o_beats.valid & self.o_beats.ready):
            m.d.comb += self.bytes.eq(sum(beat.keep))
        with m.If(self.o_beats.ready | ~self.o_beats.valid):
            m.d.sync += self.o_beats.valid.eq(0)
            with m.If(ending):
                m.d.sync += [
                    self.o_beats.valid.eq(begun),
                    beat.keep.eq(0),
                    beat.data.eq(0),
                    beat.last.eq(1),
                    begun.eq(0),
                    ending.eq(0),
                ]
            with m.Elif(gearbox.o.valid & ~self.abort_run):
                m.d.sync += [
                    self.o_beats.valid.eq(1),
                    beat.data.eq(gearbox.o.p.data),
                    beat.keep.eq(gearbox.o.p.keep),
                    beat.last.eq(gearbox.o.p.last),
                    beat.index.eq(self.i_pixels.p.index if gearbox.a == gearbox.b else index),
                    begun.eq(~gearbox.o.p.last),
                ]
                with m.If(gearbox.o.p.last):
                    m.d.core += entered.eq(0)
        with m.If(self.abort_run):
            m.d.sync += ending.eq(1)
        return m
