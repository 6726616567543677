# SPDX-License-Identifier: Apache-2.0
"""Where the images of a job lie: in the order of memory, or by lists of numbers."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import SamplerConfig
from nms.rtl.bus.dma import Destination, image_bits, item_layout, sent_layout, word_layout
from nms.rtl.lib.flow import Queue
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import RAM, BufferedFIFO
from nms.rtl.lib.signatures import make_kept

BATCHES = 16
"""Bits of the number of batches."""

NUMBER = 32
"""Bits of an image's number in a list."""

IN_FLIGHT = 16
"""Images that are read to be sent at once at most."""


class Images(Block):
    """Asks for the images of one batch after the other, and names those that are kept.

    Without a list, image k of a batch is the one at ``image_base``, ``batch_stride`` times the batch and
    k times ``image_stride``. With ``use_list`` the batch's list is read first, from ``list_base`` and
    ``list_stride`` times the batch on, and image k is the one at ``image_base`` and ``image_stride`` times
    its number in the list. Two lists are held: that of the batch that is loaded, and that of the one that
    is computed.

    Where images are reduced, kept ones are read again to be sent, each before the next image that is to be
    sampled. The kept images of a batch wait for those of the one before.

    Parameters
    ----------
    config : ``images``, ``bus_bits``, ``address_bits``, and whether kept images are read again

    Members
    -------
    start : a pulse: a job begins
    use_list, count, pixels, batches, image_base, image_stride, batch_stride, list_base, list_stride :
        settings, constant from ``start`` to the end of the job
    send_images : likewise, as all below that is sent only where kept images are read again
    load, load_ready : a batch's images follow
    o_items : what is to be read: lists, and images of ``pixels`` bytes
    i_words : what was read
    o_words : the words of the images
    i_kept : the kept images of a batch by their place in it; ``last`` with the last
    o_kept : these, and their numbers: with a list those in the list, else their places
    o_pixels : the words of the kept images, with their places
    sending : kept images are still to be asked for

    Latency
    -------
    One cycle from ``load`` to the first image without lists, where kept images are not read again; else an
    image follows the one before after 36 cycles with a list, without after 3 and those of the bits of an
    index. One cycle from ``i_kept`` to ``o_kept``.

    Throughput
    ----------
    Images as latency tells, and where addresses follow one another one a cycle; one number a cycle out of a
    list's words; one kept image a cycle.

    Reset
    -----
    No job has begun.
    """

    module = "images"

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        self.parameters = (config,)
        derived = config.derived
        self.kept = StructLayout({"number": NUMBER, "index": derived.index_width, "last": 1})
        super().__init__(
            {
                "start": In(1),
                "use_list": In(1),
                "count": In(derived.count_width),
                "pixels": In(image_bits(config)),
                "batches": In(BATCHES),
                "image_base": In(config.address_bits),
                "image_stride": In(32),
                "batch_stride": In(32),
                "list_base": In(config.address_bits),
                "list_stride": In(32),
                "load": Out(1),
                "load_ready": In(1),
                "o_items": Out(stream.Signature(item_layout(config))),
                "i_words": In(stream.Signature(word_layout(config))),
                "o_words": Out(stream.Signature(word_layout(config))),
                "i_kept": In(stream.Signature(make_kept(config))),
                "o_kept": Out(stream.Signature(self.kept)),
            }
            | (
                {
                    "send_images": In(1),
                    "sending": Out(1),
                    "o_pixels": Out(stream.Signature(sent_layout(config))),
                }
                if config.side
                else {}
            )
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        index = self.config.derived.index_width
        m.submodules.lists = lists = RAM(shape=NUMBER, depth=2 << index)
        self.write, self.read = lists.write_port(), lists.read_port()
        self.loaded, self.named = Signal(), Signal()  # the list of the batch that is loaded, that is named
        self.lists = Signal(range(3))  # that are held, in whole or in part
        self.filled = Signal()  # the list of the batch that is to be loaded is there
        self.freed = Signal()
        self.wanted = Signal()  # a number of the batch that is loaded
        self.looked = Signal()  # it comes in the next cycle
        self.place = Signal(index)  # of the image that is to be asked for next
        self.again = Signal()  # a kept image is to be asked for, by its number
        self.number, self.kept_place = Signal(NUMBER), Signal(index)
        self.origin = Signal(self.config.address_bits, reset_less=True)  # address of its batch, without lists
        self.asked_again = Signal()
        self.held_back = Signal()  # kept images wait for those of the batch before
        self._ask(m)
        self._pass(m)
        self._name(m)
        if self.config.side:
            self._send(m)
        return m

    def _ask(self, m: Module) -> None:
        """Items: of each batch its list, then its images; between these, kept images.

        One adder makes all addresses of images: from the one before, where images of the order of memory are
        all that is asked for, else as a multiple of ``image_stride``, a bit of the number a cycle.
        """
        left = Signal(BATCHES)
        width = self.config.address_bits
        following = Signal(width, reset_less=True)  # address of the next list or, without lists, of the batch
        address = Signal(width, reset_less=True)  # of the image that is to be asked for
        due = Signal.like(self.count)  # of this batch that are still to be asked for
        asked = Signal()  # the list of the batch that is to be loaded was asked for
        kept, kept_turn = Signal(), Signal()  # the image is a kept one
        number = Signal(NUMBER, reset_less=True)  # its bits that are still to be taken, the first the highest
        steps = Signal(range(NUMBER), reset_less=True)
        item, taken = self.o_items.p, self.o_items.valid & self.o_items.ready
        doubles, addend, total = Signal(), Signal(width), Signal(width)
        finished = Signal()  # the last image of a batch is taken
        in_order = Signal()  # addresses follow one another
        m.d.comb += [
            item.address.eq(address),
            item.bytes.eq(self.pixels),
            item.destination.eq(Mux(kept, Destination.STREAM, Destination.IMAGES)),
            addend.eq(self.image_stride),
            total.eq(Mux(doubles, address << 1, address) + addend),
            kept_turn.eq(self.again & (taken | ~self.o_items.valid)),
            in_order.eq(~self.use_list & (not self.config.side)),
        ]
        m.d.sync += self.lists.eq(self.lists - self.freed)

        def scale(named: Value, place: Value) -> None:
            """Begin with the image of a number in a list or, without lists, of a place."""
            bits = len(self.place)
            m.d.sync += [
                address.eq(0),
                number.eq(Mux(self.use_list, named, place << (NUMBER - bits))),
                steps.eq(Mux(self.use_list, NUMBER - 1, bits - 1)),
            ]

        with m.FSM():
            with m.State("CHOOSE"):
                with m.If(due != 0):
                    m.d.comb += [self.o_items.valid.eq(in_order), self.wanted.eq(self.use_list & ~kept_turn)]
                    with m.If(taken):
                        m.d.sync += [due.eq(due - 1), address.eq(total)]
                        m.d.comb += finished.eq(due == 1)
                    with m.If(self.looked):
                        m.next = "NUMBER"
                    with m.If(~self.use_list & ~in_order):
                        scale(Const(0), self.place)
                        m.next = "SCALE"
                with m.Elif(self.use_list & ~asked & (left != 0) & (self.lists != 2)):
                    m.d.comb += [
                        self.o_items.valid.eq(1),
                        item.address.eq(following),
                        item.bytes.eq(self.count << 2),
                        item.destination.eq(Destination.LIST),
                    ]
                    with m.If(taken):
                        m.d.sync += [asked.eq(1), self.lists.eq(self.lists + 1 - self.freed)]
                with m.Elif((left != 0) & (self.filled | ~self.use_list)):
                    m.d.comb += self.load.eq(1)
                    with m.If(self.load_ready):
                        m.d.sync += [left.eq(left - 1), due.eq(self.count), address.eq(following)]
                        m.d.sync += [asked.eq(0), self.filled.eq(0)]
                with m.If(kept_turn):
                    scale(self.number, self.kept_place)
                    m.d.sync += kept.eq(1)
                    m.next = "SCALE"
            with m.State("NUMBER"):
                scale(self.read.data, self.place)
                m.next = "SCALE"
            with m.State("SCALE"):
                m.d.comb += doubles.eq(1)
                with m.If(~number[-1]):
                    m.d.comb += addend.eq(0)
                m.d.sync += [address.eq(total), number.eq(number << 1), steps.eq(steps - 1)]
                with m.If(steps == 0):
                    m.next = "ADD"
            with m.State("ADD"):
                origin = Mux(kept, self.origin, following)
                m.d.comb += addend.eq(Mux(self.use_list, self.image_base, origin))
                m.d.sync += address.eq(total)
                m.next = "IMAGE"
            with m.State("IMAGE"):
                m.d.comb += self.o_items.valid.eq(1)
                with m.If(taken):
                    m.next = "CHOOSE"
                    m.d.sync += kept.eq(0)
                    m.d.comb += self.asked_again.eq(kept)
                    with m.If(~kept):
                        m.d.sync += [due.eq(due - 1), self.place.eq(self.place + 1)]
                        m.d.comb += finished.eq(due == 1)
        with m.If(finished):
            m.d.sync += [
                following.eq(following + Mux(self.use_list, self.list_stride, self.batch_stride)),
                self.place.eq(0),
                self.loaded.eq(self.loaded ^ self.use_list),
            ]
        with m.If(self.start):
            m.d.sync += [
                left.eq(self.batches),
                following.eq(Mux(self.use_list, self.list_base, self.image_base)),
            ]

    def _pass(self, m: Module) -> None:
        """Numbers of a list into the memory, one a cycle; words of images pass."""
        lanes = self.config.bus_bits // NUMBER
        lane = Signal(range(lanes))
        place = Signal.like(self.place)
        last = Signal()
        words = self.i_words
        m.d.comb += [
            self.o_words.payload.eq(words.payload),
            last.eq(place == self.count - 1),
            self.write.addr.eq(Cat(place, self.loaded)),
            self.write.data.eq(words.p.data.word_select(lane, NUMBER)),
        ]
        with m.Switch(words.p.destination):
            with m.Case(Destination.IMAGES):
                m.d.comb += [self.o_words.valid.eq(words.valid), words.ready.eq(self.o_words.ready)]
            with m.Case(Destination.LIST):
                m.d.comb += [self.write.en.eq(words.valid), words.ready.eq((lane == lanes - 1) | last)]
                with m.If(words.valid):
                    m.d.sync += [place.eq(place + 1), lane.eq(lane + 1)]
                    with m.If(last):
                        m.d.sync += [place.eq(0), lane.eq(0), self.filled.eq(1)]

    def _name(self, m: Module) -> None:
        """Kept images by their numbers; while one waits, its number stays at the memory's output."""
        kept, named = self.i_kept, self.o_kept
        taken = Signal()
        m.d.comb += [
            kept.ready.eq((named.ready | ~named.valid) & ~self.held_back),
            taken.eq(kept.valid & kept.ready),
            named.p.number.eq(Mux(self.use_list, self.read.data, named.p.index)),
            self.looked.eq(self.wanted & ~taken & ~named.valid),
            self.read.addr.eq(Mux(taken, Cat(kept.p.index, self.named), Cat(self.place, self.loaded))),
            self.read.en.eq((self.use_list & taken) | self.looked),
            self.freed.eq(self.use_list & named.valid & named.ready & named.p.last),
        ]
        with m.If(named.ready | ~named.valid):
            m.d.sync += named.valid.eq(taken)
        with m.If(taken):
            m.d.sync += [named.p.index.eq(kept.p.index), named.p.last.eq(kept.p.last)]
        with m.If(self.freed):
            m.d.sync += self.named.eq(~self.named)

    def _send(self, m: Module) -> None:
        """Kept images, in a queue that holds all of a batch, are asked for again; their words pass."""
        held = BufferedFIFO(width=self.kept.size, depth=self.config.images)
        m.submodules.held = held
        m.submodules.places = places = Queue(self.place.shape(), IN_FLIGHT)
        entry, named, first = Signal(self.kept), self.o_kept, Signal(init=1)
        words, pixels = self.i_words, self.o_pixels
        m.d.comb += [
            held.w_data.eq(named.payload),
            held.w_en.eq(self.send_images & named.valid & named.ready),
            entry.eq(held.r_data),
            self.again.eq(held.r_rdy & places.i.ready),
            self.number.eq(entry.number),
            self.kept_place.eq(entry.index),
            held.r_en.eq(self.asked_again),
            places.i.payload.eq(entry.index),
            places.i.valid.eq(self.asked_again),
            self.held_back.eq(self.sending & first),
            pixels.p.data.eq(words.p.data),
            pixels.p.last.eq(words.p.last),
            pixels.p.index.eq(places.o.payload),
            places.o.ready.eq(pixels.valid & pixels.ready & pixels.p.last),
        ]
        with m.If(words.p.destination == Destination.STREAM):
            m.d.comb += [pixels.valid.eq(words.valid), words.ready.eq(pixels.ready)]
        with m.If(self.asked_again & entry.last):
            m.d.sync += [self.sending.eq(0), self.origin.eq(self.origin + self.batch_stride)]
        with m.If(self.i_kept.valid & self.i_kept.ready):
            m.d.sync += [self.sending.eq(self.send_images), first.eq(self.i_kept.p.last)]
        with m.If(self.start):
            m.d.sync += self.origin.eq(self.image_base)
