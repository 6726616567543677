# SPDX-License-Identifier: Apache-2.0
"""The distance phase of the array: which PE forms which pair when, and where the distances go."""

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import WritePort

from nms.rtl.array.bank import Bank
from nms.rtl.array.pe import PE
from nms.rtl.array.walk import TRIANGLE_LATENCY, triangle
from nms.rtl.lib.flow import delay
from nms.rtl.lib.hierarchy import Block


def distances(
    m: Module,
    pea: Block,
    pes: list[PE],
    banks: list[Bank],
    source: Signal,
    pixels: Signal,
    write: WritePort,
    formed_at: Signal,
) -> Value:
    """Form ``D_ij`` of all pairs i < j; returns the pulse after the last one was written.

    Schedule: N' is N rounded up to a multiple of 2 pes. While image i is broadcast, the others are
    i+1 ... i+N'/2 modulo N', in tiles of ``pes`` consecutive ones, so that each PE has one of them in
    its bank; those that do not exist, and the second half of the pairs at distance N'/2, are left out.
    That makes ``N * N'/(2 pes)`` passes of max(words, ``interval``) cycles. Distances are collected one a
    cycle while the next pass runs.

    Parameters
    ----------
    source : driven with the bank whose image is broadcast, a cycle before ``pixels`` has its word
    write : port of the distance memory; its address is ``formed_at``, both driven
    """
    total = pea.config.pes
    bits = total.bit_length() - 1
    most = 2 * -(-pea.config.images // (2 * total))
    words = pea.derived.words

    # The pass to come: image i is broadcast; tile t of the others begins at i + 1 + t * pes.
    slots, half = Signal(range(most + 1)), Signal(range(most + 1))
    image, tile = Signal(pea.derived.index_width), Signal(range(max(most // 2, 2)))
    start, final = Signal(range(2 * most * total)), Signal()
    m.d.comb += [
        slots.eq(half << 1),
        final.eq((image + 1 == pea.count) & (tile + 1 == half)),
    ]
    m.d.sync += [
        half.eq((pea.count + (2 * total - 1)) >> (bits + 1)),
        start.eq(image + 1 + (tile << bits)),
    ]
    # PE k has the j = k modulo pes: in slot ``beyond`` if k is below the start's place, else in ``here``.
    place_, here, beyond = Signal(bits), Signal(range(most)), Signal(range(most))
    high = start >> bits
    m.d.sync += [
        place_.eq(start[:bits]),
        here.eq(Mux(high >= slots, high - slots, high)),
        beyond.eq(Mux(high + 1 >= slots, high + 1 - slots, high + 1)),
    ]
    farthest = Signal()
    m.d.comb += farthest.eq((tile + 1 == half) & ((image >> bits) >= half))
    here_base, beyond_base = Signal.like(banks[0].address), Signal.like(banks[0].address)
    image_base = Signal.like(banks[0].address)
    m.d.sync += [
        here_base.eq(here * words),
        beyond_base.eq(beyond * words),
        image_base.eq((image >> bits) * words),
    ]
    later, active = Signal(total), Signal(total)
    for k in range(total):
        slot = Mux(k < place_, beyond, here)
        m.d.sync += [
            later[k].eq(k < place_),
            active[k].eq(((slot << bits) + k < pea.count) & ~(farthest & (image[:bits] == k))),
        ]

    # Addresses of the pass that runs; the broadcast image is read a cycle before the others.
    info = StructLayout(
        {
            "image": image.shape(),
            "here": here.shape(),
            "beyond": beyond.shape(),
            "later": total,
            "active": total,
            "final": 1,
        }
    )
    running, issuing, word, wait = (
        Signal(),
        Signal(),
        Signal.like(pea.words),
        Signal(range(pea.interval)),
    )
    current, waiting, collected = Signal(info), Signal(info), Signal(info)
    here_at, beyond_at = Signal.like(here_base), Signal.like(here_base)
    image_at = Signal.like(here_base)
    last, go = Signal(), Signal()
    m.d.comb += [
        last.eq(issuing & (word + 1 == pea.words)),
        go.eq(running & (wait == 0) & (~issuing | last)),
    ]
    with m.If(wait != 0):
        m.d.sync += wait.eq(wait - 1)
    with m.If(issuing):
        m.d.sync += [
            word.eq(word + 1),
            here_at.eq(here_at + 1),
            beyond_at.eq(beyond_at + 1),
            image_at.eq(image_at + 1),
        ]
    with m.If(last):
        m.d.sync += [issuing.eq(0), waiting.eq(current)]
    with m.If(go):
        m.d.sync += [
            issuing.eq(1),
            word.eq(0),
            wait.eq(pea.interval - 1),
            here_at.eq(here_base),
            beyond_at.eq(beyond_base),
            image_at.eq(image_base),
            current.image.eq(image),
            current.here.eq(here),
            current.beyond.eq(beyond),
            current.later.eq(later),
            current.active.eq(active),
            current.final.eq(final),
            running.eq(~final),
            tile.eq(tile + 1),
        ]
        with m.If(tile + 1 == half):
            m.d.sync += [tile.eq(0), image.eq(image + 1)]
    with m.If(pea.distance):
        m.d.sync += [running.eq(1), image.eq(0), tile.eq(0), wait.eq(3)]

    first = Signal()
    m.d.comb += first.eq(word == 0)
    flags = Cat(issuing, first, last)
    soon, now = delay(m, flags, 1, reset_less=False), delay(m, flags, 3, reset_less=False)
    later_soon = delay(m, current.later, 1)
    active_soon, active_now = (
        delay(m, current.active, 1),
        delay(m, current.active, 3),
    )
    here_soon, beyond_soon = delay(m, here_at, 1), delay(m, beyond_at, 1)
    m.d.comb += source.eq(delay(m, current.image[:bits], 2))
    other = delay(m, pixels, 1)
    for k, (unit, bank) in enumerate(zip(pes, banks, strict=True)):
        m.d.comb += [
            bank.address.eq(image_at),
            bank.enable.eq(issuing & (current.image[:bits] == k)),
            bank.own_address.eq(Mux(later_soon[k], beyond_soon, here_soon)),
            bank.own_enable.eq(soon[0] & active_soon[k]),
            unit.own.eq(bank.own),
            unit.other.eq(other),
            unit.pixels_valid.eq(now[0] & active_now[k]),
            unit.pixels_first.eq(now[1]),
            unit.pixels_last.eq(now[2]),
        ]

    # Collect the distances of the pass before, one a cycle.
    captured = delay(m, last, 3 + pea.pe.distance_latency - 1, reset_less=False)
    collecting, k = Signal(), Signal(range(total))
    with m.If(collecting):
        m.d.sync += k.eq(k + 1)
        with m.If(k == total - 1):
            m.d.sync += collecting.eq(0)
    with m.If(captured):
        m.d.sync += [collected.eq(waiting), collecting.eq(1), k.eq(0)]
    value, low, above = Signal.like(pea.pe.distance), Signal.like(image), Signal.like(image)
    j = Signal.like(image)
    exists = Signal()
    m.d.comb += j.eq((Mux(collected.later.bit_select(k, 1), collected.beyond, collected.here) << bits) + k)
    m.d.sync += [
        exists.eq(collecting & collected.active.bit_select(k, 1)),
        value.eq(Array(unit.distance for unit in pes)[k]),
        low.eq(Mux(j < collected.image, j, collected.image)),
        above.eq(Mux(j < collected.image, collected.image, j)),
    ]
    m.d.sync += [
        write.en.eq(delay(m, exists, TRIANGLE_LATENCY, reset_less=False)),
        formed_at.eq(triangle(m, above) + delay(m, low, TRIANGLE_LATENCY)),
        write.data.eq(delay(m, value, TRIANGLE_LATENCY)),
    ]
    final = collecting & (k == total - 1) & collected.final
    return delay(m, final, 2 + TRIANGLE_LATENCY, reset_less=False)
