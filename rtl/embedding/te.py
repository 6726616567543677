# SPDX-License-Identifier: Apache-2.0
"""The update array (TE): the embedding's points follow their gradient (contract, section 11).

An iteration is one pass over all pairs, ``te_lanes`` pairs a cycle, then one reciprocal (of Z), then the
update of the points, two a cycle. A lane needs a pair twice: for its kernel, and a Newton iteration
later, with its affinity, for its forces. The points are few, so the pair is read again and not
delayed, which would take more registers than the memory has bits.
"""

from collections.abc import Sequence

from amaranth import Cat, Module, Mux, Signal, Value, ValueLike, signed
from amaranth.hdl import Assert
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout, StructLayout, View
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import Config
from nms.rtl.embedding.points import BlockWalk, Points, Rows
from nms.rtl.embedding.te_lane import TELane, reciprocal, top
from nms.rtl.embedding.te_update import TEUpdate
from nms.rtl.lib.fixed import bit_length, half_up
from nms.rtl.lib.flow import delay, follow
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import Payloads


def add_tree(m: Module, values: Sequence[Value], moves: Value) -> Value:
    """The sum of 2^n values, n cycles later: a register after each addition, enabled by its level's bit."""
    while len(values) > 1:
        pairs = zip(values[::2], values[1::2], strict=True)
        values, moves = [delay(m, a + b, 1, moves) for a, b in pairs], moves[1:]
    return values[0]


def delay_tag(m: Module, tag: View, cycles: int) -> tuple[Value, View]:
    """``tag``, ``cycles`` later, and before it the enables of what is delayed beside it.

    ``valid`` alone moves in every cycle.
    """
    moves = follow(m, tag.valid, cycles)
    later = Signal(tag.shape())
    m.d.comb += [later.eq(delay(m, tag, cycles, moves)), later.valid.eq(moves[-1])]
    return moves, later


