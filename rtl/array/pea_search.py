# SPDX-License-Identifier: Apache-2.0
"""The search phase of the array (PEA): a row broadcast to all processing elements (PEs)."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.hdl import Assert
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.array.pe import PE
from nms.rtl.array.walk import TriangleWalk, pair_shape
from nms.rtl.lib.flow import delay
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import BufferedFIFO
from nms.rtl.lib.signatures import EXPONENT, Payloads


class SearchPhase(Block):
    """Passes of a row over the candidates, S and T out; or one row's weights out (contract, section 6).

    A pass sends the normalised distances dn = (D_ij - min_i) << (DW - L_i) of a row, j ascending without i,
    to the PEs, each of which has one candidate of the row. A pass begins only when its sums have room in the
    queue behind the PEs, and a weight is only asked for when it has room: so nothing in a PE ever waits, and
    a stream that is not taken loses nothing.

    Parameters
    ----------
    config : ``images``, ``pixels``, ``pes`` and the formats give the widths

    Members
    -------
    count : N, constant while trials or queries are under way
    i_trials : candidates, in runs of ``pes`` of one row
    i_queries : rows whose weights are wanted; they wait for trials that are offered
    o_sums : ``{s, t}`` in the order of the trials
    o_weights : N - 1 weights of a row, j ascending without i
    read_address, read_enable, read_data : port of the distance memory; data one cycle later
    scale_address, scale_enable, scale_data : port of the table of ``{minimum, scale}`` by row; data one cycle
        later, held while not enabled
    mantissa, exponent, load : the candidate for the PE whose bit of ``load`` is set
    dn, dn_valid, dn_first, dn_last, ties_only : to all PEs, but for ``dn_valid``: a bit for each PE
    sums : ``{s, t}`` of each PE
    sums_done : all sums are valid
    weight, weight_valid : of the first PE

    Latency
    -------
    Four cycles from the address of a distance to its dn.

    Throughput
    ----------
    One distance a cycle; while there are trials, passes follow each other every max(N - 1, ``pes`` + 7)
    cycles.

    Reset
    -----
    No pass runs, and the queues are empty.

    Raises
    ------
    In simulation, trials of two rows in one run fail an assertion.
    """

    module = "pea_search"

    def __init__(self, config: Config) -> None:
        self.config, self.pe, derived = config, PE(config), config.derived
        self.parameters = (config,)
        payloads, profile = Payloads(config), config.profile
        super().__init__(
            {
                "count": In(derived.count_width),
                "i_trials": In(stream.Signature(payloads.trial)),
                "i_queries": In(stream.Signature(payloads.query)),
                "o_sums": Out(stream.Signature(payloads.sums)),
                "o_weights": Out(stream.Signature(payloads.weight)),
                "read_address": Out(pair_shape(config)),
                "read_enable": Out(1),
                "read_data": In(payloads.distance),
                "scale_address": Out(payloads.index),
                "scale_enable": Out(1),
                "scale_data": In(payloads.scale),
                "mantissa": Out(profile.mantissa.width),
                "exponent": Out(EXPONENT),
                "load": Out(config.pes),
                "dn": Out(payloads.distance),
                "dn_valid": Out(config.pes),
                "dn_first": Out(1),
                "dn_last": Out(1),
                "ties_only": Out(1),
                "sums": In(payloads.sums).array(config.pes),
                "sums_done": In(1),
                "weight": In(payloads.weight),
                "weight_valid": In(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the address of a distance to its dn."""
        return 4

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total, width = self.config.pes, self.config.derived.distance_width
        m.submodules.walk = walk = TriangleWalk(self.config)
        depth = 1 << (self.pe.weight_latency + 8).bit_length()
        m.submodules.weights = weights = BufferedFIFO(width=len(self.weight), depth=depth)
        room = max(4 * total, 32)
        m.submodules.queue = queue = BufferedFIFO(width=self.o_sums.payload.shape().size, depth=room)

        # Candidates for the next pass: ``pes`` trials of a row, or one query.
        row, k = Signal(self.config.derived.index_width), Signal(range(total))
        full, started, prepared = Signal(), Signal(), Signal()
        query, ties_only = Signal(), Signal()
        trial, asked = self.i_trials.payload, self.i_queries.payload
        m.d.comb += [
            self.i_trials.ready.eq(~full),
            self.i_queries.ready.eq(~full & (k == 0) & ~self.i_trials.valid),
            self.mantissa.eq(Mux(self.i_trials.valid, trial.mantissa, asked.mantissa)),
            self.exponent.eq(Mux(self.i_trials.valid, trial.exponent, asked.exponent)),
        ]
        with m.If(~full & self.i_trials.valid):
            m.d.comb += self.load.eq(1 << k)
            m.d.sync += [row.eq(trial.row), query.eq(0), ties_only.eq(0), k.eq(k + 1)]
            m.d.sync += Assert((k == 0) | (row == trial.row), "trials of two rows in one pass")
            with m.If(k == total - 1):
                m.d.sync += [k.eq(0), full.eq(1)]
        with m.Elif(self.i_queries.ready & self.i_queries.valid):
            m.d.comb += self.load.eq(1)
            m.d.sync += [row.eq(asked.row), query.eq(1), ties_only.eq(asked.ties_only), full.eq(1)]
        # the walk needs a row for two cycles before it starts
        fresh = Signal()
        m.d.sync += fresh.eq(self.load[0])
        m.d.comb += [self.scale_address.eq(row), self.scale_enable.eq(full & ~fresh & ~prepared & ~started)]
        with m.If(self.scale_enable):
            m.d.sync += prepared.eq(1)

        # Passes; results under way never exceed the room reserved for them. Taking the trials of a pass takes
        # longer than collecting its sums, so that these are gone before the next ones come.
        sums_due, weights_due = Signal(range(room + 1)), Signal(range(depth + 1))
        asking, asking_ties, starts = Signal(), Signal(), Signal()
        free = Mux(query, sums_due == 0, (weights_due == 0) & (sums_due + total <= room))
        m.d.comb += [
            walk.count.eq(self.count),
            walk.row.eq(row),
            walk.advance.eq(~asking | (weights_due != depth)),
            walk.start.eq(prepared & free & (~walk.valid | (walk.last & walk.advance))),
            starts.eq(walk.start & ~query),
        ]
        with m.If(walk.start):
            m.d.sync += [started.eq(1), prepared.eq(0), asking.eq(query), asking_ties.eq(ties_only)]
        issued = Signal()
        m.d.comb += issued.eq(walk.valid & walk.advance)
        m.d.sync += [
            sums_due.eq(sums_due + Mux(starts, total, 0) - (self.o_sums.valid & self.o_sums.ready)),
            weights_due.eq(weights_due + (issued & asking) - (self.o_weights.valid & self.o_weights.ready)),
        ]

        # The distance, minus its row's minimum, shifted to the top.
        flags = Cat(issued, issued & walk.first, issued & walk.last & ~asking, asking, asking_ties)
        flags = delay(m, flags, self.latency, reset_less=False)
        smallest, data, gap = Signal(width), Signal(width), Signal(width)
        up = Signal(range(width + 1))
        new_row = delay(m, issued & walk.first, 1)
        with m.If(new_row):
            m.d.sync += [smallest.eq(self.scale_data.minimum), up.eq(width - self.scale_data.scale)]
        m.d.comb += [self.read_address.eq(walk.address), self.read_enable.eq(issued)]
        m.d.sync += [
            data.eq(self.read_data),
            gap.eq(data - smallest),
            self.dn.eq(gap << delay(m, up, 1)),
        ]
        with m.If(flags[1]):
            m.d.sync += [full.eq(0), started.eq(0)]
        m.d.comb += [
            self.dn_valid.eq(Cat(flags[0], (flags[0] & ~flags[3]).replicate(total - 1))),
            self.dn_first.eq(flags[1]),
            self.dn_last.eq(flags[2]),
            self.ties_only.eq(flags[4]),
        ]

        # Results: S and T one PE after the other, weights of the first PE.
        collecting, which = Signal(), Signal(range(total))
        collects = Signal()
        m.d.comb += collects.eq(self.sums_done | collecting)
        with m.If(collects):
            m.d.sync += [which.eq(which + 1), collecting.eq(1)]
            with m.If(which == total - 1):
                m.d.sync += [which.eq(0), collecting.eq(0)]
        m.d.sync += [
            queue.w_en.eq(collects),
            queue.w_data.eq(Array(sums.as_value() for sums in self.sums)[which]),
        ]
        m.d.comb += [
            weights.w_en.eq(self.weight_valid & asking),
            weights.w_data.eq(self.weight),
            self.o_sums.payload.eq(queue.r_data),
            self.o_sums.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o_sums.ready),
            self.o_weights.payload.eq(weights.r_data),
            self.o_weights.valid.eq(weights.r_rdy),
            weights.r_en.eq(self.o_weights.ready),
        ]
        return m
