# SPDX-License-Identifier: Apache-2.0
"""Where a row of pixels lies in the rows of boxes."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import SamplerConfig
from nms.rtl.reduction.shape import HEIGHT, boxes_layout

ROW = StructLayout({"fresh": 1, "complete": 1, "tall": 1})
"""A row of pixels: the first of its boxes, their last, and whether they are one higher than others."""


class RowWalk(wiring.Component):
    """Goes through the rows of images, plane after plane.

    Parameters
    ----------
    config : ``side``

    Members
    -------
    boxes : how images are cut
    run : low: the next row is the first of an image
    turn : the row ends
    here, below : this row, and the one after it
    bottom : this row is the image's last
    """

    def __init__(self, config: SamplerConfig) -> None:
        super().__init__(
            {
                "boxes": In(boxes_layout(config)),
                "run": In(1),
                "turn": In(1),
                "here": Out(ROW),
                "below": Out(ROW),
                "bottom": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        boxes, here, below = self.boxes, self.here, self.below
        step = boxes.row_step
        left, fresh = Signal(HEIGHT), Signal()  # rows of pixels left of the boxes
        row, phase, plane = Signal.like(boxes.last_row), Signal.like(step), Signal(2)
        carry, carry_below = Signal(len(step) + 1), Signal(len(step) + 1)
        next_left = Signal(HEIGHT)
        m.d.comb += [
            carry.eq(phase + step),
            carry_below.eq(carry[:-1] + step),
            next_left.eq(Mux(here.complete, boxes.heights[carry_below[-1]], left - 1)),
            here.fresh.eq(fresh),
            here.complete.eq(left == 1),
            here.tall.eq(carry[-1]),
            below.fresh.eq(here.complete),
            below.complete.eq(next_left == 1),
            below.tall.eq(Mux(here.complete, carry_below[-1], carry[-1])),
            self.bottom.eq(here.complete & (row == boxes.last_row) & (plane == Mux(boxes.planes, 2, 0))),
        ]
        with m.If(~self.run):
            m.d.sync += [left.eq(boxes.heights[0]), fresh.eq(1), row.eq(0), phase.eq(0), plane.eq(0)]
        with m.Elif(self.turn):
            m.d.sync += [left.eq(next_left), fresh.eq(here.complete)]
            with m.If(here.complete):
                m.d.sync += [row.eq(row + 1), phase.eq(carry[:-1])]
                with m.If(row == boxes.last_row):
                    m.d.sync += [row.eq(0), plane.eq(Mux(self.bottom, 0, plane + 1))]
        return m
