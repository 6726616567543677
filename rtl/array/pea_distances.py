# SPDX-License-Identifier: Apache-2.0
"""The distance phase of the array (PEA): which processing element (PE) forms which pair when."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.array.bank import Bank
from nms.rtl.array.pe import PE
from nms.rtl.array.walk import TRIANGLE_LATENCY, pair_shape, triangle
from nms.rtl.lib.flow import delay
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.signatures import Payloads


class DistancePhase(Block):
    """Forms ``D_ij = sum_d (x_id - x_jd)^2`` of all pairs i < j, each once (contract, section 5).

    Schedule: N' is N rounded up to a multiple of 2 pes. While image i is broadcast, the others are
    i+1 ... i+N'/2 modulo N', in tiles of ``pes`` consecutive ones, so that each PE has one of them in
    its bank; those that do not exist, and the second half of the pairs at distance N'/2, are left out.
    That makes ``N * N'/(2 pes)`` passes.

    Parameters
    ----------
    config : ``images``, ``pixels``, ``lanes`` and ``pes`` give the widths and the schedule

    Members
    -------
    count, words : N and the words of an image, constant from ``start`` to ``done``
    start : begins, a pulse
    done : all distances are written, a pulse
    address, enable : read of the image that is broadcast; ``enable`` has a bit for each bank
    source : the bank whose data, two cycles after its ``enable``, are the word that is broadcast
    own_address, own_enable : read of each bank's own image, a cycle after that of its partner
    pixels_valid : a bit for each PE: it takes a word of its own image and the one that is broadcast, which
        are there two and three cycles after their reads
    pixels_first, pixels_last : with the first and with the last word of a pass
    distances : of each PE, from ``PE.distance_latency`` cycles after its last word on
    write_enable, write_address, write_data : port of the distance memory

    Latency
    -------
    The last distance is written ``PE.distance_latency + pes + 7`` cycles after the last read of its bank.

    Throughput
    ----------
    A pass takes max(``words``, :attr:`interval`) cycles. Distances are collected one a cycle while the next
    pass runs.

    Reset
    -----
    No pass runs, and no distance is written.
    """

    module = "pea_distances"

    def __init__(self, config: Config) -> None:
        self.config, self.pe, derived = config, PE(config), config.derived
        self.parameters = (config,)
        self.bits = config.pes.bit_length() - 1
        payloads, address = Payloads(config), Bank.address_shape(config)
        super().__init__(
            {
                "count": In(derived.count_width),
                "words": In(derived.words.bit_length()),
                "start": In(1),
                "done": Out(1),
                "address": Out(address),
                "enable": Out(config.pes),
                "source": Out(self.bits),
                "own_address": Out(address).array(config.pes),
                "own_enable": Out(config.pes),
                "pixels_valid": Out(config.pes),
                "pixels_first": Out(1),
                "pixels_last": Out(1),
                "distances": In(payloads.distance).array(config.pes),
                "write_enable": Out(1),
                "write_address": Out(pair_shape(config)),
                "write_data": Out(payloads.distance),
            }
        )
        most = self._slots
        self.info = StructLayout(
            {
                "image": derived.index_width,
                "here": range(most),
                "beyond": range(most),
                "later": config.pes,
                "active": config.pes,
                "final": 1,
            }
        )
        """A pass: the image that is broadcast, the slots of the others, which of them are in the later slot,
        which of them there are, and whether it is the last pass."""

    @property
    def _slots(self) -> int:
        """Slots of a bank, rounded up to an even number."""
        return 2 * -(-self.config.images // (2 * self.config.pes))

    @property
    def interval(self) -> int:
        """Least number of cycles between two passes, so that one pass's distances are collected before those
        of the next are there."""
        return max(self.config.pes, self.pe.distance_latency + 2)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        go = Signal()
        coming = self._plan(m, go)
        current, last = self._run(m, go, coming)
        self._collect(m, current, last)
        return m

    def _plan(self, m: Module, go: Signal) -> Signal:
        """The pass to come, the next one with each ``go``; and the addresses at which it begins."""
        total, bits, most, words = self.config.pes, self.bits, self._slots, self.config.derived.words
        # Image i is broadcast; tile t of the others begins at i + 1 + t * pes.
        slots, half = Signal(range(most + 1)), Signal(range(most + 1))
        image, tile = Signal(self.config.derived.index_width), Signal(range(max(most // 2, 2)))
        start = Signal(range(2 * most * total))
        coming = Signal(self.info)
        m.d.comb += [
            slots.eq(half << 1),
            coming.image.eq(image),
            coming.final.eq((image + 1 == self.count) & (tile + 1 == half)),
        ]
        m.d.sync += [
            half.eq((self.count + (2 * total - 1)) >> (bits + 1)),
            start.eq(image + 1 + (tile << bits)),
        ]
        # PE k has the j = k modulo pes: in slot ``beyond`` if k is below the start's place, else in ``here``.
        place = Signal(bits)
        high = start >> bits
        m.d.sync += [
            place.eq(start[:bits]),
            coming.here.eq(Mux(high >= slots, high - slots, high)),
            coming.beyond.eq(Mux(high + 1 >= slots, high + 1 - slots, high + 1)),
        ]
        farthest = Signal()
        m.d.comb += farthest.eq((tile + 1 == half) & ((image >> bits) >= half))
        self.here_base, self.beyond_base, self.image_base = (
            Signal.like(self.address, name=f"{name}_base") for name in ("here", "beyond", "image")
        )
        m.d.sync += [
            self.here_base.eq(coming.here * words),
            self.beyond_base.eq(coming.beyond * words),
            self.image_base.eq((image >> bits) * words),
        ]
        for k in range(total):
            slot = Mux(k < place, coming.beyond, coming.here)
            m.d.sync += [
                coming.later[k].eq(k < place),
                coming.active[k].eq(((slot << bits) + k < self.count) & ~(farthest & (image[:bits] == k))),
            ]
        with m.If(go):
            m.d.sync += tile.eq(tile + 1)
            with m.If(tile + 1 == half):
                m.d.sync += [tile.eq(0), image.eq(image + 1)]
        with m.If(self.start):
            m.d.sync += [image.eq(0), tile.eq(0)]
        return coming

    def _run(self, m: Module, go: Signal, coming: Signal) -> tuple[Signal, Signal]:
        """Addresses of the pass that runs; the broadcast image is read a cycle before the others."""
        bits = self.bits
        running, issuing, word, wait = (
            Signal(),
            Signal(),
            Signal.like(self.words),
            Signal(range(self.interval)),
        )
        current = Signal(self.info)
        here_at, beyond_at = Signal.like(self.here_base), Signal.like(self.here_base)
        last, first = Signal(), Signal()
        m.d.comb += [
            first.eq(word == 0),
            last.eq(issuing & (word + 1 == self.words)),
            go.eq(running & (wait == 0) & (~issuing | last)),
        ]
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.If(issuing):
            m.d.sync += [
                word.eq(word + 1),
                here_at.eq(here_at + 1),
                beyond_at.eq(beyond_at + 1),
                self.address.eq(self.address + 1),
            ]
        with m.If(last):
            m.d.sync += issuing.eq(0)
        with m.If(go):
            m.d.sync += [
                issuing.eq(1),
                word.eq(0),
                wait.eq(self.interval - 1),
                here_at.eq(self.here_base),
                beyond_at.eq(self.beyond_base),
                self.address.eq(self.image_base),
                current.eq(coming),
                running.eq(~coming.final),
            ]
        with m.If(self.start):
            m.d.sync += [running.eq(1), wait.eq(3)]

        flags = Cat(issuing, first, last)
        soon, now = delay(m, flags, 1, reset_less=False), delay(m, flags, 3, reset_less=False)
        later_soon, active_soon = delay(m, current.later, 1), delay(m, current.active, 1)
        active_now = delay(m, current.active, 3)
        here_soon, beyond_soon = delay(m, here_at, 1), delay(m, beyond_at, 1)
        m.d.comb += [
            self.source.eq(delay(m, current.image[:bits], 2)),
            self.pixels_first.eq(now[1]),
            self.pixels_last.eq(now[2]),
        ]
        for k in range(self.config.pes):
            m.d.comb += [
                self.enable[k].eq(issuing & (current.image[:bits] == k)),
                self.own_address[k].eq(Mux(later_soon[k], beyond_soon, here_soon)),
                self.own_enable[k].eq(soon[0] & active_soon[k]),
                self.pixels_valid[k].eq(now[0] & active_now[k]),
            ]
        return current, last

    def _collect(self, m: Module, current: Signal, last: Signal) -> None:
        """Write the distances of the pass before, one a cycle."""
        total, bits = self.config.pes, self.bits
        waiting, collected = Signal(self.info), Signal(self.info)
        with m.If(last):
            m.d.sync += waiting.eq(current)
        captured = delay(m, last, 3 + self.pe.distance_latency - 1, reset_less=False)
        collecting, k = Signal(), Signal(range(total))
        with m.If(collecting):
            m.d.sync += k.eq(k + 1)
            with m.If(k == total - 1):
                m.d.sync += collecting.eq(0)
        with m.If(captured):
            m.d.sync += [collected.eq(waiting), collecting.eq(1), k.eq(0)]
        value, low, above = (
            Signal.like(self.write_data, name="value"),
            Signal.like(collected.image, name="low"),
            Signal.like(collected.image, name="above"),
        )
        j = Signal.like(low)
        exists = Signal()
        m.d.comb += j.eq(
            (Mux(collected.later.bit_select(k, 1), collected.beyond, collected.here) << bits) + k
        )
        m.d.sync += [
            exists.eq(collecting & collected.active.bit_select(k, 1)),
            value.eq(Array(self.distances)[k]),
            low.eq(Mux(j < collected.image, j, collected.image)),
            above.eq(Mux(j < collected.image, collected.image, j)),
        ]
        m.d.sync += [
            self.write_enable.eq(delay(m, exists, TRIANGLE_LATENCY, reset_less=False)),
            self.write_address.eq(triangle(m, above) + delay(m, low, TRIANGLE_LATENCY)),
            self.write_data.eq(delay(m, value, TRIANGLE_LATENCY)),
        ]
        final = collecting & (k == total - 1) & collected.final
        m.d.sync += self.done.eq(delay(m, final, 2 + TRIANGLE_LATENCY, reset_less=False))
