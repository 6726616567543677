# SPDX-License-Identifier: Apache-2.0
"""The whole sampler: the sequencer of the phases, and the connections between the blocks.

The blocks are the array of processing elements (PEA), the start values (Seeds), the search by differential
evolution (DE), the affinities (Affinity), the update array of the embedding (TE), the grid (Grid) and, with
``picks``, the keys of the picks (Picks).
"""

from amaranth import (
    ClockDomain,
    ClockSignal,
    Const,
    DomainRenamer,
    Module,
    Mux,
    ResetSignal,
    Signal,
    Value,
    unsigned,
)
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from nms.contract.config import Config
from nms.contract.readout import Phase, Readout
from nms.contract.settings import Pick, Search
from nms.contract.tables import Status
from nms.rtl.array.pea import PEA
from nms.rtl.embedding.affinity import Affinity
from nms.rtl.embedding.te import TE
from nms.rtl.lib.flow import Queue
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.prng import Seeds
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import Payloads
from nms.rtl.search.de import DE
from nms.rtl.selection.grid import Grid
from nms.rtl.selection.picks import Picks

COUNTER = 40
"""Bits of a cycle counter."""


def settings_layout(config: Config) -> dict[str, int]:
    """Run-time settings and their widths; ``words`` is ceil(pixels / lanes), ``search`` is a ``Search``."""
    derived = config.derived
    return {
        "count": derived.count_width,
        "words": derived.words.bit_length(),
        "pixels": config.pixels.bit_length(),
        "keep": derived.count_width,
        "target": config.profile.perplexity.width,
        "iterations": 16,
        "exaggerated": 16,
        "seed": 32,
        "search": bits_for(max(Search)),
        **({} if config.side else {"send_images": 1}),
        **({"pick": bits_for(max(Pick))} if config.picks else {}),
    }


def request_layout(config: Config) -> data.StructLayout:
    """One value to read out: the table's number (:class:`Readout`), row and column."""
    index = config.derived.index_width
    return data.StructLayout({"table": unsigned(4), "row": index, "column": index})


