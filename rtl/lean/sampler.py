# SPDX-License-Identifier: Apache-2.0
"""The core of the lean sampler: the sequencer of its phases, and the connections between its blocks.

The blocks are the reduction (Reduce), the distances (Distances) and their memory (PairMemory), herding
(Herding) and, for the method ``lean``, the picks from a map (MapPick).
"""

from amaranth import (
    Cat,
    ClockDomain,
    ClockSignal,
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

from nms.contract.config import LeanConfig, ReducedConfig
from nms.contract.readout import Phase, Readout
from nms.contract.settings import Pick
from nms.rtl.lean.distances import Distances
from nms.rtl.lean.map_pick import MapPick
from nms.rtl.lean.map_pick import settings_layout as map_settings
from nms.rtl.lean.pairs import PairMemory
from nms.rtl.lib.fixed import bit_length
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.signatures import make_kept
from nms.rtl.reduction.near_duplicates import THRESHOLD, NearDuplicates
from nms.rtl.reduction.reduce import Reduce
from nms.rtl.reduction.standing import Standing
from nms.rtl.selection.herding import Herding

MAPPED = (Phase.SEARCH, Phase.AFFINITY, Phase.EMBED, Phase.GRID)
"""The phases that a batch without a map skips."""

COUNTER = 32
"""Bits of a cycle counter."""

IMAGE_SETTINGS = ("height", "width", "channels", "planes", "grey", "side", "pixels")
"""The settings that the reduction checks."""


def settings_layout(config: ReducedConfig) -> dict[str, int]:
    """Run-time settings and their widths."""
    count = config.derived.count_width
    return {
        "height": 13,
        "width": 13,
        "channels": 2,
        "planes": 1,
        "grey": 1,
        "side": 6,
        "pixels": 26,
        "threshold": THRESHOLD,
        "window": 9,
        "across": 1,
        "count": count,
        "keep": count,
    } | (map_settings(config) if isinstance(config, LeanConfig) else {})


def request_layout(config: ReducedConfig) -> data.StructLayout:
    """One value to read out: the table's number (:class:`Readout`), row and column."""
    index = config.derived.index_width
    return data.StructLayout({"table": unsigned(4), "row": index, "column": index})


class LeanSampler(Block):
    """Images in, kept indices out: all blocks and the sequence of the phases (contract, sections 14 to 18).

    A job begins with ``prepare``, which checks the settings of an image. Then a ``load`` pulse while
    ``load_ready`` takes one batch, as soon as the distances of the one before are computed. A ``start`` pulse
    while idle checks the other settings in the next cycle: if one is illegal, ``error`` is set; otherwise the
    phases run in order, and LOAD ends as soon as a whole batch is there. A ``start`` while busy is ignored.

    Parameters
    ----------
    config : all

    Members
    -------
    height, width, channels, planes, grey, side, pixels : settings of an image; constant from ``prepare`` to
        the last word of the job
    threshold, window, across : settings of the removal of near-duplicates; constant likewise
    count, keep : N and K; constant from ``load`` to the end of the batch's EMIT
    target, iterations, exaggerated, evaluations, pick, seed : settings of a map, likewise; of the method
        ``lean``
    prepare : a pulse while idle
    prepared : the settings of an image are checked, and nothing but ``prepare``, a reset or ``abort_run``
        changes that
    illegal : one of them is out of its range, valid while ``prepared``
    load, start : pulses
    load_ready : ``prepared``, and a batch can be taken
    abort_run : resets the sampler and all blocks, in any cycle
    phase : the phase that runs, a Phase
    busy : from the cycle after ``start`` to the end of EMIT or to the error
    done, error : how the last run ended, until the next start
    cycles_load, cycles_distance, cycles_pick, cycles_emit : cycles of the last run in each phase, in LOAD
        those that it waited for its batch; there at the phase's end
    standing : images of the last run that are no near-duplicates; from the end of LOAD on
    cycles_search, cycles_affinity, cycles_embed, cycles_grid : likewise, 0 of a phase that was skipped; of
        the method ``lean``
    i_words : the words of a batch's images, one image after the other; ``last`` with an image's last word
    o_kept : the kept indices, ascending, in EMIT
    i_read : a value to read out, taken while idle; outside the tables it is undefined, and 0 where the last
        batch went without a map
    o_read : this value, offered until it is taken; a start waits for that

    Latency
    -------
    The sum of the phases' cycles, which ``cycles_<phase>`` tell; checking the settings takes one cycle, and
    each phase one to begin.

    Throughput
    ----------
    A batch is loaded while the kept images of the one before are found.

    Reset
    -----
    One cycle after ``rst`` or ``abort_run`` all is as after power-on: IDLE, nothing prepared, nothing loaded.
    """

    module = "lean_sampler"

    def __init__(self, config: ReducedConfig) -> None:
        self.config = config
        self.parameters = (config,)
        super().__init__(
            {name: In(width) for name, width in settings_layout(config).items()}
            | {
                "prepare": In(1),
                "prepared": Out(1),
                "illegal": Out(1),
                "load": In(1),
                "load_ready": Out(1),
                "start": In(1),
                "abort_run": In(1),
                "standing": Out(config.derived.count_width),
                "phase": Out(Phase),
                "busy": Out(1),
                "done": Out(1),
                "error": Out(1),
            }
            | {f"cycles_{phase.name.lower()}": Out(COUNTER) for phase in config.phases}
            | {
                "i_words": In(stream.Signature(data.StructLayout({"data": config.bus_bits, "last": 1}))),
                "o_kept": Out(stream.Signature(make_kept(config))),
                "i_read": In(stream.Signature(request_layout(config))),
                "o_read": Out(stream.Signature(unsigned(64))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.core = core = ClockDomain("core", local=True)
        m.d.comb += [core.clk.eq(ClockSignal()), core.rst.eq(ResetSignal() | self.abort_run)]
        self.reduce = instantiate(m, "reduce", Reduce(self.config), platform, "core")
        self.distances = instantiate(m, "distances", Distances(self.config), platform, "core")
        m.submodules.verdicts = self.verdicts = DomainRenamer("core")(Standing(self.config))
        self.near_duplicates: NearDuplicates | None = None
        if self.config.window:
            self.near_duplicates = instantiate(
                m, "near_duplicates", NearDuplicates(self.config), platform, "core"
            )
        self.pairs = instantiate(m, "pairs", PairMemory(self.config), platform, "core")
        self.herding = instantiate(m, "herding", Herding(self.config), platform, "core")
        self.map_pick: MapPick | None = None
        if isinstance(self.config, LeanConfig):
            self.map_pick = instantiate(m, "map_pick", MapPick(self.config), platform, "core")
        self.mapped = Signal()  # the batch is picked from a map

        self.enter = Signal()  # the first cycle of a phase
        self.over = Signal()  # its last cycle
        self.skips = Signal()  # nothing is computed: from LOAD to EMIT
        self.reading = Signal()  # a value is read out and not yet taken
        self._load(m)
        self._remove(m)
        self._distances(m)
        self._sequence(m)
        self._count(m)
        self._pick(m)
        if self.map_pick is not None:
            self._map(m, self.map_pick)
        self._read(m)
        return m

    def _load(self, m: Module) -> None:
        """Images through the reduction into the memory of the distances."""
        for name in IMAGE_SETTINGS:
            m.d.comb += getattr(self.reduce, name).eq(getattr(self, name))
        m.d.comb += [
            self.reduce.prepare.eq(self.prepare),
            self.prepared.eq(self.reduce.prepared),
            self.illegal.eq(self.reduce.illegal),
            self.distances.length.eq(self.reduce.length),
            self.distances.load.eq(self.load & self.load_ready),
            self.load_ready.eq(self.distances.load_ready & self.prepared & ~self.illegal),
        ]
        connect(m, flipped(self.i_words), self.reduce.i_words)
        source, target = self.reduce.o_bytes, self.distances.i_bytes
        m.d.comb += [
            target.payload.eq(source.payload),
            target.valid.eq(source.valid & ~self.verdicts.waits),
            source.ready.eq(target.ready & ~self.verdicts.waits),
            self.verdicts.ends.eq(target.valid & target.ready & target.p.last),
        ]

    def _remove(self, m: Module) -> None:
        """Rows to the search for near-duplicates, its verdicts to the list of those that stand."""
        verdicts, found = self.verdicts, self.near_duplicates
        m.d.comb += [
            self.standing.eq(verdicts.members),
            verdicts.count.eq(self.count),
            verdicts.keep.eq(self.keep),
            verdicts.load.eq(self.distances.load),
            verdicts.settle.eq(self.over & (self.phase == Phase.LOAD)),
            verdicts.emit.eq(self.phase == Phase.EMIT),
            self.distances.drop.eq(verdicts.drop),
            self.distances.free.eq(self.skips),
            self.reduce.o_rows.ready.eq(1),
        ]
        if found is None:
            return
        for name in ("height", "width", "channels", "planes", "threshold", "window", "prepare"):
            m.d.comb += getattr(found, name).eq(getattr(self, name))
        m.d.comb += [
            verdicts.removes.eq(self.threshold != 0),
            found.forget.eq(self.distances.load & ~self.across),
            found.i_rows.payload.eq(self.reduce.o_rows.payload),
            found.i_rows.valid.eq(self.reduce.o_rows.valid & verdicts.removes),
            self.reduce.o_rows.ready.eq(found.i_rows.ready | ~verdicts.removes),
        ]
        connect(m, found.o_stands, verdicts.i_stands)

    def _distances(self, m: Module) -> None:
        """Each distance, as it comes, to the memory and to herding."""
        distances, pairs, herding = self.distances, self.pairs, self.herding
        m.d.comb += [
            distances.expected.eq(self.count),
            distances.count.eq(self.verdicts.members),
            distances.start.eq(self.enter & (self.phase == Phase.DISTANCE) & ~self.verdicts.few),
            pairs.write_enable.eq(distances.pair_valid),
            pairs.write_row.eq(distances.pair_row),
            pairs.write_column.eq(distances.pair_column),
            pairs.write_data.eq(distances.pair_distance),
            herding.count.eq(self.verdicts.members),
            herding.keep.eq(self.keep),
        ]
        for name in ("valid", "row", "column", "distance"):
            m.d.comb += getattr(herding, f"pair_{name}").eq(getattr(distances, f"pair_{name}"))

    def _sequence(self, m: Module) -> None:
        """The check of the settings, and the phases: each begins with a one-cycle ``enter``."""
        checking = Signal()
        m.d.comb += self.busy.eq(checking | (self.phase != Phase.IDLE))
        m.d.core += self.enter.eq(0)
        after: dict[Phase, Value | Phase] = dict(
            zip(self.config.phases, [*self.config.phases[1:], Phase.IDLE], strict=True)
        )
        ends = {
            Phase.LOAD: self.distances.loaded & ~self.verdicts.waits,
            Phase.DISTANCE: self.distances.done,
            Phase.PICK: self.herding.o_kept.valid,
            Phase.EMIT: self.o_kept.valid & self.o_kept.ready & self.o_kept.p.last,
        }
        if self.map_pick is not None:
            ends |= {phase: self.map_pick.over for phase in MAPPED}
            ends[Phase.PICK] = Mux(self.mapped, self.map_pick.over, ends[Phase.PICK])
            after[Phase.DISTANCE] = Mux(self.mapped, Phase.SEARCH, Phase.PICK)
            after[Phase.GRID] = Mux(self.map_pick.pick == Pick.CENTRE, Phase.EMIT, Phase.PICK)
        # ``few`` of a batch is known in the first cycle of the phase after LOAD
        m.d.comb += self.skips.eq(self.enter & (self.phase == Phase.DISTANCE) & self.verdicts.few)
        with m.Switch(self.phase):
            with m.Case(Phase.IDLE):
                with m.If(checking & ~self.reading):
                    m.d.core += checking.eq(0)
                    with m.If(self._illegal()):
                        m.d.core += self.error.eq(1)
                    with m.Else():
                        m.d.core += [self.phase.eq(self.config.phases[0]), self.enter.eq(1)]
                with m.Elif(self.start & ~checking):
                    m.d.core += [checking.eq(1), self.done.eq(0), self.error.eq(0)]
            for phase, end in ends.items():
                with m.Case(phase):
                    m.d.comb += self.over.eq(end)
                    with m.If(self.over):
                        m.d.core += [self.phase.eq(after[phase]), self.enter.eq(1)]
                        if phase is Phase.EMIT:
                            m.d.core += [self.enter.eq(0), self.done.eq(1)]
                    if phase is Phase.DISTANCE:
                        with m.If(self.skips):
                            m.d.core += [self.phase.eq(Phase.EMIT), self.enter.eq(1)]

    def _illegal(self) -> Value:
        """Whether a setting is out of its range (contract, section 16)."""
        illegal = (
            ~self.prepared
            | self.illegal
            | (self.count < 4)
            | (self.count > self.config.images)
            | (self.keep < 1)
            | (self.keep > self.count)
            | self._illegal_removal()
        )
        if self.map_pick is None:
            return illegal
        fraction = self.map_pick.config.profile.entropy.fraction
        unreachable = (self.target >> fraction) >= bit_length(self.count - 1)
        search = (self.target == 0) | unreachable | (self.evaluations == 0)
        return illegal | (self.pick > max(Pick)) | (self.mapped & search)

    def _illegal_removal(self) -> Value:
        """Whether near-duplicates are to be removed and cannot be (contract, section 22)."""
        flat = (self.side == 0) | (self.height < 4) | (self.width < 4)
        return (self.threshold != 0) & (flat | (self.window < 1) | (self.window > self.config.window))

    def _count(self, m: Module) -> None:
        """One counter, whose value is kept when a phase ends."""
        cycles = Signal(COUNTER)
        with m.If(self.over | self.skips):
            m.d.core += cycles.eq(0)
        with m.Elif(self.phase != Phase.IDLE):
            m.d.core += cycles.eq(cycles + 1)
        for phase in self.config.phases:
            counted = getattr(self, f"cycles_{phase.name.lower()}")
            with m.If(self.over & (self.phase == phase)):
                m.d.core += counted.eq(cycles + 1)
            if phase in (Phase.DISTANCE, *MAPPED, Phase.PICK):
                with m.Elif(self.distances.start | self.skips):
                    m.d.core += counted.eq(0)

    def _pick(self, m: Module) -> None:
        """Herding, and its kept indices in EMIT."""
        found, among = self.herding.o_kept, self.verdicts.i_kept
        m.d.comb += [
            self.herding.start.eq(self.enter & (self.phase == Phase.PICK) & ~self.mapped),
            among.payload.eq(found.payload),
            among.valid.eq(found.valid & ~self.mapped),
            found.ready.eq(among.ready & ~self.mapped),
        ]
        connect(m, self.verdicts.o_kept, flipped(self.o_kept))

    def _map(self, m: Module, map_pick: MapPick) -> None:
        """Settings, phases and distances to the map; its kept indices in EMIT."""
        for name in ("keep", "phase", "enter", *map_settings(map_pick.config)):
            m.d.comb += getattr(map_pick, name).eq(getattr(self, name))
        m.d.comb += [
            map_pick.count.eq(self.verdicts.members),
            self.mapped.eq(self.pick != Pick.HERDING),
            map_pick.read_data.eq(self.pairs.read_data),
        ]
        with m.If(self.mapped):
            m.d.comb += [
                self.verdicts.i_kept.payload.eq(map_pick.o_kept.payload),
                self.verdicts.i_kept.valid.eq(map_pick.o_kept.valid),
                map_pick.o_kept.ready.eq(self.verdicts.i_kept.ready),
            ]

    def _read(self, m: Module) -> None:
        """The read port of the distances, and the readout while idle; a request is kept meanwhile."""
        pairs, herding, wanted = self.pairs, self.herding, self.i_read.p
        taken = self.i_read.valid & self.i_read.ready
        request = Signal.like(wanted, reset_less=True)
        with m.If(taken):
            m.d.core += request.eq(wanted)
        shown = Mux(self.verdicts.few, 0, self.verdicts.members)
        matrix = (request.table == Readout.DISTANCE) | (request.table == Readout.AFFINITY)
        beyond = Signal()
        m.d.comb += [
            self.i_read.ready.eq(~self.busy & ~self.reading),
            pairs.read_row.eq(wanted.row),
            pairs.read_column.eq(wanted.column),
            pairs.read_enable.eq(taken & (wanted.table == Readout.DISTANCE)),
            herding.read_data.eq(pairs.read_data),
            self.verdicts.read_image.eq(wanted.row),
            beyond.eq((request.row >= shown) | (matrix & (request.column >= shown))),
            self.o_read.valid.eq(self.reading),
        ]
        with m.If(request.table == Readout.STANDING):
            m.d.comb += self.o_read.payload.eq(self.verdicts.read_stands | ~self.verdicts.removes)
        with m.Elif(beyond):
            m.d.comb += self.o_read.payload.eq(0)
        with m.Elif(request.table == Readout.DISTANCE):
            m.d.comb += self.o_read.payload.eq(pairs.read_data)
        if self.near_duplicates is not None:
            m.d.comb += self.verdicts.read_enable.eq(taken & (wanted.table == Readout.STANDING))
        with m.If(taken):
            m.d.core += self.reading.eq(1)
        with m.Elif(self.o_read.valid & self.o_read.ready):
            m.d.core += self.reading.eq(0)
        reader: Herding | MapPick | None
        for reader, reads in ((herding, ~self.mapped), (self.map_pick, self.mapped)):
            if reader is not None:
                with m.If((self.phase != Phase.IDLE) & reads):
                    m.d.comb += [
                        pairs.read_row.eq(reader.read_row),
                        pairs.read_column.eq(reader.read_column),
                        pairs.read_enable.eq(reader.read_enable),
                    ]
        if self.map_pick is not None:
            self._read_map(m, self.map_pick, taken, request, beyond)

    def _read_map(
        self, m: Module, map_pick: MapPick, taken: Value, request: data.View, beyond: Signal
    ) -> None:
        """A value of a table that the map has."""
        own = (Readout.DISTANCE, Readout.STANDING)
        asked = Signal()
        elsewhere = Cat(request.table == table for table in own).any()
        m.d.core += asked.eq(taken & ~Cat(self.i_read.p.table == table for table in own).any())
        m.d.comb += [
            map_pick.table_enable.eq(asked),
            map_pick.table_number.eq(request.table),
            map_pick.table_row.eq(request.row),
            map_pick.table_column.eq(request.column),
            map_pick.table_taken.eq(self.o_read.valid & self.o_read.ready & ~elsewhere),
            self.o_read.valid.eq(self.reading & (elsewhere | map_pick.table_ready)),
        ]
        with m.If(~elsewhere & ~beyond & self.mapped):
            m.d.comb += self.o_read.payload.eq(map_pick.table_value)
