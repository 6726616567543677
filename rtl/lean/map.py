# SPDX-License-Identifier: Apache-2.0
"""The lean map: points follow the forces of all pairs (contract, sections 20 and 21).

A pass makes each pair once, for both its ends. The lanes hold a block of rows, and one point a cycle comes to
all of them. What the lanes' pairs add up to on that point goes to a memory, by one read and one write; what
they add up to on the rows stays in the lanes. When the point itself becomes a row, its lane goes on from the
sum that the memory has. So the forces on a row are complete when its block ends, and as no later block reads
its position, the position is updated in place, while the next block goes on.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add

from amaranth import Array, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import LeanConfig
from nms.rtl.lean.affinities import Affinities
from nms.rtl.lean.lane import AXES, KERNEL, LEAST, MANTISSA, SCALE, MapLane, point_layout, scale_shift
from nms.rtl.lean.normaliser import Normaliser
from nms.rtl.lean.update import MapUpdate
from nms.rtl.lean.walk import PairWalk, WordWalk
from nms.rtl.lib.flow import Queue, delay
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.ram import RAM


class LeanMap(Block):
    """The lean map: embeds ``count`` points in ``iterations`` iterations (contract, sections 20 and 21).

    The shares p_j|i of a batch make P'. After ``start`` the block takes the N points Y0, then makes the
    iterations, the first ``exaggerated`` of them exaggerated.

    Parameters
    ----------
    config : ``images``, ``map_lanes`` and the formats

    Members
    -------
    count : N, constant from the first share until the results were read
    iterations, exaggerated : constant from ``start`` until ``done``
    share_valid, share_row, share_column, share : p_j|i of row i and column j: row after row, each with all
        other columns ascending; all of them before ``start``
    start : begins, a pulse, five cycles after the last share or later
    i_points : Y0, N points
    done : Y is final, a pulse
    read_enable, read_row : asks for a point, from ``done`` until the next ``start``
    read_point : the point, one cycle later
    sum_enable, sum_row : asks for a row sum R, likewise
    row_sum : R, one cycle later
    pair_enable, pair_row, pair_column : asks for an affinity, likewise
    pair_affinity : P', four cycles later; 0 of a point and itself

    Latency
    -------
    At most :meth:`cycles` cycles from ``start`` to ``done``.

    Throughput
    ----------
    A share a cycle. ``map_lanes`` pairs a cycle.

    Reset
    -----
    No map is under way.

    Raises
    ------
    In simulation, a force that does not fit its format fails an assertion.
    """

    module = "lean_map"

    def __init__(self, config: LeanConfig) -> None:
        self.config, self.profile = config, config.profile
        self.parameters = (config.images, config.map_lanes, config.profile)
        self.images, self.lanes = config.images, config.map_lanes
        index = config.derived.index_width
        self.point = point_layout(config)
        self._lanes = [MapLane(config) for _ in range(self.lanes)]
        self._affinities = Affinities(config)
        # v / 16 = N 2^11 / Zh / 16
        self._half_shift = self.profile.kernel.fraction - 1 - (SCALE - LEAST)
        pairs = self.images * (self.images - 1) // 2
        largest = pairs * (max(KERNEL) << self.profile.kernel.fraction - MANTISSA)
        self._normaliser = Normaliser(
            config.derived.count_width + self._half_shift, bits_for(largest), scale_shift(config)
        )
        super().__init__(
            {
                "count": In(config.derived.count_width),
                "iterations": In(16),
                "exaggerated": In(16),
                "share_valid": In(1),
                "share_row": In(index),
                "share_column": In(index),
                "share": In(self.profile.affinity.width),
                "start": In(1),
                "i_points": In(stream.Signature(self.point)),
                "done": Out(1),
                "read_enable": In(1),
                "read_row": In(index),
                "read_point": Out(self.point),
                "sum_enable": In(1),
                "sum_row": In(index),
                "row_sum": Out(len(self._affinities.row_sum)),
                "pair_enable": In(1),
                "pair_row": In(index),
                "pair_column": In(index),
                "pair_affinity": Out(self.profile.affinity.width),
            }
        )

    def cycles(self, count: int, iterations: int) -> int:
        """The most cycles from the edge that samples ``start`` to the one that samples ``done``.

        N points in; in each iteration the points of all blocks, and a turn: from the last point to the next
        iteration's N/Z, whose division takes longer the more points there are.
        """
        blocks = -(-count // self.lanes)
        points = blocks * count - self.lanes * blocks * (blocks - 1) // 2
        lonely = blocks > 1 and count % self.lanes == 1
        division = SCALE + 1 + SCALE - 1 - LEAST + (count - 2).bit_length()
        turn = max(MapLane.affinity_latency + division, MapLane.force_latency + self.lanes + 3) + 3
        return max(count, division) + 3 + iterations * (points + lonely + turn)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.affinities = affinities = self._affinities
        m.submodules.near = near = PairWalk(self.images, self.lanes)
        lanes = [instantiate(m, f"lane{k}", lane, platform) for k, lane in enumerate(self._lanes)]
        iteration = Signal.like(self.iterations)
        scaling, passing, lonely, early = Signal(), Signal(), Signal(), Signal()

        # A block of one row takes its point just when the block before writes the sum of that point.
        m.d.sync += lonely.eq(near.step & near.lonely)
        m.d.comb += [
            near.count.eq(self.count),
            near.step.eq(passing & ~lonely),
            early.eq(iteration < self.exaggerated),
        ]
        kernels = self._feed(m, lanes, affinities, near, early)
        scaled = self._normalise(m, lanes, near, kernels, scaling)
        ended, rows = self._sum_forces(m, lanes, near)
        going, row, force = self._take_rows(m, lanes, ended, rows, scaled)
        written = self._move(m, lanes, affinities, near, going, row, force, early)

        m.d.sync += self.done.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += iteration.eq(0)
                with m.If(self.start):
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += self.i_points.ready.eq(1)
                with m.If(written):
                    m.d.sync += self.done.eq(self.iterations == 0)
                    m.next = "SCALE"
                    with m.If(self.iterations == 0):
                        m.next = "IDLE"
            with m.State("SCALE"):
                m.d.comb += scaling.eq(1)
                with m.If(scaled):
                    m.next = "PASS"
            with m.State("PASS"):
                m.d.comb += passing.eq(1)
                with m.If(near.step & near.ends):
                    m.next = "TURN"
            with m.State("TURN"), m.If(written):
                m.d.sync += [iteration.eq(iteration + 1), self.done.eq(iteration + 1 == self.iterations)]
                m.next = "SCALE"
                with m.If(iteration + 1 == self.iterations):
                    m.next = "IDLE"
        return m

    def _feed(
        self, m: Module, lanes: Sequence[MapLane], affinities: Affinities, near: PairWalk, early: Value
    ) -> Value:
        """Feed the lanes with points and affinities; high when kernels of theirs are there."""
        m.submodules.words = words = WordWalk(self.images, self.lanes)
        for name in ("step", "index", "last", "complete", "ends"):
            m.d.comb += getattr(words, name).eq(getattr(near, name))
        m.d.comb += words.meets.eq(near.pairs.any())
        wanted, word = words.step & words.meets, words.word
        for stage in range(MapLane.affinity_latency):
            held = Signal.like(word, name=f"word_{stage}", reset_less=True)
            with m.If(wanted):
                m.d.sync += held.eq(word)
            wanted, word = delay(m, wanted, 1, reset_less=False), held
        shares, pair = ("valid", "row", "column"), ("enable", "row", "column")
        for name in ("share", *(f"share_{part}" for part in shares), *(f"pair_{part}" for part in pair)):
            m.d.comb += getattr(affinities, name).eq(getattr(self, name))
        m.d.comb += [
            affinities.word_enable.eq(wanted),
            affinities.word.eq(word),
            self.pair_affinity.eq(affinities.pair_affinity),
        ]
        for k, lane in enumerate(lanes):
            m.d.comb += [
                lane.affinity.eq(affinities.word_affinities[k]),
                lane.early.eq(early),
            ]
        return wanted  # a word comes a cycle after it is asked for, and a kernel a cycle before its affinity

    def _normalise(
        self, m: Module, lanes: Sequence[MapLane], near: PairWalk, kernels: Value, scaling: Value
    ) -> Signal:
        """Make N/Z while ``scaling``, of the pass before if there was one; high when it is there."""
        normaliser = m.submodules.normaliser = self._normaliser
        half = Signal(len(normaliser.divisor), reset_less=True)
        ended = delay(m, near.step & near.ends, MapLane.affinity_latency + 1, reset_less=False)
        scaled = Signal()
        m.d.comb += [
            scaled.eq(scaling & ~normaliser.busy),
            normaliser.start.eq(self.start | ended),
            normaliser.numerator.eq(Mux(self.start, 1, self.count << self._half_shift)),
            normaliser.divisor.eq(half),
            *(lane.scale.eq(normaliser.scale) for lane in lanes),
            *(lane.shift.eq(normaliser.shift) for lane in lanes),
        ]
        with m.If(self.start):
            m.d.sync += half.eq((self.count - 1) << SCALE - LEAST)
        with m.Elif(scaled):
            m.d.sync += half.eq(0)
        with m.Elif(kernels):
            m.d.sync += half.eq(half + reduce(add, (lane.kernel for lane in lanes)))
        return scaled

    def _sum_forces(self, m: Module, lanes: Sequence[MapLane], near: PairWalk) -> tuple[Signal, Signal]:
        """Sum the forces on each point; high when a block has ended, and the number of rows up to its end."""
        m.submodules.late = late = PairWalk(self.images, self.lanes)
        m.submodules.forces = forces = RAM(shape=lanes[0].sum_before.shape(), depth=self.images)
        read, write = forces.read_port(), forces.write_port()
        m.d.comb += [
            late.count.eq(self.count),
            late.step.eq(delay(m, near.step, MapLane.force_latency, reset_less=False)),
            read.en.eq(late.step & ~late.first),
            read.addr.eq(late.index),
        ]
        index, rows = Signal.like(late.index, reset_less=True), Signal.like(self.count, reset_less=True)
        first, stays, ended, take = Signal(reset_less=True), Signal(), Signal(), Signal(self.lanes)
        m.d.sync += [
            take.eq(Mux(late.step, late.take, 0)),
            stays.eq(late.step & ~late.take.any()),
            ended.eq(late.step & late.last),
        ]
        with m.If(late.step):
            m.d.sync += [index.eq(late.index), first.eq(late.first), rows.eq(late.complete)]
        m.d.comb += [write.en.eq(stays), write.addr.eq(index)]
        for axis in AXES:
            others = reduce(add, (lane.pair_force[axis] for lane in lanes))
            m.d.comb += write.data[axis].eq(Mux(first, 0, read.data[axis]) - others)
        for k, lane in enumerate(lanes):
            m.d.comb += [lane.load.eq(take[k]), lane.sum_before.eq(write.data)]
        return ended, rows

    def _offer(self, m: Module, lanes: Sequence[MapLane], near: PairWalk, point: Value) -> None:
        """Offer each point that was read to the lanes, and again when they need it for its forces."""
        step = delay(m, near.step, 1, reset_less=False)
        pairs, take = Signal(self.lanes), Signal(self.lanes)
        m.d.sync += [pairs.eq(Mux(near.step, near.pairs, 0)), take.eq(Mux(near.step, near.take, 0))]
        for k, lane in enumerate(lanes):
            m.d.comb += [lane.pair.eq(pairs[k]), lane.take.eq(take[k]), lane.point.eq(point)]
        # of a queue one word toggles, of as many registers all
        m.submodules.repeats = repeats = Queue(self.point, MapLane.late + 1)
        again, take = (delay(m, value, MapLane.late, reset_less=False) for value in (step, take))
        m.d.comb += [repeats.i.payload.eq(point), repeats.i.valid.eq(step), repeats.o.ready.eq(again)]
        for k, lane in enumerate(lanes):
            m.d.comb += [lane.late_take.eq(take[k]), lane.late_point.eq(repeats.o.payload)]

    def _take_rows(
        self, m: Module, lanes: Sequence[MapLane], ended: Value, rows: Value, scaled: Value
    ) -> tuple[Signal, Signal, Signal]:
        """Take the force on each row out of its lane, just before the next block begins there.

        Returns whether a row's is taken, which row, and one cycle later the force.
        """
        complete, row = Signal.like(self.count), Signal.like(self.count)
        going = Signal()
        force = Signal(lanes[0].total.shape(), name="row_force", reset_less=True)
        m.d.comb += going.eq(row != complete)
        with m.If(ended):
            m.d.sync += complete.eq(rows)
        with m.If(going):
            lane = row[: self.lanes.bit_length() - 1]
            m.d.sync += [row.eq(row + 1), force.eq(Array(lane.total for lane in lanes)[lane])]
        with m.If(scaled):
            m.d.sync += [complete.eq(0), row.eq(0)]
        return going, row, force

    def _move(
        self,
        m: Module,
        lanes: Sequence[MapLane],
        affinities: Affinities,
        near: PairWalk,
        going: Value,
        row: Value,
        force: Value,
        early: Value,
    ) -> Signal:
        """Keep the points, first those that come in, then those that moved; high with the last of them."""
        m.submodules.update = update = MapUpdate(self.config)
        m.submodules.points = points = RAM(shape=self.point, depth=self.images)
        state = StructLayout({"point": self.point, "velocity": update.speed})
        m.submodules.states = states = RAM(shape=state, depth=self.images)
        read, write = points.read_port(), points.write_port()
        read_state, write_state = states.read_port(), states.write_port()
        index, last, comes = Signal.like(near.index), Signal(), Signal()
        m.d.comb += [
            comes.eq(self.i_points.valid & self.i_points.ready),
            write.en.eq(comes | update.new_valid),
            write.addr.eq(index),
            write.data.eq(Mux(comes, self.i_points.payload, update.new_point)),
            write_state.en.eq(write.en),
            write_state.addr.eq(index),
            write_state.data.point.eq(write.data),
            write_state.data.velocity.eq(Mux(comes, 0, update.new_velocity)),
            last.eq(write.en & (index + 1 == self.count)),
            read.en.eq(near.step | self.read_enable),
            read.addr.eq(Mux(near.step, near.index, self.read_row)),
            self.read_point.eq(read.data),
            read_state.en.eq(going),
            read_state.addr.eq(row),
            affinities.sum_enable.eq(going | self.sum_enable),
            affinities.sum_row.eq(Mux(going, row, self.sum_row)),
            self.row_sum.eq(affinities.row_sum),
            update.valid.eq(delay(m, going, 1, reset_less=False)),
            update.row_force.eq(force),
            update.point.eq(read_state.data.point),
            update.velocity.eq(read_state.data.velocity),
            update.row_sum.eq(affinities.row_sum),
            update.early.eq(early),
        ]
        self._offer(m, lanes, near, read.data)
        with m.If(write.en):
            m.d.sync += index.eq(Mux(last, 0, index + 1))
        return last