class Sampler(Block):
    """Images in, kept indices out: all blocks and the sequence of the phases (contract, sections 5 to 13).

    The image memory has two halves, which are filled in turn and computed on in turn. A ``load`` pulse
    while ``load_ready`` takes one batch into the free half, whatever else goes on; other ``load`` pulses
    are ignored.

    A ``start`` pulse while idle samples the settings and checks them in the next cycle (later if a value is
    just being read out): if one is illegal, ``error`` is set; otherwise the phases run in order. LOAD ends
    as soon as a half holds a whole batch; ``count`` and ``words`` must be those with which it was loaded.
    From EMIT on the half is free again or, with ``send_images``, as soon as its kept images were sent. A
    ``start`` while busy is ignored. A single batch needs ``load`` and ``start`` in the same cycle; a load
    that is asked for together with a start that is refused is refused as well.

    With ``side``, images come reduced, kept ones are not sent, and what below belongs to that is not there.

    Parameters
    ----------
    config : all

    Members
    -------
    count, words : N and ceil(pixels / lanes); sampled with ``load`` and with ``start``
    pixels, keep, target, iterations, exaggerated, seed, search, send_images : settings, sampled with
        ``start``
    pick : a Pick, likewise; with ``picks`` alone
    load, start : pulses
    load_ready : a half is free, no load is under way and no settings are just being checked
    abort_run : resets the sampler and all blocks, in any cycle
    phase : the phase that runs, a Phase
    busy : from the cycle after ``start`` to the end of EMIT or to the error
    done, error : how the last run ended, until the next start
    sending : kept images are still to be taken
    cycles_load, cycles_distance, cycles_search, cycles_affinity, cycles_embed, cycles_grid, cycles_emit :
        cycles of the last run in each phase, in LOAD those that it waited for its batch; cleared by a start
    cycles_pick : likewise, with ``picks``
    trials : candidates that its search evaluated; cleared by a start
    i_images : count * words words of a batch, image by image (see ``Payloads.pixels``)
    o_kept : the kept indices, ascending, in EMIT; it waits for the images of the batch before, not for
        those of its own
    o_pixels : with ``send_images``, the words of the kept images, ascending: an image follows its index as
        soon as that was taken, also while the next batch is computed
    i_read : a value to read out, taken while not busy; outside the tables it is undefined
    o_read : this value, offered until it is taken, also across a start

    Latency
    -------
    The sum of the phases' cycles, which ``cycles_<phase>`` tell; checking the settings takes one cycle.

    Throughput
    ----------
    A batch is loaded while the one before is computed and the one before that is sent.

    Reset
    -----
    One cycle after ``rst`` or ``abort_run`` all is as after power-on: IDLE, both halves free, whatever was
    loaded.
    """

    module = "sampler"

    def __init__(self, config: Config) -> None:
        self.config = config
        self.parameters = (config,)
        self.payloads = payloads = Payloads(config)
        super().__init__(
            {name: In(width) for name, width in settings_layout(config).items()}
            | {
                "load": In(1),
                "load_ready": Out(1),
                "start": In(1),
                "abort_run": In(1),
                "phase": Out(range(max(config.phases) + 1)),
                "busy": Out(1),
                "done": Out(1),
                "error": Out(1),
            }
            | ({} if config.side else {"sending": Out(1)})
            | {f"cycles_{phase.name.lower()}": Out(COUNTER) for phase in config.phases}
            | {
                "trials": Out(COUNTER),
                "i_images": In(stream.Signature(payloads.pixels)),
                "o_kept": Out(stream.Signature(payloads.kept)),
            }
            | ({} if config.side else {"o_pixels": Out(stream.Signature(payloads.fetched))})
            | {
                "i_read": In(stream.Signature(request_layout(config))),
                "o_read": Out(stream.Signature(unsigned(64))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.core = core = ClockDomain("core", local=True)
        m.d.comb += [core.clk.eq(ClockSignal()), core.rst.eq(ResetSignal() | self.abort_run)]

        self.pea = instantiate(m, "pea", PEA(self.config), platform, "core")
        self.seeds = instantiate(m, "seeds", Seeds(self.config), platform, "core")
        self.de = instantiate(m, "de", DE(self.config), platform, "core")
        self.affinity = instantiate(m, "affinity", Affinity(self.config), platform, "core")
        self.te = instantiate(m, "te", TE(self.config), platform, "core")
        self.grid = instantiate(m, "grid", Grid(self.config), platform, "core")
        self.picks: Picks | None = None
        if self.config.picks:
            self.picks = instantiate(m, "picks", Picks(self.config), platform, "core")

        depth = self.config.images
        m.submodules.rows = self.rows = RAM(shape=self.payloads.row, depth=depth)
        m.submodules.results = self.results = RAM(shape=self.payloads.result, depth=depth)
        self.row_read = self.rows.read_port(domain="core")
        self.result_read = self.results.read_port(domain="core")
        self.result_wanted = Signal()
        m.d.comb += self.result_read.en.eq(self.result_wanted)

        self._sequence(m)
        self._load(m)
        self._connect(m)
        self._emit(m)
        self._search(m)
        self._affinity(m)
        self._points(m)
        self._read(m)
        return m

    def _sequence(self, m: Module) -> None:
        """Settings, their check, and the phases: each begins with a one-cycle ``enter``."""
        self.settings = settings = Signal(data.StructLayout(settings_layout(self.config)))
        for name in settings_layout(self.config):
            if name != "pixels":
                for block in (self.pea, self.seeds, self.de, self.affinity, self.te, self.grid, self.picks):
                    if block is not None and name in block.signature.members:
                        m.d.comb += getattr(block, name).eq(settings[name])

        self.checking = checking = Signal()
        self.legal = legal = Signal()
        phase = Signal(self.phase.shape())
        enter = Signal()
        self.asked = Signal(self.config.derived.count_width)  # rows or points handed on in this phase
        self.searched = Signal.like(self.asked)
        self.emitting = Signal()  # the images of the batch before have left
        self.emitted = Signal()  # the last kept index is taken
        self.reading = Signal()  # a block is being asked for a table's value
        m.d.comb += [
            self.phase.eq(phase),
            self.busy.eq(checking | (phase != Phase.IDLE)),
            *([] if self.config.side else [self.pea.held.eq(self.sending)]),
            self.seeds.start.eq(enter & (phase == Phase.LOAD)),
            self.pea.distance.eq(enter & (phase == Phase.DISTANCE)),
            self.pea.scan.eq(enter & (phase == Phase.SEARCH)),
            self.te.start.eq(enter & (phase == Phase.EMBED)),
            self.grid.start.eq(enter & (phase == Phase.GRID)),
        ]

        over = Signal()  # the phase's last cycle
        m.d.core += enter.eq(0)
        with m.If(over):
            m.d.core += [phase.eq(phase + 1), enter.eq(1), self.asked.eq(0)]  # after EMIT comes IDLE
        for working in self.config.phases:
            cycles = getattr(self, f"cycles_{working.name.lower()}")
            with m.If(phase == working):
                m.d.core += cycles.eq(cycles + 1)
            with m.If(self.start & ~self.busy):
                m.d.core += cycles.eq(0)

        with m.Switch(phase):
            with m.Case(Phase.IDLE):
                m.d.comb += legal.eq(~self._illegal())
                with m.If(checking & ~self.reading):
                    m.d.core += checking.eq(0)
                    with m.If(legal):
                        m.d.core += [phase.eq(Phase.LOAD), enter.eq(1), self.searched.eq(0)]
                    with m.Else():
                        m.d.core += self.error.eq(1)
                with m.Elif(self.start & ~checking):
                    m.d.core += [checking.eq(1), self.done.eq(0), self.error.eq(0), self.trials.eq(0)]
                    for name in settings_layout(self.config):
                        m.d.core += settings[name].eq(getattr(self, name))
            with m.Case(Phase.LOAD):
                m.d.comb += over.eq(self.pea.loaded)
            with m.Case(Phase.DISTANCE):
                m.d.comb += over.eq(self.pea.done)
            with m.Case(Phase.SEARCH):
                m.d.comb += over.eq(self.searched == settings.count)
            with m.Case(Phase.AFFINITY):
                m.d.comb += over.eq(self.affinity.done)
            with m.Case(Phase.EMBED):
                m.d.comb += over.eq(self.te.done)
            with m.Case(Phase.GRID):
                m.d.comb += over.eq(self.grid.o_kept.valid)
            with m.Case(Phase.EMIT):
                leaving = Const(0) if self.config.side else self.sending
                m.d.comb += [over.eq(self.emitted), self.pea.free.eq(~self.emitting & ~leaving)]
                with m.If(self.pea.free):
                    m.d.core += self.emitting.eq(1)
                    if not self.config.side:
                        m.d.core += self.sending.eq(self.settings.send_images)
                with m.If(over):
                    m.d.core += [self.emitting.eq(0), self.done.eq(1)]
        self.current = phase
        if self.picks is not None:
            self._pick(m, self.picks, phase, enter, over)

    def _pick(self, m: Module, picks: Picks, phase: Signal, enter: Signal, over: Signal) -> None:
        """Keys between GRID and EMIT, unless the centre is picked: of the grid's cells, back to the grid."""
        pea, te, grid = self.pea, self.te, self.grid
        m.d.comb += [
            grid.keyed.eq(self.settings.pick != Pick.CENTRE),
            picks.start.eq(enter & (phase == Phase.PICK)),
            picks.read_data.eq(pea.pair_distance),
            te.sum_enable.eq(picks.sum_enable),
            te.sum_row.eq(picks.sum_row),
            picks.row_sum.eq(te.row_sum),
        ]
        m.d.core += grid.rank.eq(picks.done)
        for name in ("cell_valid", "cell_index", "cell_id"):
            m.d.comb += getattr(picks, name).eq(getattr(grid, name))
        for name in ("key_valid", "key_index", "key_cell", "key"):
            m.d.comb += getattr(grid, name).eq(getattr(picks, name))
        with m.Switch(phase):
            with m.Case(Phase.GRID):
                m.d.comb += over.eq(Mux(grid.keyed, grid.placed, grid.o_kept.valid))
                with m.If(over & grid.keyed):
                    m.d.core += phase.eq(Phase.PICK)
            with m.Case(Phase.PICK):
                m.d.comb += over.eq(grid.o_kept.valid)
                with m.If(over):
                    m.d.core += phase.eq(Phase.EMIT)
            with m.Case(Phase.EMIT), m.If(over):
                m.d.core += phase.eq(Phase.IDLE)

    def _illegal(self) -> Value:
        """Whether a sampled setting is out of its range (contract, section 13)."""
        config, settings = self.config, self.settings
        fraction = config.profile.perplexity.fraction
        covered = settings.words * config.lanes
        illegal = (
            (settings.count < 4)
            | (settings.count > config.images)
            | (settings.pixels < 1)
            | (settings.pixels > config.pixels)
            | (covered < settings.pixels)
            | (covered >= settings.pixels + config.lanes)
            | (settings.keep < 1)
            | (settings.keep > settings.count)
            | (settings.target <= 1 << fraction)
            | (settings.target >= (settings.count - 1) << fraction)
        )
        return illegal | (settings.pick >= Pick.HERDING) if config.picks else illegal

    def _connect(self, m: Module) -> None:
        """Streams and ports that join two blocks for good."""
        connect(m, flipped(self.i_images), self.pea.i_pixels)
        if not self.config.side:
            connect(m, self.pea.o_pixels, flipped(self.o_pixels))
        connect(m, self.de.o_trials, self.pea.i_trials)
        connect(m, self.pea.o_sums, self.de.i_sums)
        connect(m, self.pea.o_weights, self.affinity.i_weights)
        m.d.comb += [
            self.affinity.enable.eq(self.te.word_enable),
            self.affinity.row.eq(self.te.row),
            self.affinity.block.eq(self.te.block),
            self.te.word.eq(self.affinity.word),
        ]

    def _load(self, m: Module) -> None:
        """Hand a load on to PEA, but not while the start that came with it may still be refused."""
        asked = Signal()
        m.d.comb += [
            self.load_ready.eq(self.pea.load_ready & ~asked & ~self.checking),
            self.pea.load.eq(asked & ~self.checking),
        ]
        taken, refused = self.pea.load & self.pea.load_ready, self.checking & ~self.reading & ~self.legal
        with m.If(taken | refused):
            m.d.core += asked.eq(0)
        with m.If(self.load & self.load_ready):
            m.d.core += [
                asked.eq(1),
                self.pea.load_count.eq(self.count),
                self.pea.load_words.eq(self.words),
            ]

    def _emit(self, m: Module) -> None:
        """The kept indices out and, if asked for, into a queue of images to be fetched: it holds them all."""
        queue = None if self.config.side else Queue(self.payloads.index, self.config.images)
        found = self.grid.o_kept
        if queue is not None:
            m.submodules.queue = DomainRenamer("core")(queue)
            connect(m, queue.o, self.pea.i_fetch)
        m.d.comb += [
            self.o_kept.payload.eq(found.payload),
            self.o_kept.valid.eq(found.valid & self.emitting),
            found.ready.eq(self.o_kept.ready & self.emitting),
            self.emitted.eq(found.valid & found.ready & found.p.last),
        ]
        if queue is None:
            return
        m.d.comb += [
            queue.i.payload.eq(found.p.index),
            queue.i.valid.eq(found.valid & found.ready & self.settings.send_images),
        ]
        fetching = queue.o.valid | ~self.pea.i_fetch.ready | self.o_pixels.valid
        with m.If(self.sending & ~self.emitting & ~fetching):
            m.d.core += self.sending.eq(0)

    def _search(self, m: Module) -> None:
        """Rows from the scan, with the start state of their random numbers, to DE; its results to memory."""
        pea, seeds, de = self.pea, self.seeds, self.de
        row = Signal(self.payloads.row)
        row_write = self.rows.write_port(domain="core")
        m.d.comb += [row_write.addr.eq(pea.o_rows.p.row), row_write.data.eq(pea.o_rows.p)]
        with m.If(self.current == Phase.SEARCH), m.FSM(domain="core"):
            with m.State("row"):
                m.d.comb += pea.o_rows.ready.eq(1)
                with m.If(pea.o_rows.valid):
                    m.d.comb += row_write.en.eq(1)
                    m.d.core += row.eq(pea.o_rows.p)
                    m.next = "seed"
            with m.State("seed"):
                m.d.comb += [seeds.i_read.payload.eq(row.row), seeds.i_read.valid.eq(1)]
                with m.If(seeds.i_read.ready):
                    m.next = "task"
            with m.State("task"):
                m.d.comb += [
                    de.i_tasks.p.row.eq(row.row),
                    de.i_tasks.p.ties.eq(row.ties),
                    de.i_tasks.p.state.eq(seeds.o_read.p.state),
                    de.i_tasks.valid.eq(seeds.o_read.valid),
                    seeds.o_read.ready.eq(de.i_tasks.ready),
                ]
                with m.If(de.i_tasks.valid & de.i_tasks.ready):
                    m.next = "row"

        result_write = self.results.write_port(domain="core")
        m.d.comb += [
            result_write.addr.eq(de.o_results.p.row),
            result_write.data.eq(de.o_results.p),
            result_write.en.eq(de.o_results.valid),
            de.o_results.ready.eq(1),
        ]
        with m.If(de.o_results.valid):
            m.d.core += self.searched.eq(self.searched + 1)
        with m.If(de.o_trials.valid & de.o_trials.ready):
            m.d.core += self.trials.eq(self.trials + 1)

    def _affinity(self, m: Module) -> None:
        """Each row's result as a query to PEA and as a scaling to Affinity."""
        query, scaling = self.pea.i_queries, self.affinity.i_scalings
        found = self.result_read.data
        ties_only = (found.status == Status.INFEASIBLE) | (found.status == Status.SATURATED)
        m.d.comb += [
            query.p.row.eq(found.row),
            query.p.mantissa.eq(found.mantissa),
            query.p.exponent.eq(found.exponent),
            query.p.ties_only.eq(ties_only),
            scaling.p.row.eq(found.row),
            scaling.p.reciprocal.eq(found.reciprocal),
            scaling.p.shift.eq(found.shift),
        ]
        with m.If(self.current == Phase.AFFINITY):
            m.d.comb += self.result_read.addr.eq(self.asked)
            with m.FSM(domain="core"):
                with m.State("fetch"), m.If(self.asked != self.settings.count):
                    m.d.comb += self.result_wanted.eq(1)
                    m.next = "scaling"
                with m.State("scaling"):
                    m.d.comb += scaling.valid.eq(1)
                    with m.If(scaling.ready):
                        m.next = "query"
                with m.State("query"):
                    m.d.comb += query.valid.eq(1)
                    with m.If(query.ready):
                        m.d.core += self.asked.eq(self.asked + 1)
                        m.next = "fetch"

    def _points(self, m: Module) -> None:
        """Points 0 to N-1: the initial ones to TE in EMBED, the embedded ones to Grid in GRID."""
        for phase, source, value, target in (
            (Phase.EMBED, self.seeds, self.seeds.o_read.p.point, self.te.i_points),
            (Phase.GRID, self.te, self.te.o_read.p, self.grid.i_points),
        ):
            m.d.comb += target.p.eq(value)
            with m.If(self.current == phase):
                m.d.comb += [
                    source.i_read.payload.eq(self.asked),
                    source.i_read.valid.eq(self.asked != self.settings.count),
                    target.valid.eq(source.o_read.valid),
                    source.o_read.ready.eq(target.ready),
                ]
                with m.If(source.i_read.valid & source.i_read.ready):
                    m.d.core += self.asked.eq(self.asked + 1)

    def _read(self, m: Module) -> None:
        """One table value at a time: asked of the block that holds it, kept, then offered."""
        request = Signal(request_layout(self.config))
        first, asks = request.column == 0, Signal()
        row, result = self.row_read.data, self.result_read.data
        initial, embedded = self.seeds.o_read.p.point, self.te.o_read.p
        values: dict[Readout, Value] = {
            Readout.DISTANCE: self.pea.o_read.payload,
            Readout.MINIMUM: row.minimum,
            Readout.SCALE: row.scale,
            Readout.TIES: row.ties,
            Readout.MANTISSA: result.mantissa,
            Readout.EXPONENT: result.exponent,
            Readout.PERPLEXITY: result.perplexity,
            Readout.GENERATIONS: result.generations,
            Readout.STATUS: result.status,
            Readout.AFFINITY: self.affinity.o_read.payload,
            Readout.EMBEDDING_INIT: Mux(first, initial.x, initial.y),
            Readout.EMBEDDING: Mux(first, embedded.x, embedded.y),
        }
        holders = {
            Readout.DISTANCE: self.pea,
            Readout.AFFINITY: self.affinity,
            Readout.EMBEDDING_INIT: self.seeds,
            Readout.EMBEDDING: self.te,
        }
        m.d.comb += [
            self.row_read.addr.eq(request.row),
            self.row_read.en.eq(asks),
            self.pea.i_read.p.row.eq(request.row),
            self.pea.i_read.p.column.eq(request.column),
            self.affinity.i_read.p.row.eq(request.row),
            self.affinity.i_read.p.column.eq(request.column),
        ]
        with m.FSM(domain="core"):
            with m.State("request"):
                m.d.comb += self.i_read.ready.eq(~self.busy)
                with m.If(self.i_read.valid & self.i_read.ready):
                    m.d.core += request.eq(self.i_read.p)
                    m.next = "ask"
            with m.State("ask"):
                m.d.comb += [self.reading.eq(1), asks.eq(1), self.result_wanted.eq(1)]
                with m.Switch(request.table):
                    for table, holder in holders.items():
                        with m.Case(table):
                            m.d.comb += holder.i_read.valid.eq(1)
                            with m.If(holder.i_read.ready):
                                m.next = "take"
                    with m.Default():
                        m.next = "take"
            with m.State("take"):
                m.d.comb += self.reading.eq(1)
                with m.Switch(request.table):
                    for table, value in values.items():
                        with m.Case(table):
                            m.d.core += self.o_read.payload.eq(value)
                            if table in holders:
                                answer = holders[table].o_read
                                m.d.comb += answer.ready.eq(1)
                                with m.If(answer.valid):
                                    m.next = "offer"
                            else:
                                m.next = "offer"
                    with m.Default():
                        m.d.core += self.o_read.payload.eq(0)
                        m.next = "offer"
            with m.State("offer"):
                m.d.comb += self.o_read.valid.eq(1)
                with m.If(self.o_read.ready):
                    m.next = "request"
        if self.picks is not None:
            with m.If(self.current == Phase.PICK):
                m.d.comb += [
                    self.pea.pair_enable.eq(self.picks.read_enable),
                    self.pea.i_read.p.row.eq(self.picks.read_row),
                    self.pea.i_read.p.column.eq(self.picks.read_column),
                ]
        with m.If(self.current == Phase.IDLE):
            m.d.comb += [
                self.seeds.i_read.payload.eq(request.row),
                self.te.i_read.payload.eq(request.row),
                self.result_read.addr.eq(request.row),
            ]
