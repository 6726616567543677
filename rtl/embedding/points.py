# SPDX-License-Identifier: Apache-2.0
"""Memories of the embedding, which are read in groups and blocks, and the walk over all pairs' blocks."""

from amaranth import Const, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.wiring import Component, In, Out, Signature

from nms.rtl.lib.ram import RAM


class BlockWalk(Component):
    """Goes over the blocks of all rows, row by row, and then again.

    Parameters
    ----------
    images : the most rows
    lanes : columns of a block

    Members
    -------
    count : N, rows and columns
    step : go on to the next block
    row, block : where it stands
    first, last : the row's first or last block
    end : the last block of all
    """

    def __init__(self, images: int, lanes: int) -> None:
        self.lane_bits = lanes.bit_length() - 1
        super().__init__(
            {
                "count": In(images.bit_length()),
                "step": In(1),
                "row": Out(range(images)),
                "block": Out(range(-(-images // lanes))),
                "first": Out(1),
                "last": Out(1),
                "end": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [
            self.first.eq(self.block == 0),
            self.last.eq(((self.block + 1) << self.lane_bits) >= self.count),
            self.end.eq(self.last & (self.row + 1 == self.count)),
        ]
        with m.If(self.step):
            m.d.sync += self.block.eq(Mux(self.last, 0, self.block + 1))
            with m.If(self.last):
                m.d.sync += self.row.eq(Mux(self.end, 0, self.row + 1))
        return m


class Rows(Component):
    """A memory of one entry a point, written and read ``group`` consecutive points at a time.

    Parameters
    ----------
    shape : of an entry
    points : the number of points, a multiple of ``group``
    group : points of a word

    Members
    -------
    write_index, write_mask, write : a point, which points of its group are written, and their entries
    read_enable, read_index, read : a point that is wanted, and one cycle later the entries of its group, held
        until the next one
    """

    def __init__(self, shape: ShapeLike, points: int, group: int) -> None:
        self.bits = group.bit_length() - 1
        self.depth = points // group
        layout = ArrayLayout(shape, group)
        super().__init__(
            {
                "write_index": In(range(points)),
                "write_mask": In(group),
                "write": In(layout),
                "read_enable": In(1),
                "read_index": In(range(points)),
                "read": Out(layout),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = RAM(shape=self.write.shape(), depth=self.depth)
        write, read = memory.write_port(granularity=1), memory.read_port()
        m.d.comb += [
            write.addr.eq(self.write_index >> self.bits),
            write.en.eq(self.write_mask),
            write.data.eq(self.write),
            read.addr.eq(self.read_index >> self.bits),
            read.en.eq(self.read_enable),
            self.read.eq(read.data),
        ]
        return m


class Points(Component):
    """The positions: written ``group`` consecutive points at a time, read in blocks and as single points.

    Parameters
    ----------
    point : layout of a point
    points : the number of points, a multiple of ``lanes``
    lanes, group : points of a block, points that are written at a time

    Members
    -------
    write_index, write_mask, write : as in :class:`Rows`
    fills : all points of the block behind ``write_index`` get the entry of that one, so that the block's end,
        beyond the last point, is known
    near, late : two equal readers: one cycle after ``block_enable``, ``points`` are those of ``block``; one
        cycle after ``row_enable``, ``point`` is that of ``row``, and ``group`` is the group of ``row``; both
        are held until the next one
    """

    def __init__(self, point: StructLayout, points: int, lanes: int, group: int) -> None:
        self.lanes, self.group = lanes, group
        self.bits, self.depth = lanes.bit_length() - 1, points // lanes
        self.readers = ("near", "late")
        reader = Signature(
            {
                "row_enable": Out(1),
                "row": Out(range(points)),
                "block_enable": Out(1),
                "block": Out(range(self.depth)),
                "point": In(point),
                "points": In(ArrayLayout(point, lanes)),
                "group": In(ArrayLayout(point, group)),
            }
        )
        super().__init__(
            {
                "write_index": In(range(points)),
                "write_mask": In(group),
                "write": In(ArrayLayout(point, group)),
                "fills": In(1),
                **{name: In(reader) for name in self.readers},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = ArrayLayout(self.write.shape().elem_shape, self.lanes)
        m.submodules.memory = memory = RAM(shape=layout, depth=self.depth)
        write = memory.write_port(granularity=1)
        group_bits = self.group.bit_length() - 1
        first = self.write_index[group_bits : self.bits] << group_bits  # lane of the group's first point
        m.d.comb += [
            write.addr.eq(self.write_index >> self.bits),
            write.en.eq(
                Mux(
                    self.fills,
                    Const(-1, self.lanes) << self.write_index[: self.bits],
                    self.write_mask << first,
                )
            ),
            *(write.data[lane].eq(self.write[lane % self.group]) for lane in range(self.lanes)),
        ]
        for name in self.readers:
            reader = getattr(self, name)
            row, block = memory.read_port(), memory.read_port()
            lane = Signal(self.bits, name=f"{name}_lane")
            m.d.comb += [
                row.en.eq(reader.row_enable),
                row.addr.eq(reader.row >> self.bits),
                block.en.eq(reader.block_enable),
                block.addr.eq(reader.block),
                reader.point.eq(row.data[lane]),
                reader.points.eq(block.data),
                reader.group.eq(
                    Value.cast(row.data).word_select(lane >> group_bits, len(Value.cast(self.write)))
                ),
            ]
            with m.If(reader.row_enable):
                m.d.sync += lane.eq(reader.row)
        return m
