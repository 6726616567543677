# SPDX-License-Identifier: Apache-2.0
"""Which images of a stream are near-duplicates of those before them."""

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import ReducedConfig
from nms.rtl.lib.fixed import square
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import RAM
from nms.rtl.reduction.profile import BINS, ENTRY, PLACE, ROW, STEPS, RowProfile
from nms.rtl.reduction.shape import EXTENT

THRESHOLD = 8
"""Bits of the threshold, and of what it is a fraction of."""

NORM = bits_for((BINS - 2) * (2**ENTRY - 1) ** 2)
"""Bits of the squared norm of a profile less its mean."""

SUM = bits_for((BINS - 2) * (2 * (2**ENTRY - 1)) ** 2)
"""Bits of the squared distance of two of them."""


class NearDuplicates(Block):
    """Compares the profile of each image with those of the latest standing images (contract, section 22).

    An entry of all three places is compared in a cycle. What is known of a standing image is its profile less
    the mean, and the limit that a distance must not pass: floor(threshold * norm / 256). The next standing
    image comes as soon as all three distances have passed the limit, which is mostly after a few entries.

    Parameters
    ----------
    config : ``window``, at least 1

    Members
    -------
    height, width, channels, planes, threshold, window : settings, constant from ``prepare`` on
    prepare : begins a job, a pulse; no image is under way
    forget : images from here on are not compared with those before, a pulse between images
    i_rows : the rows of images
    o_stands : for each image 1 if it stands, 0 if it is a near-duplicate

    Latency
    -------
    From an image's last row to its verdict one cycle an entry to scale them, and at most :meth:`cycles` for
    each standing image.

    Throughput
    ----------
    The rows of the next image are taken meanwhile, but for its last.

    Reset
    -----
    Nothing stands, and no image is under way.
    """

    module = "near_duplicates"

    def __init__(self, config: ReducedConfig) -> None:
        self.most = config.window
        self.parameters = (self.most,)
        super().__init__(
            {
                "height": In(EXTENT),
                "width": In(EXTENT),
                "channels": In(2),
                "planes": In(1),
                "threshold": In(THRESHOLD),
                "window": In(bits_for(self.most)),
                "prepare": In(1),
                "forget": In(1),
                "i_rows": In(stream.Signature(ROW)),
                "o_stands": Out(stream.Signature(unsigned(1))),
            }
        )

    def cycles(self, entries: int) -> int:
        """Cycles of the comparison with a standing image that ends after so many entries."""
        return entries + 4

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.profile = profile = RowProfile()
        m.submodules.limits = limits = RAM(shape=NORM, depth=self.most)
        limit_read, limit_write = limits.read_port(), limits.write_port()
        for name in ("height", "width", "channels", "planes", "prepare"):
            m.d.comb += getattr(profile, name).eq(getattr(self, name))
        wiring.connect(m, wiring.flipped(self.i_rows), profile.i_rows)

        slot, newest = (Signal(range(self.most), name=name) for name in ("slot", "newest"))
        count, forgotten = Signal.like(self.window), Signal()
        place, asked = Signal(PLACE), Signal()  # asked: the last entry was asked for
        storing, issuing, flush = Signal(), Signal(), Signal()
        m.d.comb += profile.read_place.eq(place)
        with m.If(self.prepare | self.forget):
            m.d.sync += forgotten.eq(1)
        with m.If(flush):
            m.d.sync += [place.eq(0), asked.eq(0)]
        with m.Elif(issuing):
            m.d.sync += [place.eq(place + 1), asked.eq(place == profile.last_place)]

        summed, ends, sums = self._sum(m, profile, slot, issuing, storing, flush)
        near = Signal()  # one of the distances is within the limit so far
        m.d.comb += [
            near.eq(Cat(total <= limit_read.data for total in sums).any()),
            limit_read.addr.eq(slot),
            limit_read.en.eq(issuing & (place == 0)),
        ]
        product = Signal(THRESHOLD + NORM, reset_less=True)
        bit = Signal(range(THRESHOLD), reset_less=True)
        m.d.comb += [limit_write.addr.eq(newest), limit_write.data.eq(product >> THRESHOLD)]
        with m.FSM():
            with m.State("WAIT"), m.If(profile.valid):
                m.d.sync += [slot.eq(0), self.o_stands.payload.eq(1)]
                m.next = "COMPARE"
                with m.If(forgotten):
                    m.d.sync += [forgotten.eq(0), newest.eq(0), count.eq(0)]
                with m.If(forgotten | (count == 0)):
                    m.next = "JUDGE"
            with m.State("COMPARE"):
                m.d.comb += issuing.eq(~asked)
                with m.If(summed & ~near):
                    m.d.comb += flush.eq(1)
                    m.d.sync += slot.eq(slot + 1)
                    with m.If(slot + 1 == count):
                        m.next = "JUDGE"
                with m.Elif(summed & ends):
                    m.d.comb += flush.eq(1)
                    m.d.sync += self.o_stands.payload.eq(0)
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                m.d.comb += self.o_stands.valid.eq(1)
                m.d.sync += slot.eq(newest)
                with m.If(self.o_stands.ready):
                    m.d.comb += profile.free.eq(~self.o_stands.payload)
                    m.next = "WAIT"
                    with m.If(self.o_stands.payload):
                        m.next = "STORE"
            with m.State("STORE"):
                m.d.comb += [storing.eq(1), issuing.eq(~asked)]
                m.d.sync += [product.eq(0), bit.eq(THRESHOLD - 1)]
                with m.If(summed & ends):
                    m.d.comb += [flush.eq(1), profile.free.eq(1)]
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                addend = Mux(self.threshold.bit_select(bit, 1), sums[STEPS.index(0)][:NORM], 0)
                m.d.sync += [product.eq((product << 1) + addend), bit.eq(bit - 1)]
                with m.If(bit == 0):
                    m.next = "KEEP"
            with m.State("KEEP"):
                m.d.comb += limit_write.en.eq(1)
                m.d.sync += newest.eq(Mux(newest + 1 == self.window, 0, newest + 1))
                with m.If(count != self.window):
                    m.d.sync += count.eq(count + 1)
                m.next = "WAIT"
        return m

    def _sum(
        self,
        m: Module,
        profile: RowProfile,
        slot: Signal,
        issuing: Signal,
        storing: Signal,
        flush: Signal,
    ) -> tuple[Signal, Signal, list[Signal]]:
        """Squared distances, or the squared norm of an image whose profile is stored, three cycles later.

        Returns whether an entry was added to the sums, whether it was the last, and the sums of the places.
        """
        m.submodules.standing = standing = RAM(shape=signed(ENTRY + 1), depth=self.most * BINS)
        read, write = standing.read_port(), standing.write_port()
        place, last = profile.read_place, profile.read_place == profile.last_place
        tag = StructLayout({"place": PLACE, "last": 1})
        valids = [Signal(name=f"valid_{stage}") for stage in range(3)]
        tags = [Signal(tag, name=f"tag_{stage}", reset_less=True) for stage in range(3)]
        for stage, (comes, earlier) in enumerate(zip((issuing, *valids), (None, *tags), strict=False)):
            if stage < len(valids):
                m.d.sync += valids[stage].eq(comes & ~flush)
                with m.If(comes):
                    m.d.sync += tags[stage].eq(Cat(place, last) if earlier is None else earlier)
        m.d.comb += [
            profile.read_enable.eq(issuing),
            read.addr.eq(Cat(place, slot)),
            read.en.eq(issuing & ~storing),
        ]
        sums = []
        for number, step in enumerate(STEPS):
            difference = Signal(signed(ENTRY + 2), name=f"difference_{number}", reset_less=True)
            total = Signal(SUM, name=f"sum_{number}", reset_less=True)
            size = Signal(ENTRY + 1, name=f"size_{number}")
            other = Mux(storing, 0, read.data)
            m.d.comb += size.eq(abs(difference))
            with m.If(valids[0]):
                m.d.sync += difference.eq(profile.read_data[number] - profile.means[number] - other)
            with m.If(valids[1]):
                m.d.sync += total.eq(Mux(tags[1].place == 0, 0, total) + square(size))
            if step == 0:
                m.d.comb += [
                    write.addr.eq(Cat(tags[1].place, slot)),
                    write.data.eq(difference),
                    write.en.eq(valids[1] & storing),
                ]
            sums.append(total)
        return valids[2], tags[2].last, sums
