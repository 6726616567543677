# SPDX-License-Identifier: Apache-2.0
"""The reduction of a stream of images to a coarse grid."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import SamplerConfig
from nms.rtl.lib.hierarchy import Block
from nms.rtl.reduction.bank import ROW_SUMS, SumBank
from nms.rtl.reduction.mean import STAGES, Means
from nms.rtl.reduction.profile import ROW
from nms.rtl.reduction.segments import SegmentSums
from nms.rtl.reduction.shape import PREPARATION, SETTINGS, ImageShape
from nms.rtl.reduction.walk import BoxWalk


class Reduce(Block):
    """Reduces images to the means of the boxes of a grid, or takes them as they are (contract, section 14).

    Parameters
    ----------
    config : ``pixels``, ``side`` and ``bus_bits``

    Members
    -------
    height, width, channels, planes, grey, side, pixels : of an image; constant from ``prepare`` on
    prepare : begins a job, a pulse; nothing is under way
    prepared : the settings are known, and words are taken; until the next ``prepare``
    illegal : the contract, section 16, forbids the settings; no word may come. With ``prepared``
    length : bytes of a reduced image, with ``prepared``
    i_words : images, each from a new word on, the first byte lowest; ``last`` with an image's last word,
        whose bytes beyond the image are ignored
    o_bytes : reduced images, ``last`` with the last byte of each
    o_rows : the sum of each row of pixels or, of planes, of each row of one; of images that are reduced

    Latency
    -------
    :attr:`preparation` cycles from ``prepare`` to ``prepared``.
    :attr:`latency` cycles from a word in which a box is completed to the first byte of that box.

    Throughput
    ----------
    A word in a cycle where boxes have half as many bytes in a row as a word, or more, and a byte in a cycle
    of what comes out. Otherwise two boxes end in a cycle or, if an image has fewer columns than the grid, one
    in two cycles.

    Reset
    -----
    Nothing is under way, and nothing prepared.

    Raises
    ------
    In simulation, a ``last`` elsewhere than in an image's last word fails an assertion.
    """

    module = "reduce"
    preparation = PREPARATION
    """Cycles from ``prepare`` to ``prepared``."""

    latency = STAGES + 4
    """Cycles: sums of a word, of a row and of a box, operands of the division, division."""

    def __init__(self, config: SamplerConfig) -> None:
        self.config = config
        self.parameters = (config,)
        super().__init__(
            {
                **{name: In(field.shape) for name, field in SETTINGS},
                "prepare": In(1),
                "prepared": Out(1),
                "illegal": Out(1),
                "length": Out(bits_for(config.pixels)),
                "i_words": In(stream.Signature(StructLayout({"data": config.bus_bits, "last": 1}))),
                "o_bytes": Out(stream.Signature(StructLayout({"data": 8, "last": 1}))),
                "o_rows": Out(stream.Signature(ROW)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.shape = shape = ImageShape(self.config)
        m.submodules.walk = walk = BoxWalk(self.config)
        m.submodules.segments = segments = SegmentSums(self.config)
        m.submodules.even = even = SumBank(self.config)
        m.submodules.odd = odd = SumBank(self.config)
        m.submodules.means = means = Means(self.config)
        advance = Signal()
        m.d.comb += [
            *(shape.settings[name].eq(getattr(self, name)) for name, _ in SETTINGS),
            shape.prepare.eq(self.prepare),
            self.prepared.eq(shape.prepared),
            self.illegal.eq(shape.illegal),
            self.length.eq(shape.length),
            advance.eq(~(even.full | odd.full | (self.o_rows.valid & ~self.o_rows.ready))),
            walk.boxes.eq(shape.boxes),
            walk.run.eq(shape.prepared),
            walk.valid.eq(self.i_words.valid),
            walk.last.eq(self.i_words.payload.last),
            walk.advance.eq(advance),
            self.i_words.ready.eq(walk.ready),
            segments.enable.eq(walk.moves),
            segments.word.eq(self.i_words.payload.data),
            segments.step.eq(walk.step),
            segments.split.eq(shape.boxes.split),
            means.split.eq(shape.boxes.split),
            means.divisors.eq(shape.divisors),
            means.run.eq(shape.prepared),
        ]
        moved, step = Signal(), Signal(walk.step.shape(), reset_less=True)
        with m.If(advance):
            m.d.sync += moved.eq(walk.moves)
        with m.If(walk.moves):
            m.d.sync += step.eq(walk.step)
        rows, is_odd = self._sum_rows(m, advance & moved, step, segments.sums)
        self._join_rows(m, advance, moved, step, rows)
        for number, bank in enumerate((even, odd)):
            part = step.parts[number]
            m.d.comb += [
                bank.advance.eq(advance),
                bank.ends.eq(moved & part.ends),
                bank.part.eq(part),
                bank.sums.eq(Mux(is_odd == number, rows[0], rows[1])),
            ]
        wiring.connect(m, even.o, means.i_even)
        wiring.connect(m, odd.o, means.i_odd)
        wiring.connect(m, means.o_bytes, wiring.flipped(self.o_bytes))
        return m

    def _sum_rows(self, m: Module, enable: Signal, step: Signal, sums: Signal) -> tuple[list[Signal], Signal]:
        """Sums of the rows of boxes that ended in a step, and in which bank the first is, one cycle later.

        What the last box has of the word is kept until it ends.
        """
        kept = Signal(ROW_SUMS)
        rows = [Signal(ROW_SUMS, name=f"row_{n}", reset_less=True) for n in range(2)]
        is_odd = Signal()
        with m.If(enable):
            with m.If(step.first):
                m.d.sync += is_odd.eq(step.odd)
            for c, channel in enumerate(ROW_SUMS.members):
                through = Signal(kept[channel].shape(), name=f"through_{c}")
                m.d.comb += through.eq(kept[channel] + sums[0][c])
                with m.If(step.clear):
                    m.d.sync += kept[channel].eq(0)
                with m.Elif(step.second):
                    m.d.sync += kept[channel].eq(sums[2][c])
                with m.Elif(step.first):
                    m.d.sync += kept[channel].eq(sums[1][c])
                with m.Else():
                    m.d.sync += kept[channel].eq(through)
                with m.If(step.first):
                    m.d.sync += rows[0][channel].eq(through)
                with m.If(step.second):
                    m.d.sync += rows[1][channel].eq(sums[1][c])
        return rows, is_odd

    def _join_rows(self, m: Module, advance: Signal, moved: Signal, step: Signal, rows: list[Signal]) -> None:
        """Sums of whole rows of pixels from those of boxes; at most one row ends in a step of two boxes."""
        summed, found = Signal(), Signal(StructLayout({"ends": 2, "turns": 2, "over": 1}), reset_less=True)
        before, out = Signal(len(self.o_rows.p.sum)), self.o_rows
        first, second = (
            Mux(found.ends[n], sum(row[channel] for channel in ROW_SUMS.members), 0)
            for n, row in enumerate(rows)
        )
        with m.If(out.ready):
            m.d.sync += out.valid.eq(0)
        with m.If(advance):
            m.d.sync += [summed.eq(moved), out.valid.eq(summed & found.turns.any())]
            with m.If(moved):
                m.d.sync += [
                    found.ends.eq(Cat(step.first, step.second)),
                    found.turns.eq(step.turns),
                    found.over.eq(step.over),
                ]
            with m.If(summed):
                one = before + first
                m.d.sync += [
                    before.eq(Mux(found.turns[0], second, Mux(found.turns[1], 0, one + second))),
                    out.p.sum.eq(Mux(found.turns[0], one, one + second)),
                    out.p.last.eq(found.over),
                ]
        with m.If(self.prepare):
            m.d.sync += before.eq(0)
