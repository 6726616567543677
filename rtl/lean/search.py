# SPDX-License-Identifier: Apache-2.0
"""The search of each row's beta by secants, and the affinities that follow from it."""

from amaranth import Cat, Const, Module, Mux, Signal, signed
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
    count, target, evaluations : N, the entropy of a row and the most evaluations of one; constant from
        ``search`` to ``done``
    search : begins the search of all rows, a pulse
    searched : the last row was taken from ``o_rows``, a pulse
    affinity : begins the affinities, a pulse, at any time after ``searched``
    done : all shares have been given, a pulse
    read_enable, read_row, read_column : D_ij is wanted, i != j
    read_data : it, one cycle later
    o_rows : what was found of each row, in order; ``mantissa`` is M, ``exponent`` q and ``scale`` L
    share_valid, share_row, share_column, share : p_j|i with its i and j, j ascending without i

    Latency
    -------
    A row takes N + 18 cycles, and each evaluation N + 18; a secant, from the second evaluation on that does
    not end the row, 13 more, and 6 for its division. The affinities of a row take N + 9 cycles.

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
        images, fraction = self.config.images, self.config.profile.log_beta.fraction
        m.submodules.distances = distances = RAM(shape=self.read_data.shape(), depth=images)
        m.submodules.kept = kept = RAM(shape=self.kept, depth=images)
        keep, recall = kept.write_port(), kept.read_port()
        row = self.read_row
        maximum = Signal.like(self.read_data, reset_less=True)
        minimum, scale, ties, mantissa, shift = (
            Signal.like(signal, name=name, reset_less=True)
            for name, signal in (
                ("minimum", weights.minimum),
                ("scale", secant.scale),
                ("ties", self.count),
                ("mantissa", weights.mantissa),
                ("shift", weights.shift),
            )
        )
        tied = secant.number == 0

        # A pass asks for a column a cycle; ``place`` is the column of what comes
        restart, scanning, weighing, sharing = Signal(), Signal(), Signal(), Signal()
        column, place = self.read_column, self.share_column
        asking, asked, at_end = Signal(), Signal(), Signal()
        last_row = row + 1 == self.count
        came = (scanning & asked) | self.share_valid
        m.d.comb += at_end.eq(column == self.count - 1 - last_row)
        m.d.sync += asked.eq(asking)
        for counter, counts in ((column, asking), (place, came)):
            with m.If(restart):
                m.d.sync += counter.eq(row == 0)
            with m.Elif(counts):
                m.d.sync += counter.eq(counter + 1 + (counter + 1 == row))

        write, read = distances.write_port(), distances.read_port()
        m.d.comb += [
            self.read_enable.eq(asking & ~weighing),
            write.en.eq(scanning & asked),
            write.addr.eq(place),
            write.data.eq(self.read_data),
            read.en.eq(asking & weighing),
            read.addr.eq(column),
            weights.valid.eq(asked & ~scanning),
            weights.distance.eq(Mux(sharing, self.read_data, Mux(scanning, maximum, read.data))),
            weights.minimum.eq(minimum),
            weights.mantissa.eq(mantissa),
            weights.shift.eq(shift),
            weights.reciprocal.eq(recall.data.reciprocal),
            weights.sharing.eq(sharing),
            entropy.s.eq(weights.s),
            entropy.t.eq(weights.t),
            secant.target.eq(self.target),
            secant.evaluations.eq(self.evaluations),
            secant.scale.eq(scale),
            secant.entropy.eq(entropy.entropy),
            self.share_valid.eq(weights.share_valid),
            self.share_row.eq(row),
            self.share.eq(weights.share),
        ]
        with m.If(scanning & asked):
            with m.If(self.read_data < minimum):
                m.d.sync += [minimum.eq(self.read_data), ties.eq(1)]
            with m.Elif(self.read_data == minimum):
                m.d.sync += ties.eq(ties + 1)
            with m.If(self.read_data > maximum):
                m.d.sync += maximum.eq(self.read_data)

        result = self.o_rows.payload
        m.d.comb += [
            result.row.eq(row),
            result.minimum.eq(minimum),
            result.scale.eq(scale),
            result.ties.eq(ties),
            result.status.eq(secant.status),
            result.mantissa.eq(Mux(tied, 0, Cat(mantissa, Const(1, 1)))),
            result.exponent.eq(Mux(tied, 0, secant.u[fraction:].as_signed())),
            result.entropy.eq(secant.last_entropy),
            result.evaluations.eq(secant.number),
            keep.en.eq(self.o_rows.valid & self.o_rows.ready),
            keep.addr.eq(row),
            keep.data.minimum.eq(minimum),
            keep.data.mantissa.eq(mantissa),
            keep.data.shift.eq(shift),
            keep.data.reciprocal.eq(entropy.reciprocal),
            recall.addr.eq(row),
            recall.en.eq(0),
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
            with m.State("ROW"):
                m.d.comb += restart.eq(1)
                m.d.sync += [minimum.eq(-1), maximum.eq(0), ties.eq(0), mantissa.eq(-1), shift.eq(0)]
                m.next = "SCAN"
            with m.State("SCAN"):
                m.d.comb += [scanning.eq(1), asking.eq(1)]
                with m.If(at_end):
                    m.next = "SCANNED"
            with m.State("SCANNED"):
                m.d.comb += scanning.eq(1)
                with m.If(~asked):
                    m.d.comb += [
                        weights.load.eq(1),
                        weights.sum.eq(ties << self.config.profile.weight.fraction),
                        weights.measure.eq(1),
                        secant.row.eq(1),
                    ]
                    m.next = "DIVIDE"
            with m.State("DIVIDE"):
                m.d.comb += entropy.start.eq(1)
                m.d.sync += scale.eq(bit_length(weights.gap))
                m.next = "DIVIDED"
            with m.State("DIVIDED"):
                m.d.comb += secant.judge.eq(entropy.done)
                with m.If(entropy.done):
                    m.next = "JUDGED"
            with m.State("JUDGED"):
                with m.If(secant.proceed):
                    m.next = "WEIGH FROM U"
                with m.If(secant.ended):
                    m.d.comb += [entropy.start.eq(1), entropy.invert.eq(1)]
                    m.next = "INVERTED"
            with m.State("WEIGH FROM U"):
                m.d.comb += [weights.load.eq(1), restart.eq(1)]
                m.d.sync += [
                    mantissa.eq(look_up(MANTISSA, 1, secant.u[:fraction])),
                    shift.eq(scale + 3 - secant.u[fraction:].as_signed()),
                ]
                m.next = "WEIGH"
            with m.State("WEIGH"):
                m.d.comb += [weighing.eq(1), asking.eq(1)]
                with m.If(at_end):
                    m.next = "WEIGHED"
            with m.State("WEIGHED"), m.If(~asked & ~weights.busy):
                m.d.comb += entropy.start.eq(1)
                m.next = "DIVIDED"
            with m.State("INVERTED"), m.If(entropy.done):
                m.next = "REPORT"
            with m.State("REPORT"):
                m.d.comb += self.o_rows.valid.eq(1)
                with m.If(self.o_rows.ready):
                    m.d.sync += [self.searched.eq(last_row), row.eq(row + 1)]
                    m.next = "ROW"
                    with m.If(last_row):
                        m.next = "IDLE"
            with m.State("RECALL"):
                m.d.comb += [recall.en.eq(1), restart.eq(1)]
                m.next = "RECALLED"
            with m.State("RECALLED"):
                m.d.sync += [
                    minimum.eq(recall.data.minimum),
                    mantissa.eq(recall.data.mantissa),
                    shift.eq(recall.data.shift),
                ]
                m.next = "SHARE"
            with m.State("SHARE"):
                m.d.comb += [sharing.eq(1), asking.eq(1)]
                with m.If(at_end):
                    m.next = "SHARED"
            with m.State("SHARED"):
                m.d.comb += sharing.eq(1)
                with m.If(~asked & ~weights.busy):
                    m.d.sync += [self.done.eq(last_row), row.eq(row + 1)]
                    m.next = "RECALL"
                    with m.If(last_row):
                        m.next = "IDLE"
        return m
