# SPDX-License-Identifier: Apache-2.0
"""The image memory of the array of processing elements (PEA): batches in, words of kept images out."""

from amaranth import Array, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.array.bank import Bank
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.signatures import Payloads


class ImageLoader(Block):
    """Writes batches into the halves of the image memory in turn: image n into bank n modulo ``pes``.

    A half is full from the end of its load until it is given back by ``free``. Images of the other half are
    computed on meanwhile.

    Parameters
    ----------
    config : ``images``, ``pixels``, ``lanes`` and ``pes`` give the widths

    Members
    -------
    count, words : images of the batch, words of an image; sampled with ``load``
    load : begins a load; ignored unless ``load_ready``
    load_ready : a half is free and no load goes on
    loaded : the half that is computed on holds a whole batch
    free : gives that half back, a pulse while ``loaded``
    held : images of the half that was given back are still to be fetched, so that it is not loaded
    i_pixels : the words of a batch, image after image
    half, write_half : that is computed on; that is written
    write_address, write_enable, write_data : to all banks, but for ``write_enable``: a bit for each bank

    Latency
    -------
    A word is written in the cycle in which it is taken.

    Throughput
    ----------
    One word a cycle.

    Reset
    -----
    Both halves are free.
    """

    module = "pea_load"

    def __init__(self, config: Config) -> None:
        self.config, derived = config, config.derived
        self.parameters = (config,)
        payloads = Payloads(config)
        super().__init__(
            {
                "count": In(derived.count_width),
                "words": In(derived.words.bit_length()),
                "load": In(1),
                "load_ready": Out(1),
                "loaded": Out(1),
                "free": In(1),
                "held": In(1),
                "i_pixels": In(stream.Signature(payloads.pixels)),
                "half": Out(1),
                "write_half": Out(1),
                "write_address": Out(Bank.address_shape(config)),
                "write_enable": Out(config.pes),
                "write_data": Out(payloads.pixels),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pes = self.config.pes
        count, words = Signal.like(self.count), Signal.like(self.words)
        full = Signal(2)
        filled, active, loading = Signal(), Signal(), Signal()
        image = Signal(self.config.derived.index_width)
        word = Signal.like(words)
        base = Signal.like(self.write_address)
        bank = Signal(range(pes))
        taken = Signal()
        m.d.comb += [
            self.i_pixels.ready.eq(loading),
            taken.eq(loading & self.i_pixels.valid),
            self.load_ready.eq(
                ~loading & ~full.bit_select(filled, 1) & ((filled == active) | ~(self.held | self.free))
            ),
            self.loaded.eq(full.bit_select(active, 1)),
        ]
        with m.If(self.load & self.load_ready):
            m.d.sync += [loading.eq(1), image.eq(0), word.eq(0), base.eq(0), bank.eq(0)]
            m.d.sync += [count.eq(self.count), words.eq(self.words)]
        with m.Elif(taken):
            m.d.sync += word.eq(word + 1)
            with m.If(word + 1 == words):
                m.d.sync += [word.eq(0), image.eq(image + 1), bank.eq(bank + 1)]
                with m.If(bank == pes - 1):
                    m.d.sync += base.eq(base + self.config.derived.words)
                with m.If(image + 1 == count):
                    m.d.sync += [loading.eq(0), full.bit_select(filled, 1).eq(1), filled.eq(~filled)]
        with m.If(self.free):
            m.d.sync += [full.bit_select(active, 1).eq(0), active.eq(~active)]
        m.d.comb += [
            self.half.eq(active),
            self.write_half.eq(filled),
            self.write_address.eq(base + word),
            self.write_data.eq(self.i_pixels.payload),
            *(self.write_enable[k].eq(taken & (bank == k)) for k in range(pes)),
        ]
        return m


class ImageFetcher(Block):
    """Sends the words of the images that ``i_fetch`` names, of the batch that was given back last.

    Parameters
    ----------
    config : ``images``, ``pixels``, ``lanes`` and ``pes`` give the widths

    Members
    -------
    words : words of an image of the batch that is computed on
    free : this batch is given back; ``words`` is sampled
    i_fetch : the index of an image
    o_pixels : its words, with the index and ``last`` with the last of them
    address, enable : read of a bank; ``enable`` has a bit for each bank
    fetched : what each bank read, one cycle later, held while it is not enabled

    Latency
    -------
    Two cycles from an index to its first word.

    Throughput
    ----------
    One word a cycle, but for one cycle between images.

    Reset
    -----
    Nothing is sent; an image of which a part was sent is dropped.
    """

    module = "pea_fetch"

    def __init__(self, config: Config) -> None:
        self.config = config
        self.parameters = (config,)
        payloads = Payloads(config)
        super().__init__(
            {
                "words": In(config.derived.words.bit_length()),
                "free": In(1),
                "i_fetch": In(stream.Signature(payloads.index)),
                "o_pixels": Out(stream.Signature(payloads.fetched)),
                "address": Out(Bank.address_shape(config)),
                "enable": Out(config.pes),
                "fetched": In(payloads.pixels).array(config.pes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.config.pes.bit_length() - 1
        sending, advance = Signal(), Signal()
        index, word = Signal(self.config.derived.index_width), Signal.like(self.words)
        words = Signal.like(self.words)  # of the batch that was given back
        at = Signal.like(self.address)
        sent, last = Signal.like(index), Signal()
        m.d.comb += [
            self.i_fetch.ready.eq(~sending),
            advance.eq(self.o_pixels.ready | ~self.o_pixels.valid),
            self.o_pixels.p.data.eq(Array(self.fetched)[sent[:bits]]),
            self.o_pixels.p.index.eq(sent),
            self.o_pixels.p.last.eq(last),
        ]
        with m.If(self.free):
            m.d.sync += words.eq(self.words)
        with m.If(advance):
            m.d.sync += self.o_pixels.valid.eq(sending)
        with m.If(~sending):
            wanted = self.i_fetch.payload
            m.d.sync += [
                sending.eq(self.i_fetch.valid),
                index.eq(wanted),
                word.eq(0),
                at.eq((wanted >> bits) * self.config.derived.words),
            ]
        with m.Else():
            m.d.comb += self.address.eq(at)
            for k in range(self.config.pes):
                m.d.comb += self.enable[k].eq(advance & (index[:bits] == k))
            with m.If(advance):
                m.d.sync += [
                    sent.eq(index),
                    last.eq(word + 1 == words),
                    word.eq(word + 1),
                    at.eq(at + 1),
                    sending.eq(word + 1 != words),
                ]
        return m
