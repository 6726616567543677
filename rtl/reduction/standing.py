# SPDX-License-Identifier: Apache-2.0
"""Which images of a batch stand, and which of all its images are kept."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from nms.contract.config import ReducedConfig
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import make_kept


class Standing(wiring.Component):
    """Takes the verdicts of a batch while it is loaded, and turns places among its standing images into those
    among all (contract, section 22).

    The bits of two batches are held: of the one that is loaded, and of the one that is computed.

    Parameters
    ----------
    config : ``images``

    Members
    -------
    count, keep : N and K
    removes : near-duplicates are removed; else all images stand and no verdict comes
    load : a batch begins, a pulse
    ends : the last byte of an image was taken, a pulse
    i_stands : the verdict on each image
    waits : that on the image which ended last is still to come, before any byte of the next
    drop : it is a near-duplicate, a pulse
    settle : the batch that was loaded is computed from here on, a pulse
    members : M of the batch that is computed, in the cycle after ``settle``
    few : no more images stand than are kept
    emit : the kept images are asked for
    i_kept : places among the standing images; none come if there are ``few``
    o_kept : places among all
    read_enable, read_image, read_stands : a bit of the batch that is computed, a cycle later

    Latency
    -------
    With ``removes`` two cycles for each image; else the kept images pass through.
    """

    def __init__(self, config: ReducedConfig) -> None:
        count, self.index = config.derived.count_width, config.derived.index_width
        kept = make_kept(config)
        super().__init__(
            {
                "count": In(count),
                "keep": In(count),
                "removes": In(1),
                "load": In(1),
                "ends": In(1),
                "i_stands": In(stream.Signature(unsigned(1))),
                "waits": Out(1),
                "drop": Out(1),
                "settle": In(1),
                "members": Out(count),
                "few": Out(1),
                "emit": In(1),
                "i_kept": In(stream.Signature(kept)),
                "o_kept": Out(stream.Signature(kept)),
                "read_enable": In(1),
                "read_image": In(self.index),
                "read_stands": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.bits = bits = RAM(shape=1, depth=2 << self.index)
        read, write = bits.read_port(), bits.write_port()
        half = Signal()  # of the batch that is loaded
        number, standing = Signal(self.index), Signal.like(self.members)
        judged = Signal()
        m.d.comb += [
            judged.eq(self.waits & self.i_stands.valid),
            self.i_stands.ready.eq(self.waits),
            self.drop.eq(judged & ~self.i_stands.payload),
            write.addr.eq(Cat(number, half)),
            write.data.eq(self.i_stands.payload),
            write.en.eq(judged),
        ]
        with m.If(self.ends & self.removes):
            m.d.sync += self.waits.eq(1)
        with m.If(judged):
            m.d.sync += [
                self.waits.eq(0),
                number.eq(number + 1),
                standing.eq(standing + self.i_stands.payload),
            ]
        with m.If(self.load):
            m.d.sync += [number.eq(0), standing.eq(0)]
        with m.If(self.settle):
            m.d.sync += [
                self.members.eq(Mux(self.removes, standing, self.count)),
                self.few.eq(self.removes & (standing <= self.keep)),
                half.eq(~half),
            ]

        image, place = Signal(self.index, reset_less=True), Signal(self.index, reset_less=True)
        spare, sent = Signal.like(self.members, reset_less=True), Signal.like(self.members, reset_less=True)
        walking, stands, keeps, moves = Signal(), read.data, Signal(), Signal()
        m.d.comb += [
            read.addr.eq(Cat(Mux(walking, image, self.read_image), ~half)),
            read.en.eq(self.read_enable),
            self.read_stands.eq(stands),
            self.o_kept.valid.eq(self.i_kept.valid & self.emit),
            self.o_kept.payload.eq(self.i_kept.payload),
            self.i_kept.ready.eq(self.o_kept.ready & self.emit),
        ]
        with m.If(self.removes):
            m.d.comb += [
                self.o_kept.valid.eq(0),
                self.o_kept.p.index.eq(image),
                self.o_kept.p.last.eq(sent + 1 == self.keep),
                self.i_kept.ready.eq(0),
            ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [
                    image.eq(0),
                    place.eq(0),
                    sent.eq(0),
                    spare.eq(Mux(self.few, self.keep - self.members, 0)),
                ]
                with m.If(self.emit & self.removes):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += [walking.eq(1), read.en.eq(1)]
                m.next = "DECIDE"
            with m.State("DECIDE"):
                m.d.comb += [
                    walking.eq(1),
                    keeps.eq(Mux(stands, self.few | (self.i_kept.p.index == place), spare != 0)),
                    moves.eq(~stands | self.few | self.i_kept.valid),
                    self.o_kept.valid.eq(moves & keeps),
                ]
                with m.If(moves & (self.o_kept.ready | ~keeps)):
                    m.d.comb += self.i_kept.ready.eq(stands & keeps & ~self.few)
                    m.d.sync += [image.eq(image + 1), place.eq(place + stands)]
                    m.next = "READ"
                    with m.If(keeps):
                        m.d.sync += sent.eq(sent + 1)
                        with m.If(~stands):
                            m.d.sync += spare.eq(spare - 1)
                        with m.If(self.o_kept.p.last):
                            m.next = "IDLE"
        return m
