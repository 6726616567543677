# SPDX-License-Identifier: Apache-2.0
"""Grid sampler (contract, section 12): exactly K of N points, spread over the map.

The rounds of the contract order the points by (rank, occupancy falling, cell id). A cell has one
point of each rank, so the order is strict, and a point is kept if fewer than K points precede it.
Hence two passes over all pairs: the first counts rank and occupancy, the second the points that
precede, and nothing searches for the round in which the K-th point falls.
"""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.hdl import Assert
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout, StructLayout
from amaranth.lib.memory import WritePort
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import bits_for

from nms.contract.config import Config, LeanConfig
from nms.contract.readout import Phase
from nms.rtl.lib.fixed import product, product_latency, square
from nms.rtl.lib.flow import delay, follow
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import make_kept, make_point
from nms.rtl.selection.picks import key_width

OFFSET = 12
"""Bits of an offset within a cell."""

QUOTIENT = 18
"""Bits of floor(2^RB / s), which is above 2^16 and at most 2^17."""

RB_LEAST = 17
"""The smallest RB."""

PASS_LATENCY = 4
"""Cycles from the address of a row's last block to its counts: data, comparisons, sums of lanes, totals."""


class Ratio(Component):
    """``shift`` = RB - 17 with RB = bitlen(s) + 16, and ``ratio`` = floor(2^RB / s) * G.

    Long division of s = ``extent``: the 1 of the dividend is shifted up to the leading bit of s, one place a
    cycle, then each cycle gives one bit of the quotient, and its product with G = ``side``.

    Parameters
    ----------
    extent, side : bits of s and of G

    Members
    -------
    start : begins, a pulse
    extent, side : s and G; constant until ``done``
    done : a pulse, bitlen(s) + 18 cycles after ``start``
    shift, ratio : the results, from the cycle after ``done`` until the next ``start``
    """

    def __init__(self, extent: int, side: int) -> None:
        super().__init__(
            {
                "start": In(1),
                "extent": In(extent),
                "side": In(side),
                "done": Out(1),
                "shift": Out(range(extent)),
                "ratio": Out(ratio_width(side)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        remainder = Signal(len(self.extent) + 1, reset_less=True)
        step = Signal(range(QUOTIENT), reset_less=True)
        fits = Signal()
        m.d.comb += fits.eq(remainder >= self.extent)
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [remainder.eq(1), self.shift.eq(0), step.eq(0), self.ratio.eq(0)]
                m.next = "SCALE"
            with m.State("SCALE"):
                with m.If((remainder << 1) <= self.extent):
                    m.d.sync += [remainder.eq(remainder << 1), self.shift.eq(self.shift + 1)]
                with m.Else():
                    m.next = "DIVIDE"
            with m.State("DIVIDE"):
                m.d.sync += [
                    remainder.eq((remainder - Mux(fits, self.extent, 0)) << 1),
                    self.ratio.eq((self.ratio << 1) + Mux(fits, self.side, 0)),
                    step.eq(step + 1),
                ]
                with m.If(step == QUOTIENT - 1):
                    m.d.comb += self.done.eq(1)
                    m.next = "IDLE"
        return m


def ratio_width(side: int) -> int:
    """Bits of ``ratio``, at most 2^17 * G, of a side G of so many bits."""
    return QUOTIENT - 1 + side


class Grid(Block):
    """Keeps exactly ``keep`` of ``count`` points, spread over the map (contract, section 12).

    With picks, the points of a cell may be ranked by keys that come from outside (section 18).

    Parameters
    ----------
    config : ``images``, ``grid_lanes`` and the format ``position``; with picks also what gives the width of
        a key

    Members
    -------
    count, keep : N and K, 1 <= K <= N; constant from ``start`` until ``last`` is taken
    start : begins, a pulse; again at the earliest one cycle after ``last`` was taken
    i_points : N points
    o_kept : K indices, ascending, ``last`` with the last
    keyed : rank by keys; constant from ``start`` on; this and what follows with picks alone
    cell_valid, cell_index, cell_id : the cell of a point, as it is placed
    placed : a pulse, with the last cell
    key_valid, key_index, key_cell, key : the key of a point, and its cell again, after ``placed``
    rank : a pulse after the last key

    Latency
    -------
    :meth:`cycles` cycles from ``start`` until the last row can be taken.

    Throughput
    ----------
    A point taken in a cycle and placed in two; then two passes over all pairs, ``grid_lanes`` pairs a cycle.

    Reset
    -----
    Nothing is under way.

    Raises
    ------
    In simulation, a cell outside the grid and a number of kept points other than K fail assertions.
    """

    module = "grid"

    def __init__(self, config: Config | LeanConfig) -> None:
        derived = config.derived
        self.images = config.images
        self.lanes = config.grid_lanes
        self.position = config.profile.position.width
        self.key_bits = key_width(config) if Phase.PICK in config.phases else 0
        self.parameters = (self.images, self.lanes, self.position, self.key_bits)
        self.lane_bits = self.lanes.bit_length() - 1
        self.depth = -(-self.images // self.lanes)
        self.index = derived.index_width
        self.side = bits_for(derived.grid_side)
        cell = bits_for(derived.grid_side**2 - 1)
        self.point, kept = make_point(config), make_kept(config)
        self.spot = StructLayout({"cell": cell, "key": max(2 * OFFSET, self.key_bits)})
        """Where a point lies: cell id, and squared offset from the cell's centre or another key."""
        self.order = StructLayout({"cell": cell, "room": derived.count_width, "rank": derived.count_width})
        """A point's place among all: as an integer, by rank, then by occupancy (falling), then by cell."""
        super().__init__(
            {
                "count": In(derived.count_width),
                "keep": In(derived.count_width),
                "start": In(1),
                "i_points": In(stream.Signature(self.point)),
                "o_kept": Out(stream.Signature(kept)),
            }
            | (
                {
                    "keyed": In(1),
                    "cell_valid": Out(1),
                    "cell_index": Out(self.index),
                    "cell_id": Out(cell),
                    "placed": Out(1),
                    "key_valid": In(1),
                    "key_index": In(self.index),
                    "key_cell": In(cell),
                    "key": In(self.key_bits),
                    "rank": In(1),
                }
                if self.key_bits
                else {}
            )
        )

    def cycles(self, count: int, extent: int) -> int:
        """Cycles from the edge that samples ``start`` until the last row can be taken, without stalls.

        N points in; bitlen(s) + 20 for the extent s and its ratio; N points placed, an axis a cycle; two
        passes of N * ceil(N / lanes).
        """
        place = 2 * count + 5 + product_latency(self.position, ratio_width(self.side))
        passes = 2 * (count * -(-count // self.lanes) + PASS_LATENCY)
        return count + extent.bit_length() + 20 + place + passes

    def elaborate(self, platform: object) -> Module:
        m = Module()
        index = Signal(
            self.index, reset_less=True
        )  # of the point that is received or placed, of the row of a pass
        last = Signal()
        placing, ranking, ordering, running = Signal(), Signal(), Signal(), Signal()
        measuring, vertical = Signal(), Signal()  # vertical: a point's y is placed, after its x
        m.d.comb += last.eq(index + 1 == self.count)

        m.submodules.points = points = RAM(shape=self.point, depth=self.images)
        receive, fetch = points.write_port(), points.read_port()
        m.d.comb += [
            receive.addr.eq(index),
            receive.data.eq(self.i_points.payload),
            receive.en.eq(self.i_points.valid & self.i_points.ready),
            fetch.addr.eq(index),
            fetch.en.eq(placing & ~vertical),
        ]
        low, extent = self._box(m, receive.en, index == 0, measuring)
        side = self._side(m)
        m.submodules.division = ratio = Ratio(len(extent), self.side)
        m.d.comb += [ratio.extent.eq(extent), ratio.side.eq(side)]
        shape = ArrayLayout(self.spot, self.lanes)
        m.submodules.spots = spots = RAM(shape=shape, depth=self.depth)
        spot_write = spots.write_port(granularity=1)
        placed = self._place(m, placing, vertical, fetch.data, low, ratio, spot_write)
        block, last_block, passed = self._compare(m, index, last, running, ranking, ordering, spots)
        advance = ~self.o_kept.valid | self.o_kept.ready

        with m.If(running & advance):
            m.d.sync += block.eq(Mux(last_block, 0, block + 1))
            with m.If(last_block):
                m.d.sync += [index.eq(Mux(last, 0, index + 1)), running.eq(~last)]
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [index.eq(0), block.eq(0), running.eq(0)]
                m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += self.i_points.ready.eq(1)
                with m.If(self.i_points.valid):
                    m.d.sync += index.eq(Mux(last, 0, index + 1))
                    with m.If(last):
                        m.next = "MEASURE"
            with m.State("MEASURE"):
                m.d.comb += measuring.eq(1)
                m.d.sync += Assert((side * side) >= (self.keep << 1), "the division came before G")
                m.next = "DIVIDE"
            with m.State("DIVIDE"):
                m.d.comb += ratio.start.eq(1)
                with m.If(ratio.done):
                    m.d.sync += placing.eq(1)
                    m.next = "PLACE"
            with m.State("PLACE"):
                with m.If(placing):
                    m.d.sync += vertical.eq(~vertical)
                with m.If(vertical):
                    m.d.sync += [index.eq(Mux(last, 0, index + 1)), placing.eq(~last)]
                with m.If(placed):
                    m.d.sync += running.eq(1)
                    m.next = "RANK"
                    if self.key_bits:
                        m.d.comb += self.placed.eq(1)
                        with m.If(self.keyed):
                            m.d.sync += running.eq(0)
                            m.next = "KEYS"
            if self.key_bits:
                with m.State("KEYS"):
                    self._take_key(m, spot_write)
                    with m.If(self.rank):
                        m.d.sync += running.eq(1)
                        m.next = "RANK"
            with m.State("RANK"):
                m.d.comb += ranking.eq(1)
                with m.If(passed):
                    m.d.sync += running.eq(1)
                    m.next = "ORDER"
            with m.State("ORDER"):
                m.d.comb += ordering.eq(1)
                with m.If(self.o_kept.valid & self.o_kept.ready & self.o_kept.payload.last):
                    m.next = "IDLE"

        return m

    def _box(self, m: Module, taken: Value, first: Value, measuring: Value) -> tuple[list[Signal], Signal]:
        """Smallest x and y of the points taken, and the extent s = max(span_x, span_y) + 1.

        The extent is there two cycles after ``measuring``.
        """
        lows, spans = [], []
        for axis in ("x", "y"):
            low, high = (
                Signal(signed(self.position), name=f"{end}_{axis}", reset_less=True)
                for end in ("low", "high")
            )
            value = self.i_points.payload[axis]
            with m.If(taken):
                with m.If(first | (value < low)):
                    m.d.sync += low.eq(value)
                with m.If(first | (value > high)):
                    m.d.sync += high.eq(value)
            lows.append(low)
            span = Signal(self.position, name=f"span_{axis}", reset_less=True)
            with m.If(measuring):
                m.d.sync += span.eq(high - low)
            spans.append(span)
        extent = Signal(self.position + 1, reset_less=True)
        with m.If(delay(m, measuring, 1, reset_less=False)):
            m.d.sync += extent.eq(Mux(spans[0] > spans[1], *spans) + 1)
        return lows, extent

    def _side(self, m: Module) -> Signal:
        """G, the smallest integer with G^2 >= 2K, G cycles after ``start``; squares grow by odd numbers."""
        side, square = Signal(self.side, reset_less=True), Signal(2 * self.side, reset_less=True)
        with m.If(self.start):
            m.d.sync += [side.eq(0), square.eq(0)]
        with m.Elif(square < (self.keep << 1)):
            m.d.sync += [side.eq(side + 1), square.eq(square + (side << 1) + 1)]
        return side

    def _place(
        self,
        m: Module,
        placing: Signal,
        vertical: Signal,
        point: Value,
        low: list[Signal],
        ratio: Ratio,
        write: WritePort,
    ) -> Signal:
        """Spots of the points that memory reads out while ``placing``; high as the last is written.

        Each point's x and then its y, ``vertical``, goes through one multiplier; a spot is the sum of both.
        """
        multiply = product_latency(self.position, ratio_width(self.side))
        moves = follow(m, placing, multiply + 5)
        first = [~vertical]
        for _ in range(multiply + 5):
            first.append(delay(m, first[-1], 1))

        def register(stage: int, value: Value, name: str) -> Signal:
            held = Signal(value.shape(), name=name, reset_less=True)
            with m.If(moves[stage]):
                m.d.sync += held.eq(value)
            return held

        above = register(1, Mux(first[1], point.x - low[0], point.y - low[1])[: self.position], "above")
        scaled = product(m, above, ratio.ratio, moves[2:]) >> RB_LEAST - OFFSET
        stage = 2 + multiply
        # u / 2^(RB - 12)
        in_cells = register(stage, (scaled >> ratio.shift)[: self.side + OFFSET], "in_cells")
        cell = in_cells[OFFSET:]
        with m.If(moves[stage + 1]):
            m.d.sync += Assert(cell < ratio.side, "a cell is outside the grid")
        beyond = in_cells[OFFSET - 1]  # the centre, from which an offset counts
        offset = Cat(in_cells[: OFFSET - 1] ^ (~beyond).replicate(OFFSET - 1), Const(0, 1)) + ~beyond
        horizontal = first[stage + 1]
        line = register(stage + 1, Mux(horizontal, cell, cell * ratio.side), "line")
        key = register(stage + 1, square(offset[:OFFSET]), "square")
        spot, completes = Signal(self.spot, reset_less=True), ~first[stage + 2]
        with m.If(moves[stage + 2]):
            m.d.sync += [
                spot.cell.eq(Mux(completes, spot.cell, 0) + line),
                spot.key.eq(Mux(completes, spot.key, 0) + key),
            ]
        writes = moves[stage + 3] & ~first[stage + 3]
        index, placed = Signal(self.index, reset_less=True), Signal()
        with m.If(self.start):
            m.d.sync += index.eq(0)
        with m.Elif(writes):
            m.d.sync += index.eq(index + 1)
        m.d.comb += [
            write.addr.eq(index >> self.lane_bits),
            write.en.eq(writes << index[: self.lane_bits]),
            *(write.data[lane].eq(spot) for lane in range(self.lanes)),
            placed.eq(writes & (index + 1 == self.count)),
        ]
        if self.key_bits:
            m.d.comb += [self.cell_valid.eq(writes), self.cell_index.eq(index), self.cell_id.eq(spot.cell)]
        return placed

    def _take_key(self, m: Module, write: WritePort) -> None:
        """The key of a point in the place of its offset."""
        m.d.comb += [
            write.addr.eq(self.key_index >> self.lane_bits),
            write.en.eq(self.key_valid << self.key_index[: self.lane_bits]),
        ]
        for lane in range(self.lanes):
            m.d.comb += [write.data[lane].cell.eq(self.key_cell), write.data[lane].key.eq(self.key)]

    def _compare(
        self,
        m: Module,
        index: Signal,
        last: Signal,
        running: Signal,
        ranking: Signal,
        ordering: Signal,
        spots: RAM,
    ) -> tuple[Signal, Signal, Signal]:
        """A pass over all pairs, a block of ``lanes`` points a cycle while ``running``.

        Ranking, it leaves each row's place in the order; ordering, it emits the rows that fewer than ``keep``
        precede. Returns the block, whether it is the row's last, and a pulse with the counts of the last row.
        """
        shape = ArrayLayout(self.order, self.lanes)
        m.submodules.orders = orders = RAM(shape=shape, depth=self.depth)
        write = orders.write_port(granularity=1)
        block = Signal(range(self.depth), reset_less=True)
        last_block, advance = Signal(), Signal()
        m.d.comb += [
            last_block.eq(((block + 1) << self.lane_bits) >= self.count),
            advance.eq(~self.o_kept.valid | self.o_kept.ready),
        ]
        words, rows = [], []
        for memory, compares in ((spots, ranking), (orders, ordering)):
            word, row = memory.read_port(), memory.read_port()
            reads = running & advance & compares
            m.d.comb += [word.addr.eq(block), row.addr.eq(index >> self.lane_bits)]
            m.d.comb += [word.en.eq(reads), row.en.eq(reads & (block == 0))]
            words.append(word.data)
            rows.append(row.data)

        tag = StructLayout({"row": self.index, "first": 1, "last": 1, "end": 1})
        read, compared, summed, total = (
            Signal(tag, name=name, reset_less=True) for name in ("read", "compared", "summed", "total")
        )
        word_block = Signal.like(block)
        spot, order = Signal(self.spot), Signal(self.order)
        m.d.comb += [
            spot.eq(rows[0][read.row[: self.lane_bits]]),
            order.eq(rows[1][read.row[: self.lane_bits]]),
        ]
        fewer, alike = [], []
        for lane in range(self.lanes):
            other = Cat(Const(lane, self.lane_bits), word_block)[: self.index]
            exists = ((word_block << self.lane_bits) + lane) < self.count
            same = exists & (words[0][lane].cell == spot.cell)
            nearer = Cat(other, words[0][lane].key) < Cat(read.row, spot.key)
            precedes = exists & (words[1][lane].as_value() < order.as_value())
            alike.append(same)
            fewer.append(Mux(ordering, precedes, same & nearer))

        counts = ("fewer", "alike")
        are_fewer, are_alike = (Signal(self.lanes, name=f"are_{what}", reset_less=True) for what in counts)
        fewer_sum, alike_sum = (
            Signal(range(self.lanes + 1), name=f"{what}_sum", reset_less=True) for what in counts
        )
        fewer_total, alike_total = (
            Signal.like(self.count, name=f"{what}_total", reset_less=True) for what in counts
        )
        cell_compared, cell_sum, cell_total = (
            Signal(len(spot.cell), name=f"cell_{stage}", reset_less=True)
            for stage in ("compared", "sum", "total")
        )
        valid = follow(m, running, PASS_LATENCY - 1, advance)
        complete = Signal()  # the counts of a row
        moves = valid & advance.replicate(len(valid))
        with m.If(moves[0]):
            m.d.sync += [
                read.row.eq(index),
                read.first.eq(block == 0),
                read.last.eq(last_block),
                read.end.eq(last),
                word_block.eq(block),
            ]
        with m.If(moves[1]):
            m.d.sync += [
                compared.eq(read),
                cell_compared.eq(spot.cell),
                are_fewer.eq(Cat(fewer)),
                are_alike.eq(Cat(alike)),
            ]
        with m.If(moves[2]):
            m.d.sync += [
                summed.eq(compared),
                cell_sum.eq(cell_compared),
                fewer_sum.eq(sum(are_fewer)),
                alike_sum.eq(sum(are_alike)),
            ]
        with m.If(moves[3]):
            m.d.sync += [
                total.eq(summed),
                cell_total.eq(cell_sum),
                fewer_total.eq(Mux(summed.first, 0, fewer_total) + fewer_sum),
                alike_total.eq(Mux(summed.first, 0, alike_total) + alike_sum),
            ]
        with m.If(advance):
            m.d.sync += complete.eq(valid[-1] & summed.last)
        kept = Signal.like(self.keep)
        with m.If(self.start):
            m.d.sync += kept.eq(0)
        with m.Elif(self.o_kept.valid & self.o_kept.ready):
            m.d.sync += kept.eq(kept + 1)

        passed = Signal()
        m.d.comb += [
            write.addr.eq(total.row >> self.lane_bits),
            write.en.eq((ranking & complete) << total.row[: self.lane_bits]),
            passed.eq(complete & total.end),
            self.o_kept.valid.eq(ordering & complete & (fewer_total < self.keep)),
            self.o_kept.payload.index.eq(total.row),
            self.o_kept.payload.last.eq(kept + 1 == self.keep),
        ]
        for lane in range(self.lanes):
            m.d.comb += [
                write.data[lane].cell.eq(cell_total),
                write.data[lane].room.eq(~alike_total),
                write.data[lane].rank.eq(fewer_total),
            ]
        with m.If(ordering & passed):
            m.d.sync += Assert(kept + self.o_kept.valid == self.keep, "not exactly K points are kept")
        return block, last_block, passed
