# SPDX-License-Identifier: Apache-2.0
"""Where the images of a job lie: in the order of memory, or by lists of numbers."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import ReducedConfig, SamplerConfig
from nms.rtl.bus.dma import ITEM, Destination, image_bits, sent_layout, word_layout
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

    A core that looks at reduced images keeps none, so here kept images are read again to be sent, each before
    the next image that is to be sampled. The kept images of a batch wait for those of the one before.

    Parameters
    ----------
    config : ``images``, ``bus_bits``, and whether kept images are read again

    Members
    -------
    begin : a pulse: a job begins
    use_list, count, pixels, batches, image_base, image_stride, batch_stride, list_base, list_stride :
        settings, constant from ``begin`` to the end of the job
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
    One cycle from ``load`` to the first item without a list. With a list, an item follows the one
    before after b + 4 cycles if its number has b bits. One cycle from ``i_kept`` to ``o_kept``.

    Throughput
    ----------
    One item a cycle without a list; one number a cycle out of a list's words; one kept image a cycle.

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
                "begin": In(1),
                "use_list": In(1),
                "count": In(derived.count_width),
                "pixels": In(image_bits(config)),
                "batches": In(BATCHES),
                "image_base": In(64),
                "image_stride": In(32),
                "batch_stride": In(32),
                "list_base": In(64),
                "list_stride": In(32),
                "load": Out(1),
                "load_ready": In(1),
                "o_items": Out(stream.Signature(ITEM)),
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
                if isinstance(config, ReducedConfig)
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
        self.number = Signal(NUMBER)
        self.origin = Signal(64)  # of the kept images of its batch
        self.asked_again = Signal()
        self.held_back = Signal()  # kept images wait for those of the batch before
        self._ask(m)
        self._pass(m)
        self._name(m)
        if isinstance(self.config, ReducedConfig):
            self._send(m)
        return m

    def _ask(self, m: Module) -> None:
        """Items: of each batch its list, then its images."""
        left = Signal(BATCHES)
        base, following = (Signal(64, reset_less=True) for _ in range(2))  # of the next batch, of its list
        address = Signal(64, reset_less=True)  # of the next image, in the order of memory
        due = Signal.like(self.count)  # of this batch that are still to be asked for
        asked = Signal()  # the list of the batch that is to be loaded was asked for
        number, multiple, product = (Signal(width, reset_less=True) for width in (NUMBER, 64, 64))
        kept = Signal()  # the number is that of a kept image
        turn = Signal()
        item, taken = self.o_items.p, self.o_items.valid & self.o_items.ready
        m.d.comb += [
            item.bytes.eq(self.pixels),
            item.destination.eq(Destination.IMAGES),
            turn.eq(self.again & (taken | ~self.o_items.valid)),
        ]
        m.d.sync += self.lists.eq(self.lists - self.freed)
        with m.FSM():
            with m.State("CHOOSE"):
                with m.If(due != 0):
                    m.d.comb += [self.o_items.valid.eq(~self.use_list), item.address.eq(address)]
                    with m.If(taken):
                        m.d.sync += [due.eq(due - 1), address.eq(address + self.image_stride)]
                    m.d.comb += self.wanted.eq(self.use_list & ~turn)
                    with m.If(self.looked):
                        m.next = "NUMBER"
                with m.Elif(self.use_list & ~asked & (left != 0) & (self.lists != 2)):
                    m.d.comb += [
                        self.o_items.valid.eq(1),
                        item.address.eq(following),
                        item.bytes.eq(self.count << 2),
                        item.destination.eq(Destination.LIST),
                    ]
                    with m.If(taken):
                        m.d.sync += [
                            asked.eq(1),
                            following.eq(following + self.list_stride),
                            self.lists.eq(self.lists + 1 - self.freed),
                        ]
                with m.Elif((left != 0) & (self.filled | ~self.use_list)):
                    m.d.comb += self.load.eq(1)
                    with m.If(self.load_ready):
                        m.d.sync += [left.eq(left - 1), due.eq(self.count), address.eq(base)]
                        m.d.sync += [asked.eq(0), self.filled.eq(0)]
                        with m.If(~self.use_list):
                            m.d.sync += base.eq(base + self.batch_stride)
                with m.If(turn):
                    m.d.sync += [number.eq(self.number), product.eq(self.origin)]
                    m.d.sync += [multiple.eq(self.image_stride), kept.eq(1)]
                    m.next = "MULTIPLY"
            with m.State("NUMBER"):
                m.d.sync += [number.eq(self.read.data), product.eq(base)]
                m.d.sync += [multiple.eq(self.image_stride), kept.eq(0)]
                m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.sync += [number.eq(number >> 1), multiple.eq(multiple << 1)]
                with m.If(number[0]):
                    m.d.sync += product.eq(product + multiple)
                with m.If(number == 0):
                    m.next = "IMAGE"
            with m.State("IMAGE"):
                m.d.comb += [self.o_items.valid.eq(1), item.address.eq(product)]
                with m.If(kept):
                    m.d.comb += [item.destination.eq(Destination.STREAM), self.asked_again.eq(taken)]
                with m.Elif(taken):
                    m.d.sync += [due.eq(due - 1), self.place.eq(self.place + 1)]
                    with m.If(due == 1):
                        m.d.sync += [self.place.eq(0), self.loaded.eq(~self.loaded)]
                with m.If(taken):
                    m.next = "CHOOSE"
        with m.If(self.begin):
            m.d.sync += [left.eq(self.batches), base.eq(self.image_base), following.eq(self.list_base)]

    def _pass(self, m: Module) -> None:
        """Numbers of a list into the memory, one a cycle; words of images pass."""
        lane = Signal(range(self.config.bus_bits // NUMBER))
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
                m.d.comb += [self.write.en.eq(words.valid), words.ready.eq(lane.all() | last)]
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
            m.d.sync += self.sending.eq(0)
            with m.If(~self.use_list):
                m.d.sync += self.origin.eq(self.origin + self.batch_stride)
        with m.If(self.i_kept.valid & self.i_kept.ready):
            m.d.sync += [self.sending.eq(self.send_images), first.eq(self.i_kept.p.last)]
        with m.If(self.begin):
            m.d.sync += self.origin.eq(self.image_base)
