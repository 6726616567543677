# SPDX-License-Identifier: Apache-2.0
"""Which columns of boxes come next, and which of them are wide."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import SamplerConfig
from nms.rtl.reduction.shape import boxes_layout


class ColumnWalk(wiring.Component):
    """Goes through the boxes of rows, up to two in a cycle.

    Parameters
    ----------
    config : ``side`` and ``bus_bits``

    Members
    -------
    boxes : how images are cut
    run : low: the next box is the first of a row
    one, two : go on by so many boxes
    columns : of the next two boxes
    ends : which of the two is the last of its row
    wide : which of the next three is one longer
    """

    def __init__(self, config: SamplerConfig) -> None:
        boxes = boxes_layout(config)
        super().__init__(
            {
                "boxes": In(boxes),
                "run": In(1),
                "one": In(1),
                "two": In(1),
                "columns": Out(ArrayLayout(boxes["last_column"].shape, 2)),
                "ends": Out(2),
                "wide": Out(3),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        step, last = self.boxes.column_step, self.boxes.last_column
        columns = [Signal.like(last, name=f"column_{n}") for n in range(3)]
        for n in range(2):
            m.d.comb += [
                self.columns[n].eq(columns[n]),
                self.ends[n].eq(columns[n] == last),
                columns[n + 1].eq(Mux(self.ends[n], 0, columns[n] + 1)),
            ]
        # The carries of three boxes are known in advance; ``sums`` goes on from there, or begins a row.
        phase, start = Signal.like(step), Signal.like(step)
        sums = [Signal(len(step) + 1, name=f"sum_{n}") for n in range(2)]
        m.d.comb += [
            start.eq(Mux(self.run, phase, step)),
            sums[0].eq(start + step),
            sums[1].eq(sums[0][:-1] + step),
        ]
        with m.If(~self.run):
            m.d.sync += [
                columns[0].eq(0),
                self.wide.eq(Cat(0, sums[0][-1], sums[1][-1])),
                phase.eq(sums[1][:-1]),
            ]
        with m.Elif(self.two):
            m.d.sync += [
                columns[0].eq(columns[2]),
                self.wide.eq(Cat(self.wide[2], sums[0][-1], sums[1][-1])),
                phase.eq(sums[1][:-1]),
            ]
        with m.Elif(self.one):
            m.d.sync += [
                columns[0].eq(columns[1]),
                self.wide.eq(Cat(self.wide[1:], sums[0][-1])),
                phase.eq(sums[0][:-1]),
            ]
        return m
