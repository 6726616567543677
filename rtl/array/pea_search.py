# SPDX-License-Identifier: Apache-2.0
"""The search phase of the array: a row broadcast to all PEs, their sums or the weights of one out."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.hdl import Assert
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import ReadPort

from nms.rtl.array.pe import PE
from nms.rtl.array.walk import TriangleWalk
from nms.rtl.lib.flow import delay
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.signatures import EXPONENT


def search(m: Module, pea: Block, pes: list[PE], read: ReadPort, table: ReadPort) -> None:
    """Passes of a row over the candidates, S and T out; or one row's weights out.

    A pass begins only when its sums have room in the queue behind the PEs, a weight is only asked for
    when it has: so nothing in a PE ever waits, and nobody who does not take loses anything.

    Drives the streams of trials, sums, queries and weights of the array; ``read`` is a port of the distance
    memory, ``table`` one of {minimum, scale} by row.
    """
    total, width = pea.config.pes, pea.derived.distance_width
    m.submodules.walk = walk = TriangleWalk(pea.config)
    depth = 1 << (pea.pe.weight_latency + 8).bit_length()
    m.submodules.weights = weights = SyncFIFOBuffered(width=len(pea.o_weights.payload), depth=depth)
    room = max(4 * total, 32)
    m.submodules.sums = sums = SyncFIFOBuffered(width=2 * len(pea.pe.s), depth=room)

    # Candidates for the next pass: ``pes`` trials of a row, or one query.
    row, k = Signal(pea.derived.index_width), Signal(range(total))
    full, started, prepared = Signal(), Signal(), Signal()
    query, ties_only = Signal(), Signal()
    trial, asked = pea.i_trials.payload, pea.i_queries.payload
    loads = Signal(total)
    mantissa, exponent = Signal.like(trial.mantissa), Signal(EXPONENT)
    m.d.comb += [
        pea.i_trials.ready.eq(~full),
        pea.i_queries.ready.eq(~full & (k == 0) & ~pea.i_trials.valid),
        mantissa.eq(Mux(pea.i_trials.valid, trial.mantissa, asked.mantissa)),
        exponent.eq(Mux(pea.i_trials.valid, trial.exponent, asked.exponent)),
    ]
    with m.If(~full & pea.i_trials.valid):
        m.d.comb += loads.eq(1 << k)
        m.d.sync += [row.eq(trial.row), query.eq(0), ties_only.eq(0), k.eq(k + 1)]
        m.d.sync += Assert((k == 0) | (row == trial.row), "trials of two rows in one pass")
        with m.If(k == total - 1):
            m.d.sync += [k.eq(0), full.eq(1)]
    with m.Elif(pea.i_queries.ready & pea.i_queries.valid):
        m.d.comb += loads.eq(1)
        m.d.sync += [row.eq(asked.row), query.eq(1), ties_only.eq(asked.ties_only), full.eq(1)]
    # the walk needs a row for two cycles before it starts
    fresh = Signal()
    m.d.sync += fresh.eq(loads[0])
    m.d.comb += [table.addr.eq(row), table.en.eq(full & ~fresh & ~prepared & ~started)]
    with m.If(table.en):
        m.d.sync += prepared.eq(1)

    # Passes; results under way never exceed the room reserved for them. Taking the trials of a pass takes
    # longer than collecting its sums, so that these are gone before the next ones come.
    sums_due, weights_due = Signal(range(room + 1)), Signal(range(depth + 1))
    asking, asking_ties, starts = Signal(), Signal(), Signal()
    free = Mux(query, sums_due == 0, (weights_due == 0) & (sums_due + total <= room))
    m.d.comb += [
        walk.count.eq(pea.count),
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
        sums_due.eq(sums_due + Mux(starts, total, 0) - (pea.o_sums.valid & pea.o_sums.ready)),
        weights_due.eq(weights_due + (issued & asking) - (pea.o_weights.valid & pea.o_weights.ready)),
    ]

    # The distance, minus its row's minimum, shifted to the top.
    flags = Cat(issued, issued & walk.first, issued & walk.last & ~asking, asking, asking_ties)
    flags = delay(m, flags, 4, reset_less=False)
    smallest, data, gap = Signal(width), Signal(width), Signal(width)
    dn = Signal(width)
    up = Signal(range(width + 1))
    new_row = delay(m, issued & walk.first, 1)
    with m.If(new_row):
        m.d.sync += [smallest.eq(table.data.minimum), up.eq(width - table.data.scale)]
    m.d.comb += [read.addr.eq(walk.address), read.en.eq(issued)]
    m.d.sync += [data.eq(read.data), gap.eq(data - smallest), dn.eq(gap << delay(m, up, 1))]
    with m.If(flags[1]):
        m.d.sync += [full.eq(0), started.eq(0)]
    for index, unit in enumerate(pes):
        m.d.comb += [
            unit.mantissa.eq(mantissa),
            unit.exponent.eq(exponent),
            unit.load.eq(loads[index]),
            unit.dn.eq(dn),
            unit.dn_valid.eq(flags[0] & ~flags[3] if index else flags[0]),
            unit.dn_first.eq(flags[1]),
            unit.dn_last.eq(flags[2]),
            unit.ties_only.eq(flags[4]),
        ]

    # Results: S and T one PE after the other, weights of the first PE.
    collecting, which = Signal(), Signal(range(total))
    begins, collects = Signal(), Signal()
    m.d.comb += [begins.eq(pes[0].sums_done), collects.eq(begins | collecting)]
    with m.If(collects):
        m.d.sync += [which.eq(which + 1), collecting.eq(1)]
        with m.If(which == total - 1):
            m.d.sync += [which.eq(0), collecting.eq(0)]
    m.d.sync += [
        sums.w_en.eq(collects),
        sums.w_data.eq(Array(Cat(unit.s, unit.t) for unit in pes)[which]),
    ]
    m.d.comb += [
        weights.w_en.eq(pes[0].weight_valid & asking),
        weights.w_data.eq(pes[0].weight),
        pea.o_sums.payload.eq(sums.r_data),
        pea.o_sums.valid.eq(sums.r_rdy),
        sums.r_en.eq(pea.o_sums.ready),
        pea.o_weights.payload.eq(weights.r_data),
        pea.o_weights.valid.eq(weights.r_rdy),
        weights.r_en.eq(pea.o_weights.ready),
    ]
