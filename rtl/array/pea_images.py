# SPDX-License-Identifier: Apache-2.0
"""The image memory of the array: batches in, words of kept images out."""

from amaranth import Array, Module, Signal

from nms.rtl.array.bank import Bank
from nms.rtl.lib.hierarchy import Block


def load(m: Module, pea: Block, banks: list[Bank]) -> None:
    """Take batches from ``i_pixels`` into the halves in turn, image n into bank n modulo pes.

    Drives ``load_ready`` and ``loaded`` of the array, and the banks' write ports and choice of a half.
    """
    count, words = Signal.like(pea.load_count), Signal.like(pea.load_words)
    full = Signal(2)
    filled, active, loading = Signal(), Signal(), Signal()
    image = Signal(pea.derived.index_width)
    word = Signal.like(words)
    base = Signal.like(banks[0].write_address)
    bank = Signal(range(pea.config.pes))
    taken = Signal()
    m.d.comb += [
        pea.i_pixels.ready.eq(loading),
        taken.eq(loading & pea.i_pixels.valid),
        pea.load_ready.eq(
            ~loading & ~full.bit_select(filled, 1) & ((filled == active) | ~(pea.held | pea.free))
        ),
        pea.loaded.eq(full.bit_select(active, 1)),
    ]
    with m.If(pea.load & pea.load_ready):
        m.d.sync += [loading.eq(1), image.eq(0), word.eq(0), base.eq(0), bank.eq(0)]
        m.d.sync += [count.eq(pea.load_count), words.eq(pea.load_words)]
    with m.Elif(taken):
        m.d.sync += word.eq(word + 1)
        with m.If(word + 1 == words):
            m.d.sync += [word.eq(0), image.eq(image + 1), bank.eq(bank + 1)]
            with m.If(bank == pea.config.pes - 1):
                m.d.sync += base.eq(base + pea.derived.words)
            with m.If(image + 1 == count):
                m.d.sync += [loading.eq(0), full.bit_select(filled, 1).eq(1), filled.eq(~filled)]
    with m.If(pea.free):
        m.d.sync += [full.bit_select(active, 1).eq(0), active.eq(~active)]
    for k, unit in enumerate(banks):
        m.d.comb += [
            unit.half.eq(active),
            unit.write_half.eq(filled),
            unit.write_address.eq(base + word),
            unit.write_enable.eq(taken & (bank == k)),
            unit.write_data.eq(pea.i_pixels.payload),
        ]


def fetch(m: Module, pea: Block, banks: list[Bank]) -> None:
    """Send the words of the images that ``i_fetch`` names, of the batch that was given back last.

    Drives ``i_fetch.ready`` and ``o_pixels`` of the array, and the banks' fetch ports.
    """
    bits = pea.config.pes.bit_length() - 1
    sending, advance = Signal(), Signal()
    index, word = Signal(pea.derived.index_width), Signal.like(pea.words)
    words = Signal.like(pea.words)  # of the batch that was given back
    at = Signal.like(banks[0].fetch_address)
    sent, last = Signal.like(index), Signal()
    m.d.comb += [
        pea.i_fetch.ready.eq(~sending),
        advance.eq(pea.o_pixels.ready | ~pea.o_pixels.valid),
        pea.o_pixels.p.data.eq(Array(bank.fetched for bank in banks)[sent[:bits]]),
        pea.o_pixels.p.index.eq(sent),
        pea.o_pixels.p.last.eq(last),
    ]
    with m.If(pea.free):
        m.d.sync += words.eq(pea.words)
    with m.If(advance):
        m.d.sync += pea.o_pixels.valid.eq(sending)
    with m.If(~sending):
        wanted = pea.i_fetch.payload
        m.d.sync += [
            sending.eq(pea.i_fetch.valid),
            index.eq(wanted),
            word.eq(0),
            at.eq((wanted >> bits) * pea.derived.words),
        ]
    with m.Else():
        for k, bank in enumerate(banks):
            m.d.comb += [bank.fetch_address.eq(at), bank.fetch_enable.eq(advance & (index[:bits] == k))]
        with m.If(advance):
            m.d.sync += [
                sent.eq(index),
                last.eq(word + 1 == words),
                word.eq(word + 1),
                at.eq(at + 1),
                sending.eq(word + 1 != words),
            ]
