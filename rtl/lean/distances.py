# SPDX-License-Identifier: Apache-2.0
"""Distances between reduced images: one image memory, 16 squared differences a cycle."""

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from nms.contract.config import ReducedConfig
from nms.rtl.lib.fixed import square_rows
from nms.rtl.lib.flow import delay
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.split import SplitRAM

LANES = 16
"""Bytes of a word of the image memory: squared differences in a cycle."""

ROWS = 4
"""Images whose words are held in registers, a power of two."""

GROUP = 4
"""Squares that are summed before the first register."""

STAGES = 4
"""Cycles of a pair of words: the word was read, differences, their squares, the sum."""


class Distances(Block):
    """Forms ``D_ij = sum_d (x_id - x_jd)^2`` of all pairs of a batch, each once (contract, section 5).

    Images come by rows of four, the last of which may have fewer: a block is four images and those after
    them. For each word of a block, the word of each image is read once: it meets those words of the four that
    are held in registers, one a cycle, and is itself held if it belongs to the four. So a word that was read
    works in four cycles. Sums of words of the same image are in one word of a small memory until the block's
    last word, with which its distances leave.

    Parameters
    ----------
    config : ``images`` and ``pixels`` give the widths; ``memory_parts``

    Members
    -------
    expected : images to load, constant from ``load`` to ``loaded``
    drop : the image whose last byte was taken is left out, a pulse before any byte of the next
    free : what was loaded is not needed, a pulse; only while ``loaded`` and before ``start``
    count : images to take pairs of, at least 2, constant from ``start`` to ``done``
    length : bytes of an image, constant from ``start`` to ``done``
    load : a batch begins, a pulse; only while ``load_ready``
    load_ready : no batch is being loaded or in the memory
    i_bytes : the bytes of the ``expected`` images, ``last`` with the last byte of each
    loaded : a whole batch is in the memory; until ``done`` or ``free``
    start : begins with the distances, a pulse; only while ``loaded``
    done : the last pair left in the cycle before, a pulse
    pair_valid, pair_row, pair_column, pair_distance : a pair, row > column; the first of a row is that with
        column 0, the first of a column that with the row after it

    Latency
    -------
    ``loaded`` two cycles after the last byte was taken, ``done`` :meth:`cycles` cycles after ``start``.

    Throughput
    ----------
    A byte a cycle in; 16 squared differences a cycle, without a pause but for two cycles for each word of a
    block.

    Reset
    -----
    Nothing is loaded, and no pair is under way.
    """

    module = "distances"

    def __init__(self, config: ReducedConfig) -> None:
        derived = config.derived
        self.images, self.pixels = config.images, config.pixels
        self.parts = config.memory_parts
        self.parameters = (self.images, self.pixels, self.parts)
        self.width, self.index = derived.distance_width, derived.index_width
        self.words = -(-self.pixels // LANES)
        self.tag = data.StructLayout(
            {
                "image": self.index,
                "block": self.index - (ROWS - 1).bit_length(),
                "row": range(ROWS),
                "first": 1,
                "last": 1,
                "end": 1,
            }
        )
        """A word of ``image`` and one of the four images of ``block``: which of them, whether the words are
        the first or the last of their images, and whether the word is needed no more."""
        super().__init__(
            {
                "expected": In(derived.count_width),
                "drop": In(1),
                "free": In(1),
                "count": In(derived.count_width),
                "length": In(range(self.pixels + 1)),
                "load": In(1),
                "load_ready": Out(1),
                "i_bytes": In(stream.Signature(data.StructLayout({"data": 8, "last": 1}))),
                "loaded": Out(1),
                "start": In(1),
                "done": Out(1),
                "pair_valid": Out(1),
                "pair_row": Out(self.index),
                "pair_column": Out(self.index),
                "pair_distance": Out(self.width),
            }
        )

    def cycles(self, count: int, length: int) -> int:
        """Cycles from ``start`` to ``done``."""
        blocks = -(-(count - 1) // ROWS)
        return -(-length // LANES) * (count * (count - 1) // 2 + 2 * blocks) + 5

    def elaborate(self, platform: object) -> Module:
        m = Module()
        images = SplitRAM(8 * LANES, self.images * self.words, self.parts)
        m.submodules.images = images
        # what a load gathers is in the first of the registers that hold words: either it goes on, or they do
        held = [
            Signal(data.ArrayLayout(8, LANES), name=f"held_{row}", reset_less=True) for row in range(ROWS)
        ]
        address = Signal.like(images.address, reset_less=True)
        m.d.comb += images.address.eq(address)
        self._load(m, images, address, held[0])
        valid, tag, closes = self._walk(m, images, address, held)
        other = Array(word.as_value() for word in held)[tag.row]
        valids, tags = [valid], [tag]
        for stage in range(1, STAGES):
            valid, tag = Signal(name=f"valid_{stage}"), Signal(self.tag, name=f"tag_{stage}", reset_less=True)
            m.d.sync += valid.eq(valids[-1])
            with m.If(valids[-1]):
                m.d.sync += tag.eq(tags[-1])
            valids.append(valid)
            tags.append(tag)
        self._sum(m, valids, tags, self._square(m, valids, images.data, other))
        m.d.sync += self.done.eq(delay(m, closes, STAGES - 1, reset_less=False))
        with m.If(self.done | self.free):
            m.d.sync += self.loaded.eq(0)
        return m

    def _load(self, m: Module, images: SplitRAM, address: Signal, held: data.View) -> None:
        """Bytes into words, padded with 0, and these into memory one after the other."""
        loading, full = Signal(), Signal()
        image, position = Signal.like(self.count, reset_less=True), Signal(range(LANES), reset_less=True)
        taken, ends, item = Signal(), Signal(), self.i_bytes.payload
        dropped = Signal()
        m.d.comb += [
            self.load_ready.eq(~(loading | full | self.loaded)),
            self.i_bytes.ready.eq(loading),
            taken.eq(loading & self.i_bytes.valid),
            ends.eq(item.last | (position == LANES - 1)),
            images.write.eq(full),
            images.write_data.eq(held),
        ]
        m.d.sync += full.eq(taken & ends)
        with m.If(taken):
            m.d.sync += position.eq(Mux(ends, 0, position + 1))
            with m.If(position == 0):
                m.d.sync += held.as_value().eq(item.data)
            with m.Else():
                m.d.sync += held[position].eq(item.data)
            with m.If(item.last):
                m.d.sync += [image.eq(image + 1), loading.eq(image + 1 != self.expected)]
        with m.If(full):
            m.d.sync += [address.eq(address + 1), self.loaded.eq(~loading)]
        # the last word of an image is written in the cycle in which it may be dropped
        m.d.sync += dropped.eq(self.drop)
        with m.If(dropped):
            m.d.sync += address.eq(address - self._count_words())
        with m.If(self.load & self.load_ready):
            m.d.sync += [loading.eq(1), image.eq(0), position.eq(0), address.eq(0)]

    def _count_words(self) -> Value:
        """Words of an image."""
        return (self.length + (LANES - 1)) >> (LANES - 1).bit_length()

    def _walk(
        self, m: Module, images: SplitRAM, address: Signal, held: list[data.View]
    ) -> tuple[Signal, Signal, Signal]:
        """Read words and hold those of the block's four images.

        Returns in the cycle in which a word is there: whether it meets one that is held, its tag, and whether
        it is the last of all.
        """
        running, bits = Signal(), (ROWS - 1).bit_length()
        block, image = Signal(self.tag["block"].shape, reset_less=True), Signal(self.index, reset_less=True)
        number, words = Signal(range(self.words), reset_less=True), Signal(range(self.words + 1))
        offset = Signal(range(ROWS + 1), reset_less=True)  # of the image in its block, at most four
        step = Signal(range(ROWS), reset_less=True)
        base = Signal.like(address)  # of the word of the block's first image
        following, start = Signal.like(base), Signal(self.index)
        last_step, last_image, last_word, last_block = (
            Signal(name=f"last_{what}") for what in ("step", "image", "word", "block")
        )
        m.d.comb += [
            words.eq(self._count_words()),
            start.eq(block << bits),
            # An image meets those of the four before it. The first meets none and takes two cycles, so that
            # even with one image after it a sum is written before it is read.
            last_step.eq(step == Mux(offset == 0, 1, offset - 1)),
            last_image.eq(image + 1 == self.count),
            last_word.eq(number + 1 == words),
            last_block.eq(start + (ROWS + 1) >= self.count),
            following.eq(base + 1 + Mux(last_word, (words << bits) - words, 0)),
            images.read.eq(running & (step == 0)),
        ]
        with m.If(self.start):
            m.d.sync += [running.eq(1), block.eq(0), image.eq(0), number.eq(0), offset.eq(0), step.eq(0)]
            m.d.sync += [base.eq(0), address.eq(0)]
        with m.Elif(running):
            m.d.sync += step.eq(Mux(last_step, 0, step + 1))
            with m.If(last_step):
                m.d.sync += [image.eq(image + 1), address.eq(address + words)]
                with m.If(offset != ROWS):
                    m.d.sync += offset.eq(offset + 1)
            with m.If(last_step & last_image):
                m.d.sync += [image.eq(start), offset.eq(0), base.eq(following), address.eq(following)]
                m.d.sync += number.eq(number + 1)
                with m.If(last_word):
                    m.d.sync += [number.eq(0), block.eq(block + 1), image.eq(start + ROWS)]
                    m.d.sync += running.eq(~last_block)

        meets, keeps, closes = Signal(), Signal(), Signal()
        place = Signal(range(ROWS), reset_less=True)
        tag = Signal(self.tag, reset_less=True)
        m.d.sync += [
            meets.eq(running & (offset != 0)),
            keeps.eq(running & last_step & (offset != ROWS)),
            closes.eq(running & last_step & last_image & last_word & last_block),
        ]
        with m.If(running):
            m.d.sync += [
                tag.image.eq(image),
                tag.block.eq(block),
                tag.row.eq(step),
                tag.first.eq(number == 0),
                tag.last.eq(last_word),
                tag.end.eq(last_step),
                place.eq(offset),
            ]
        for row, own in enumerate(held):
            with m.If(keeps & (place == row)):
                m.d.sync += own.eq(images.data)
        return meets, tag, closes

    def _square(self, m: Module, valids: list[Signal], a: Value, b: Value) -> list[Signal]:
        """Sums of ``GROUP`` squared differences of the bytes of ``a`` and ``b``, two cycles later."""
        sizes, sums = [], []
        for low in range(0, len(a), 8):
            size = Signal(8, name=f"size_{low // 8}", reset_less=True)
            with m.If(valids[0]):
                m.d.sync += size.eq(abs(a[low : low + 8] - b[low : low + 8]))
            sizes.append(size)
        for low in range(0, LANES, GROUP):
            total = Signal(range(GROUP * 255**2 + 1), name=f"sum_{low // GROUP}", reset_less=True)
            with m.If(valids[1]):
                m.d.sync += total.eq(
                    sum(row for size in sizes[low : low + GROUP] for row in square_rows(size))
                )
            sums.append(total)
        return sums

    def _sum(self, m: Module, valids: list[Signal], tags: list[Signal], sums: list[Signal]) -> None:
        """Add to the sums of the words before; they are read in the cycle before the first of an image."""
        shape = data.ArrayLayout(self.width, ROWS)
        m.submodules.sums = memory = RAM(shape=shape, depth=self.images)
        read, write = memory.read_port(), memory.write_port()
        coming, now, summed = tags[1:]
        total = Signal(self.width, reset_less=True)
        with m.If(valids[2]):
            m.d.sync += total.eq(sum(sums) + Mux(now.first, 0, read.data[now.row]))
        collected = [Signal(self.width, name=f"collected_{row}", reset_less=True) for row in range(ROWS - 1)]
        for row, one in enumerate(collected):
            with m.If(valids[3] & ~summed.last & (summed.row == row)):
                m.d.sync += one.eq(total)
            m.d.comb += write.data[row].eq(Mux(summed.row == row, total, one))
        m.d.comb += [
            read.en.eq(valids[1] & ~coming.first & (coming.row == 0)),
            read.addr.eq(coming.image),
            write.en.eq(valids[3] & ~summed.last & summed.end),
            write.addr.eq(summed.image),
            write.data[ROWS - 1].eq(total),
            self.pair_valid.eq(valids[3] & summed.last),
            self.pair_row.eq(summed.image),
            self.pair_column.eq(Cat(summed.row, summed.block)),
            self.pair_distance.eq(total),
        ]
