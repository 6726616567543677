# SPDX-License-Identifier: Apache-2.0
"""The profile of an image: what its rows sum to, scaled, with the means at three places."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.settings import SIDE_MAX
from nms.rtl.lib.fixed import bit_length
from nms.rtl.lib.ram import RAM
from nms.rtl.reduction.shape import EXTENT

BINS = 64
"""Most entries of a profile."""

ENTRY = 10
"""Bits of an entry."""

PLACE = bits_for(BINS - 1)
"""Bits of an entry's place."""

ROW_SUM = bits_for(255 * 3 * SIDE_MAX)
"""Bits of the sum of a row of all channels."""

BIN_SUM = bits_for(255 * 3 * SIDE_MAX * (SIDE_MAX // BINS))
"""Bits of the sum of all rows of an entry."""

ROW = StructLayout({"sum": ROW_SUM, "last": 1})
"""The sum of a row of pixels or, of planes, of a row of one; ``last`` with the last of an image."""

STEPS = (-1, 0, 1)
"""The places at which profiles are compared."""


class RowProfile(wiring.Component):
    """Gathers the rows of an image into its profile (contract, section 22).

    The sums of the entries are complete when the image's last row has come. Then they are scaled one after
    the other, and kept as triples of neighbours, which are what the three places need at once. Meanwhile the
    rows of the next image may come: they follow the scaling and do not overtake it.

    Members
    -------
    height, width, channels, planes : of an image, constant from ``prepare`` on
    prepare : begins a job, a pulse
    i_rows : the rows of images
    valid : a profile is there, until ``free``
    free : it is not needed any more, a pulse
    last_place : n - 1; comparisons have n entries
    means : at the places -1, 0 and 1, while ``valid``
    read_enable, read_place, read_data : entries ``place`` to ``place + 2`` of the profile, a cycle later
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "height": In(EXTENT),
                "width": In(EXTENT),
                "channels": In(2),
                "planes": In(1),
                "prepare": In(1),
                "i_rows": In(stream.Signature(ROW)),
                "valid": Out(1),
                "free": In(1),
                "last_place": Out(PLACE),
                "means": Out(ArrayLayout(ENTRY, len(STEPS))),
                "read_enable": In(1),
                "read_place": In(PLACE),
                "read_data": Out(ArrayLayout(ENTRY, len(STEPS))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.sums = sums = RAM(shape=BIN_SUM, depth=BINS)
        shift, top = Signal(range(7), reset_less=True), Signal(range(21), reset_less=True)
        bins, prepared = Signal(range(BINS + 1), reset_less=True), Signal()
        length, largest = Signal(range(3 * SIDE_MAX + 1)), Signal(ROW_SUM)  # bytes of a row, and their sum
        m.d.comb += [
            length.eq(Mux(self.channels == 3, self.width + (self.width << 1), self.width)),
            largest.eq((length << 8) - length),
        ]
        m.d.sync += prepared.eq(self.prepare)
        with m.If(self.prepare):
            # height >> s <= BINS is height < (BINS + 1) << s
            m.d.sync += [
                shift.eq(sum(self.height >= (BINS + 1) << s for s in range(6))),
                top.eq(bit_length(largest)),
            ]
        with m.If(prepared):
            m.d.sync += bins.eq(self.height >> shift)
        m.d.comb += self.last_place.eq(bins - 3)
        whole = self._gather(m, sums, shift)
        self._scale(m, sums, shift, top, bins, whole)
        return m

    def _gather(self, m: Module, sums: RAM, shift: Signal) -> Signal:
        """Sums of entries from rows, those of planes added up; returns whether an image waits for scaling."""
        self.read, write = sums.read_port(), sums.write_port()
        whole, taken = Signal(), Signal()
        row, within = Signal(EXTENT), Signal(6)  # of its entry's rows
        bin_place, planes_before = Signal(PLACE), Signal()
        so_far = Signal(BIN_SUM, reset_less=True)
        ends_entry, ends_plane = Signal(), Signal()
        put = StructLayout({"place": PLACE, "sum": BIN_SUM, "fresh": 1})
        waiting, ended = Signal(), Signal(put, reset_less=True)
        item = self.i_rows.p
        m.d.comb += [
            self.i_rows.ready.eq(~whole),
            taken.eq(self.i_rows.valid & self.i_rows.ready),
            ends_entry.eq(within == (1 << shift) - 1),
            ends_plane.eq(row + 1 == self.height),
            write.addr.eq(ended.place),
            write.data.eq(ended.sum + Mux(ended.fresh, 0, self.read.data)),
            write.en.eq(waiting),
            self.read.en.eq(0),  # unless asked for
        ]
        m.d.sync += waiting.eq(taken & ends_entry)
        with m.If(taken):
            total = Mux(within == 0, 0, so_far) + item.sum
            m.d.sync += [
                so_far.eq(total),
                within.eq(Mux(ends_entry | ends_plane, 0, within + 1)),
                bin_place.eq(Mux(ends_plane, 0, bin_place + ends_entry)),
                row.eq(Mux(ends_plane, 0, row + 1)),
                ended.place.eq(bin_place),
                ended.sum.eq(total),
                ended.fresh.eq(~planes_before),
            ]
            with m.If(ends_plane):
                m.d.sync += planes_before.eq(~item.last)
            with m.If(item.last):
                m.d.sync += whole.eq(1)
        with m.If(taken & ends_entry & planes_before):
            m.d.comb += [self.read.addr.eq(bin_place), self.read.en.eq(1)]
        return whole

    def _scale(self, m: Module, sums: RAM, shift: Signal, top: Signal, bins: Signal, whole: Signal) -> None:
        """The entries of an image that waits, into the memory of triples; their means."""
        m.submodules.triples = triples = RAM(shape=ArrayLayout(ENTRY, len(STEPS)), depth=BINS)
        read, write = triples.read_port(), triples.write_port()
        m.d.comb += [
            read.addr.eq(self.read_place),
            read.en.eq(self.read_enable),
            self.read_data.eq(read.data),
        ]

        running, place = Signal(), Signal(PLACE)
        was_read, scaled = Signal(), Signal()
        places = [Signal(PLACE, name=f"place_{stage}", reset_less=True) for stage in range(2)]
        entry = Signal(ENTRY, reset_less=True)
        before = [Signal(ENTRY, name=f"before_{back}", reset_less=True) for back in (1, 2)]
        right = Signal(range(32))
        m.d.comb += right.eq(Mux(top + shift > ENTRY, top + shift - ENTRY, 0))
        m.d.sync += [was_read.eq(running), scaled.eq(was_read)]
        with m.If(whole & ~self.valid & ~running & ~was_read & ~scaled):
            m.d.sync += [running.eq(1), place.eq(0), whole.eq(0)]
        with m.If(running):
            m.d.comb += [self.read.addr.eq(place), self.read.en.eq(1)]
            m.d.sync += [place.eq(place + 1), places[0].eq(place), running.eq(place + 1 != bins)]
        with m.If(was_read):
            m.d.sync += [entry.eq(self.read.data >> right), places[1].eq(places[0])]
        with m.If(scaled):
            m.d.sync += [before[0].eq(entry), before[1].eq(before[0])]
        m.d.comb += [
            write.addr.eq(places[1] - 2),
            write.data.eq(Cat(before[1], before[0], entry)),
            write.en.eq(scaled & (places[1] >= 2)),
        ]

        # the mean is that of a power of two of entries, the middle ones
        count, begin = Signal(range(BINS)), Signal(PLACE)
        power, log = Signal(range(BINS)), Signal(3)
        m.d.comb += [
            count.eq(bins - 2),
            log.eq(bit_length(count) - 1),
            power.eq(1 << log),
            begin.eq((count - power) >> 1),
        ]
        for number, step in enumerate(STEPS):
            total = Signal(ENTRY + 5, name=f"total_{number}", reset_less=True)
            inside = Signal(name=f"inside_{number}")
            first = begin + (1 + step)
            m.d.comb += [
                inside.eq((places[1] >= first) & (places[1] < first + power)),
                self.means[number].eq(total >> log),
            ]
            with m.If(scaled & inside):
                m.d.sync += total.eq(Mux(places[1] == first, 0, total) + entry)
        with m.If(scaled & (places[1] + 1 == bins)):
            m.d.sync += self.valid.eq(1)
        with m.If(self.free):
            m.d.sync += self.valid.eq(0)