class TE(Block):
    """The update array (TE): embeds ``count`` points in ``iterations`` iterations (contract, section 11).

    After ``start`` it takes the N points Y0, then makes the iterations, the first ``exaggerated`` of them
    exaggerated; in each it asks for the affinities of all pairs.

    Parameters
    ----------
    config : ``images``, ``te_lanes`` and the formats

    Members
    -------
    count, iterations, exaggerated : constant from ``start`` until ``done``
    start : begins, a pulse
    i_points : Y0, N points
    word_enable, row, block : affinities that are wanted: columns block * te_lanes and the following
    word : these affinities one cycle later; elements of columns >= N may be anything
    done : Y is final, a pulse
    i_read : an index below N, from ``done`` until the next ``start``
    o_read : the point
    sum_enable, sum_row : with ``picks``, a row sum that is wanted, from ``done`` until the next ``start``
    row_sum : R_i, the sum of the row's affinities, one cycle later, held while not enabled

    Latency
    -------
    :meth:`cycles` cycles from ``start`` to ``done``; one from an index to its point.

    Throughput
    ----------
    ``te_lanes`` pairs a cycle, then two points a cycle (one if ``te_lanes`` is 1).

    Reset
    -----
    No embedding is under way, no point is offered.

    Raises
    ------
    In simulation, a sum or a force that does not fit its format fails an assertion.
    """

    def __init__(self, config: Config) -> None:
        derived, payloads = config.derived, Payloads(config)
        self.config, self.profile = config, config.profile
        self.module = "te"
        self.parameters = (config.images, config.te_lanes, config.profile, config.picks)
        self.images, self.lanes = config.images, config.te_lanes
        self.levels = self.lanes.bit_length() - 1
        self.padded = -(-self.images // self.lanes) * self.lanes
        self.group = min(2, self.lanes)
        """Points updated in a cycle."""
        self.force, self.normaliser, self.row_format = derived.force, derived.normaliser, derived.row_sum
        self.point = payloads.point
        self._lanes = [TELane(config) for _ in range(self.lanes)]
        self._updates = [TEUpdate(config) for _ in range(self.group)]
        self._newton = reciprocal(config)
        super().__init__(
            {
                "count": In(derived.count_width),
                "iterations": In(16),
                "exaggerated": In(16),
                "start": In(1),
                "i_points": In(stream.Signature(payloads.point)),
                "word_enable": Out(1),
                "row": Out(derived.index_width),
                "block": Out(range(self.padded // self.lanes)),
                "word": In(ArrayLayout(payloads.affinity, self.lanes)),
                "done": Out(1),
                "i_read": In(stream.Signature(payloads.index)),
                "o_read": Out(stream.Signature(payloads.point)),
            }
            | (
                {
                    "sum_enable": In(1),
                    "sum_row": In(derived.index_width),
                    "row_sum": Out(self.row_format.width),
                }
                if config.picks
                else {}
            )
        )

    def cycles(self, count: int, iterations: int) -> int:
        """Cycles from the edge that samples ``start`` to the one that samples ``done``, without stalls.

        N points in; in each iteration N * ceil(N / te_lanes) blocks of pairs, ceil(N / 2) groups of two
        points (of one if te_lanes = 1), and a turn: from the last pair to Z and to its reciprocal, then from
        the last group to its write. With ``picks``, no iterations still take a pass, up to that reciprocal.
        """
        lane, update = self._lanes[0], self._updates[0]
        blocks, groups = -(-count // self.lanes), -(-count // self.group)
        summed = count * blocks + lane.kernel_latency + self.levels + 6 + self._newton.latency
        if self.config.picks and not iterations:
            return count + 1 + summed
        return count + 1 + iterations * (summed + groups + 1 + update.latency)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        points = m.submodules.points = Points(self.point, self.padded, self.lanes, self.group)
        pairs = m.submodules.pairs = BlockWalk(self.images, self.lanes)
        lanes = [instantiate(m, f"lane{k}", lane, platform) for k, lane in enumerate(self._lanes)]
        updates = [instantiate(m, f"update{k}", update, platform) for k, update in enumerate(self._updates)]
        iteration = Signal.like(self.iterations)
        first, reading, passing, updating = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [first.eq(iteration == 0), pairs.count.eq(self.count), pairs.step.eq(passing)]

        tag = self._feed(m, lanes, points, pairs)
        normaliser, complete, sigmas = self._kernel_sums(m, lanes, tag, first)
        forces = self._force_sums(m, lanes, tag)
        scaled = self._scale(m, platform, normaliser, complete, updates)
        base, updated = self._update(m, points, updates, forces, sigmas, updating, iteration)

        index = Signal(range(max(2, self.padded)))  # of the point that comes in
        with m.If(self.i_points.ready):
            m.d.comb += [
                points.write_index.eq(index),
                points.write_mask.eq(self.i_points.valid << index[: self.group - 1]),
                points.fills.eq(self.i_points.valid & (index + 1 == self.count)),
                *(entry.eq(self.i_points.payload) for entry in points.write),
            ]
        m.d.sync += self.done.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += reading.eq(1)
                m.d.sync += [index.eq(0), iteration.eq(0)]
                with m.If(self.start):
                    m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += self.i_points.ready.eq(1)
                with m.If(self.i_points.valid):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index + 1 == self.count):
                        if not self.config.picks:
                            m.d.sync += self.done.eq(self.iterations == 0)
                        m.next = "PASS"
                        if not self.config.picks:  # else one pass is made for the row sums
                            with m.If(self.iterations == 0):
                                m.next = "IDLE"
            with m.State("PASS"):
                m.d.comb += passing.eq(1)
                with m.If(pairs.end):
                    m.next = "SCALE"
            with m.State("SCALE"), m.If(scaled):
                m.next = "UPDATE"
                if self.config.picks:
                    with m.If(self.iterations == 0):
                        m.d.sync += self.done.eq(1)
                        m.next = "IDLE"
            with m.State("UPDATE"):
                m.d.comb += updating.eq(1)
                with m.If(updated):
                    m.d.sync += [iteration.eq(iteration + 1), self.done.eq(iteration + 1 == self.iterations)]
                    m.next = "PASS"
                    with m.If(iteration + 1 == self.iterations):
                        m.next = "IDLE"

        # one reader serves the pass (the row's point), the update (a group) and i_read (a point)
        m.d.comb += [
            points.near.block.eq(pairs.block),
            points.near.row.eq(Mux(passing, pairs.row, Mux(updating, base, self.i_read.payload))),
            points.near.row_enable.eq(
                (passing & pairs.first) | updating | (self.i_read.valid & self.i_read.ready)
            ),
            points.near.block_enable.eq(passing),
            self.i_read.ready.eq(reading & (~self.o_read.valid | self.o_read.ready)),
            self.o_read.payload.eq(points.near.point),
        ]
        with m.If(self.i_read.ready):
            m.d.sync += self.o_read.valid.eq(self.i_read.valid)
        with m.Elif(self.o_read.ready):
            m.d.sync += self.o_read.valid.eq(0)
        return m

    def _feed(self, m: Module, lanes: list[TELane], points: Points, pairs: BlockWalk) -> View:
        """Feed the lanes with ``pairs``; returns where the pairs stand whose kernels they give."""
        late = m.submodules.late = BlockWalk(self.images, self.lanes)
        moves, late_moves = follow(m, pairs.step, 2), follow(m, late.step, 1)
        tag = Signal(StructLayout({"valid": 1, "row": len(late.row), "first": 1, "last": 1, "end": 1}))
        m.d.comb += tag.valid.eq(late_moves[1])
        for name in ("row", "first", "last", "end"):
            m.d.comb += tag[name].eq(delay(m, getattr(late, name), 1, late_moves))
        m.d.comb += [
            late.count.eq(self.count),
            late.step.eq(lanes[0].due),
            points.late.row_enable.eq(late.step & late.first),
            points.late.row.eq(late.row),
            points.late.block_enable.eq(late.step),
            points.late.block.eq(late.block),
            self.word_enable.eq(late.step),
            self.row.eq(late.row),
            self.block.eq(late.block),
        ]
        # memories give their words late, so that each goes into a register before it is subtracted
        moves, late_moves = moves[1:], late_moves[1:]
        near, late_point = delay(m, points.near.point, 1, moves), delay(m, points.late.point, 1, late_moves)
        for number, lane in enumerate(lanes):
            column, present = (
                Signal(range(self.padded), name=f"column_{number}"),
                Signal(name=f"present_{number}"),
            )
            m.d.sync += present.eq(late.step & (column < self.count) & (column != late.row))
            m.d.comb += [
                column.eq((late.block << self.levels) + number),
                lane.valid.eq(moves[-1]),
                lane.i.eq(near),
                lane.j.eq(delay(m, points.near.points[number], 1, moves)),
                lane.late_i.eq(late_point),
                lane.late_j.eq(delay(m, points.late.points[number], 1, late_moves)),
                lane.affinity.eq(self.word[number]),
                lane.present.eq(present),
            ]
        return tag

    def _kernel_sums(
        self, m: Module, lanes: list[TELane], tag: View, first: Signal
    ) -> tuple[Signal, Signal, Rows]:
        """Z, a pulse when it is complete, and the memory of the sigmas, which the first pass finds."""
        total = Signal(self.normaliser.width)
        # words come late from the affinities' memory, so that they are added a cycle later
        words = [delay(m, Mux(lane.present & first, lane.affinity, 0), 1, tag.valid) for lane in lanes]
        moves, tag = delay_tag(m, tag, self.levels)
        kernels = add_tree(m, [lane.kernel for lane in lanes], moves)
        affinities = add_tree(m, words, moves[1:])
        with m.If(tag.valid):
            m.d.sync += total.eq(Mux(tag.first & (tag.row == 0), 0, total) + kernels)
        _, tag = delay_tag(m, tag, 1)

        row_sum = Signal(self.row_format.width)
        new_sum = Mux(tag.first, 0, row_sum) + affinities
        with m.If(tag.valid):
            m.d.sync += [
                row_sum.eq(new_sum),
                Assert(new_sum <= self.row_format.max, "the sum of a row's affinities is out of range"),
            ]
        _, found = delay_tag(m, tag, 1)
        sigma = bit_length((row_sum - row_sum.any())[self.profile.affinity.fraction : len(row_sum)])
        sigmas = m.submodules.row_sigmas = Rows(bits_for(self.row_format.integer), self.padded, self.group)
        self._write_row(m, sigmas, found, sigma, first)
        if self.config.picks:
            self._keep_sum(m, found, row_sum, first)
        return total, tag.valid & tag.end, sigmas

    def _keep_sum(self, m: Module, found: View, row_sum: Signal, first: Signal) -> None:
        """The sum of each row into a memory of its own."""
        m.submodules.row_totals = memory = RAM(shape=len(row_sum), depth=self.images)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(found.row),
            write.data.eq(row_sum),
            write.en.eq(found.valid & found.last & first),
            read.addr.eq(self.sum_row),
            read.en.eq(self.sum_enable),
            self.row_sum.eq(read.data),
        ]

    def _force_sums(self, m: Module, lanes: list[TELane], tag: View) -> Rows:
        """The memory of the rows' attractions and repulsions; complete before the reciprocal of Z is."""
        assert lanes[0].force_latency <= self._newton.latency, "the update would read forces too early"
        fractions = {"attract": self.profile.affinity.fraction, "repel": self.profile.kernel.fraction}
        layout = self._updates[0].row
        forces = m.submodules.row_forces = Rows(layout, self.padded, self.group)
        moves, tag = delay_tag(m, tag, lanes[0].force_latency + self.levels)
        row = Signal(layout)
        for name in layout.members:
            fraction = fractions[name.split("_")[0]]
            partial = add_tree(m, [getattr(lane, name) for lane in lanes], moves[lanes[0].force_latency :])
            total = Signal(signed(self.force.width + fraction), name=f"total_{name}")
            with m.If(tag.valid):
                m.d.sync += total.eq(Mux(tag.first, 0, total) + partial)
            rounded = half_up(total, fraction)
            m.d.comb += row[name].eq(rounded)
            m.d.sync += Assert(row[name] == rounded, "the force of a row is out of range")
        _, tag = delay_tag(m, tag, 1)
        self._write_row(m, forces, tag, row)
        return forces

    def _write_row(self, m: Module, memory: Rows, tag: View, value: Value, enable: ValueLike = 1) -> None:
        """Write the entry of the row whose sums have become complete."""
        m.d.comb += [
            memory.write_index.eq(tag.row),
            memory.write_mask.eq((tag.valid & tag.last & enable) << tag.row[: self.group - 1]),
            *(entry.eq(value) for entry in memory.write),
        ]

    def _scale(
        self, m: Module, platform: object, total: Signal, complete: Value, updates: list[TEUpdate]
    ) -> Value:
        """N * yz and its shift to the updates; high one cycle before they are valid."""
        newton = instantiate(m, "newton", self._newton, platform)
        k = self.profile.kernel_reciprocal.fraction
        moves = follow(m, complete, 2)
        zeros = delay(m, (len(total) - bit_length(total))[: bits_for(len(total) - 1)], 1, moves)
        mantissa = delay(m, top((total << zeros)[: len(total)], k + 1), 1, moves[1:])
        scale, shift = Signal.like(updates[0].scale), Signal.like(updates[0].shift)
        m.d.comb += [
            newton.i.valid.eq(moves[-1]),
            newton.i.payload.m.eq(mantissa),
            newton.o.ready.eq(1),
        ]
        with m.If(newton.o.valid):
            m.d.sync += [
                scale.eq(self.count * newton.o.payload.y),
                shift.eq(k + len(total) - 1 - self.profile.kernel.fraction - zeros),
            ]
        for update in updates:
            m.d.comb += [update.scale.eq(scale), update.shift.eq(shift)]
        return newton.o.valid

    def _update(
        self,
        m: Module,
        points: Points,
        updates: list[TEUpdate],
        forces: Rows,
        sigmas: Rows,
        updating: Signal,
        iteration: Signal,
    ) -> tuple[Signal, Signal]:
        """Update all points while ``updating``: the group to be read, and high with the last write."""
        velocities = m.submodules.row_velocities = Rows(updates[0].speed, self.padded, self.group)
        base, new = Signal(range(self.padded + 1)), Signal(range(self.padded + 1))
        resting, early = Signal(), Signal()  # they hold long before the update begins
        done = Signal()
        exists = [Signal(name=f"exists_{k}") for k in range(self.group)]
        with m.If(~updating):
            m.d.sync += [base.eq(0), new.eq(0)]
            m.d.sync += [resting.eq(iteration == 0), early.eq(iteration < self.exaggerated)]
        with m.Else():
            with m.If(base < self.count):
                m.d.sync += base.eq(base + self.group)
            with m.If(updates[0].new_valid):
                m.d.sync += new.eq(new + self.group)
        m.d.comb += [
            done.eq(updates[0].new_valid & (new + self.group >= self.count)),
            *(memory.read_enable.eq(updating) for memory in (forces, sigmas, velocities)),
            *(memory.read_index.eq(base) for memory in (forces, sigmas, velocities)),
            velocities.write_index.eq(new),
            velocities.write_mask.eq(Cat(update.new_valid for update in updates)),
        ]
        with m.If(updating):
            m.d.comb += [points.write_index.eq(new), points.write_mask.eq(velocities.write_mask)]
        for k, update in enumerate(updates):
            m.d.sync += exists[k].eq(updating & (base + k < self.count))
            m.d.comb += [
                update.valid.eq(exists[k]),
                update.position.eq(points.near.group[k]),
                update.velocity.eq(Mux(resting, 0, velocities.read[k].as_value())),
                update.forces.eq(forces.read[k]),
                update.sigma.eq(sigmas.read[k]),
                update.early.eq(early),
                velocities.write[k].eq(update.new_velocity),
            ]
            with m.If(updating):
                m.d.comb += points.write[k].eq(update.new_position)
        return base, done
