# SPDX-License-Identifier: Apache-2.0
"""The search of each row's beta by secants, and the affinities that follow from it."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import LeanConfig
from nms.rtl.lean.entropy import Entropy
from nms.rtl.lean.secant import Secant
from nms.rtl.lean.tables import MANTISSA, look_up
from nms.rtl.lean.weights import Weights
from nms.rtl.lib.fixed import bit_length
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import RAM


class LeanSearch(Block):
    """The beta of every row, then p_j|i of every pair (contract, sections 19 and 20).

    A row's distances are read once for its search, into a memory of one row: they give min_i, m_i and L_i,
    and each evaluation takes them from there. What the affinities need of a row is kept until then.

    Parameters
    ----------
    config : ``images``, ``pixels`` and the formats

    Members
    -------
    count : N; constant, as the next two are, from ``search`` to ``done``
    target : the entropy that is searched for
    evaluations : of a row at most, 1 or more
    search : begins the search of all rows, a pulse
    searched : the last row was taken from ``o_rows``, a pulse
    affinity : begins the affinities, a pulse, at any time after ``searched``
    done : all shares have been given, a pulse
    read_enable, read_row, read_column : D_ij of row i and column j is wanted, i != j
    read_data : D_ij, one cycle later
    o_rows : what was found of each row, in order; ``mantissa`` is M, ``exponent`` q and ``scale`` L
    share_valid, share_row, share_column : p_j|i is there, with its i and j; j ascending without i
    share : p_j|i

    Latency
    -------
    The search of a row takes N + 25 cycles and N + 16 for each evaluation; from the second evaluation that
    leads to another on, 13 or 25 for the secant; and N + 16 where a row is given up and its best evaluation
    was not the last. The affinities of a row take N + 8 cycles.

    Throughput
    ----------
    One weight a cycle.

    Reset
    -----
    Nothing is under way.

    Raises
    ------
    In simulation, S below 1, T/S of 16 or more, and sums that begin too early fail assertions.
    """

    module = "lean_search"

    def __init__(self, config: LeanConfig) -> None:
        self.config = config
        derived, profile = config.derived, config.profile
        index, distance = derived.index_width, derived.distance_width
        self.parameters = (config.images, distance)
        self.weights = Weights(config)
        self.entropy = Entropy(config, len(self.weights.s), len(self.weights.t))
        self.secant = Secant(config)
        self.kept = StructLayout(
            {
                "minimum": distance,
                "mantissa": self.weights.mantissa.shape(),
                "shift": self.weights.shift.shape(),
                "reciprocal": self.entropy.reciprocal.shape(),
            }
        )
        """What the affinities need of a row."""
        found = StructLayout(
            {
                "row": index,
                "minimum": distance,
                "scale": derived.scale_width,
                "ties": derived.count_width,
                "status": 2,
                "mantissa": profile.mantissa.width,
                "exponent": signed(len(self.secant.u) - profile.log_beta.fraction),
                "entropy": profile.entropy.width,
                "evaluations": 4,
            }
        )
        super().__init__(
            {
                "count": In(derived.count_width),
                "target": In(profile.entropy.width),
                "evaluations": In(4),
                "search": In(1),
                "searched": Out(1),
                "affinity": In(1),
                "done": Out(1),
                "read_enable": Out(1),
                "read_row": Out(index),
                "read_column": Out(index),
                "read_data": In(distance),
                "o_rows": Out(stream.Signature(found)),
                "share_valid": Out(1),
                "share_row": Out(index),
                "share_column": Out(index),
                "share": Out(profile.affinity.width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.weigh = weights = self.weights
        m.submodules.sums = entropy = self.entropy
        m.submodules.secant = secant = self.secant
        m.submodules.distances = distances = RAM(shape=self.read_data.shape(), depth=self.config.images)
        m.submodules.kept = kept = RAM(shape=self.kept, depth=self.config.images)
        keep, recall = kept.write_port(), kept.read_port()
        row, last_row = self.read_row, Signal()
        m.d.comb += last_row.eq(row + 1 == self.count)

        # Of the row: as found, as kept, or as given by u
        minimum, mantissa, shift, reciprocal = (
            Signal.like(signal, name=name, reset_less=True)
            for name, signal in (
                ("minimum", weights.minimum),
                ("mantissa", weights.mantissa),
                ("shift", weights.shift),
                ("reciprocal", weights.reciprocal),
            )
        )
        ties, scale = Signal.like(self.count, reset_less=True), Signal.like(secant.scale, reset_less=True)

        # A pass asks for a column a cycle; from which memory, and what for, says one of three
        restart, asking, asked, at_end = Signal(), Signal(), Signal(), Signal()
        scanning, weighing, sharing = Signal(), Signal(), Signal()
        # What comes from outside is held first: it comes late in its cycle
        came, distance = Signal(), Signal.like(self.read_data, reset_less=True)
        m.d.sync += [asked.eq(asking), came.eq(asked & (scanning | sharing))]
        with m.If(asked & (scanning | sharing)):
            m.d.sync += distance.eq(self.read_data)
        place = self._walk(m, restart, asking, (scanning & came) | self.share_valid, at_end)
        write, read = distances.write_port(), distances.read_port()
        m.d.comb += [
            self.read_enable.eq(asking & ~weighing),
            write.en.eq(scanning & came),
            write.addr.eq(place),
            write.data.eq(distance),
            read.en.eq(asking & weighing),
            read.addr.eq(self.read_column),
        ]
        began = Signal()
        maximum = self._find_range(m, began, scanning & came, distance, minimum, ties)

        m.d.comb += [
            weights.valid.eq(Mux(sharing, came, asked & ~scanning)),
            weights.distance.eq(Mux(sharing, distance, Mux(scanning, maximum, read.data))),
            weights.minimum.eq(minimum),
            weights.mantissa.eq(mantissa),
            weights.shift.eq(shift),
            weights.reciprocal.eq(reciprocal),
            weights.sharing.eq(sharing),
            entropy.s.eq(weights.s),
            entropy.t.eq(weights.t),
            secant.target.eq(self.target),
            secant.evaluations.eq(self.evaluations),
            secant.scale.eq(scale),
            secant.entropy.eq(entropy.entropy),
            self.share_valid.eq(weights.share_valid),
            self.share_row.eq(row),
            self.share_column.eq(place),
            self.share.eq(weights.share),
            keep.en.eq(self.o_rows.valid & self.o_rows.ready),
            keep.addr.eq(row),
            keep.data.minimum.eq(minimum),
            keep.data.mantissa.eq(mantissa),
            keep.data.shift.eq(shift),
            keep.data.reciprocal.eq(entropy.reciprocal),
            recall.addr.eq(row),
            recall.en.eq(0),
        ]
        fraction = self.config.profile.log_beta.fraction
        octave = secant.u[fraction:].as_signed()
        searched_row = secant.number.any()
        result = self.o_rows.payload
        m.d.comb += [
            result.row.eq(row),
            result.minimum.eq(minimum),
            result.scale.eq(scale),
            result.ties.eq(ties),
            result.status.eq(secant.status),
            result.mantissa.eq(Mux(searched_row, Cat(mantissa, Const(1, 1)), 0)),
            result.exponent.eq(Mux(searched_row, octave, 0)),
            result.entropy.eq(secant.last_entropy),
            result.evaluations.eq(secant.number),
        ]

        m.d.sync += [self.searched.eq(0), self.done.eq(0)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += row.eq(0)
                m.d.comb += secant.batch.eq(self.search)
                with m.If(self.search):
                    m.next = "ROW"
                with m.If(self.affinity):
                    m.next = "RECALL"

            # The search of a row: its range, the entropy of its ties, then evaluations
            with m.State("ROW"):
                m.d.comb += restart.eq(1)
                m.d.sync += [began.eq(0), mantissa.eq(-1), shift.eq(0)]  # a beta for ties alone
                m.next = "SCAN"
            with m.State("SCAN"):
                m.d.comb += [scanning.eq(1), asking.eq(1)]
                with m.If(at_end):
                    m.next = "MEASURE"
            with m.State("MEASURE"):
                m.d.comb += scanning.eq(1)
                with m.If(~asked & ~came):
                    m.d.comb += [
                        weights.load.eq(1),
                        weights.sum.eq(ties << self.config.profile.weight.fraction),
                        weights.measure.eq(1),
                        secant.row.eq(1),
                    ]
                    m.next = "TIES"
            with m.State("TIES"):
                m.d.sync += scale.eq(bit_length(weights.gap))
                m.d.comb += entropy.start.eq(1)
                m.next = "ENTROPY"
            with m.State("ENTROPY"), m.If(entropy.done):
                m.d.comb += secant.judge.eq(1)
                m.next = "JUDGE"
            with m.State("JUDGE"):
                with m.If(secant.proceed):
                    m.next = "EVALUATE"
                with m.If(secant.ended):
                    m.d.comb += [entropy.start.eq(1), entropy.invert.eq(1)]
                    m.next = "INVERT"
            with m.State("EVALUATE"):
                m.d.comb += [weights.load.eq(1), restart.eq(1)]
                m.d.sync += [
                    mantissa.eq(look_up(MANTISSA, 1, secant.u[:fraction])),
                    shift.eq(scale + 3 - octave),
                ]
                m.next = "WEIGH"
            with m.State("WEIGH"):
                m.d.comb += [weighing.eq(1), asking.eq(1)]
                with m.If(at_end):
                    m.next = "SUM"
            with m.State("SUM"), m.If(~asked & ~weights.busy):
                m.d.comb += entropy.start.eq(1)
                m.next = "ENTROPY"
            with m.State("INVERT"), m.If(entropy.done):
                m.next = "REPORT"
            with m.State("REPORT"):
                m.d.comb += self.o_rows.valid.eq(1)
                with m.If(self.o_rows.ready):
                    m.d.sync += [self.searched.eq(last_row), row.eq(row + 1)]
                    m.next = "ROW"
                    with m.If(last_row):
                        m.next = "IDLE"

            # The affinities of a row
            with m.State("RECALL"):
                m.d.comb += [recall.en.eq(1), restart.eq(1)]
                m.next = "RECALLED"
            with m.State("RECALLED"):
                m.d.sync += [
                    minimum.eq(recall.data.minimum),
                    mantissa.eq(recall.data.mantissa),
                    shift.eq(recall.data.shift),
                    reciprocal.eq(recall.data.reciprocal),
                ]
                m.next = "SHARE"
            with m.State("SHARE"):
                m.d.comb += [sharing.eq(1), asking.eq(1)]
                with m.If(at_end):
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.comb += sharing.eq(1)
                with m.If(~asked & ~came & ~weights.busy):
                    m.d.sync += [self.done.eq(last_row), row.eq(row + 1)]
                    m.next = "RECALL"
                    with m.If(last_row):
                        m.next = "IDLE"
        return m

    def _walk(self, m: Module, restart: Value, asking: Value, came: Value, at_end: Signal) -> Signal:
        """Columns but i, ascending: ``read_column`` steps while ``asking``; returns the column of what comes.

        ``restart`` leads both to the first column of the row; ``at_end``: the last is asked for.
        """
        column, place, row = self.read_column, Signal.like(self.read_column), self.read_row

        def following(value: Value) -> Value:
            """The next column, by one adder."""
            beside = value == row - 1
            return (Cat(beside, value) + Cat(beside, Const(1, 1)))[1:]

        m.d.comb += at_end.eq(following(column) == self.count)
        for counter, counts in ((column, asking), (place, came)):
            with m.If(restart):
                m.d.sync += counter.eq(row == 0)
            with m.Elif(counts):
                m.d.sync += counter.eq(following(counter))
        return place

    def _find_range(
        self, m: Module, began: Signal, came: Value, distance: Value, minimum: Signal, ties: Signal
    ) -> Signal:
        """min_i and m_i of the distances that came since ``began`` was 0; returns the largest."""
        maximum = Signal.like(distance, reset_less=True)
        with m.If(came):
            m.d.sync += began.eq(1)
            with m.If(~began | (distance < minimum)):
                m.d.sync += [minimum.eq(distance), ties.eq(1)]
            with m.Elif(distance == minimum):
                m.d.sync += ties.eq(ties + 1)
            with m.If(~began | (distance > maximum)):
                m.d.sync += maximum.eq(distance)
        return maximum
