# SPDX-License-Identifier: Apache-2.0
"""Picks from a map: the search, the map, the grid and the keys of the lean sampler, and what joins them."""

from amaranth import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from nms.contract.config import LeanConfig
from nms.contract.readout import Phase, Readout
from nms.contract.settings import Pick
from nms.rtl.lean.map import LeanMap
from nms.rtl.lean.search import LeanSearch
from nms.rtl.lib.flow import delay
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.prng import Seeds
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import make_kept
from nms.rtl.selection.grid import Grid
from nms.rtl.selection.picks import Picks

SETTLED = 5
"""Cycles from the last share to the start of the map."""

READ = 4
"""Cycles from a table's request to its value, for the slowest of them."""

ROWS = ("minimum", "scale", "ties", "status", "mantissa", "exponent", "entropy", "evaluations")
"""Fields of a row, each a table of its own."""


def settings_layout(config: LeanConfig) -> dict[str, int]:
    """Run-time settings of a map and their widths."""
    return {
        "target": config.profile.entropy.width,
        "iterations": 16,
        "exaggerated": 16,
        "evaluations": 4,
        "pick": bits_for(max(Pick)),
        "seed": 32,
    }


class MapPick(Block):
    """Kept indices from the distances of a batch, by a map and a pick (contract, sections 12 and 18 to 21).

    Parameters
    ----------
    config : all

    Members
    -------
    count, keep : N and K
    target, iterations, exaggerated, evaluations, pick, seed : settings; all are constant from ``enter`` in
        SEARCH to the last kept index
    phase, enter : the phase that runs, and its first cycle
    over : the phase's last cycle, of SEARCH, AFFINITY, EMBED, GRID and PICK
    read_enable, read_row, read_column : a distance that is wanted
    read_data : this distance, one cycle later, held while not enabled
    o_kept : the kept indices, ascending, offered from the last cycle of GRID or PICK on
    table_enable, table_number, table_row, table_column : a table's value that is wanted, a pulse while no
        phase runs
    table_ready : the value is there, and stays until ``table_taken``
    table_taken : the next one may be wanted
    table_value : the value, sign-extended

    Latency
    -------
    Those of the blocks; the phases tell.

    Throughput
    ----------
    One batch at a time.

    Reset
    -----
    Nothing is under way.
    """

    module = "map_pick"

    def __init__(self, config: LeanConfig) -> None:
        self.config = config
        self.parameters = (config,)
        count, index = config.derived.count_width, config.derived.index_width
        super().__init__(
            {name: In(width) for name, width in settings_layout(config).items()}
            | {
                "count": In(count),
                "keep": In(count),
                "phase": In(Phase),
                "enter": In(1),
                "over": Out(1),
                "read_enable": Out(1),
                "read_row": Out(index),
                "read_column": Out(index),
                "read_data": In(config.derived.distance_width),
                "o_kept": Out(stream.Signature(make_kept(config))),
                "table_enable": In(1),
                "table_number": In(unsigned(4)),
                "table_row": In(index),
                "table_column": In(index),
                "table_ready": Out(1),
                "table_taken": In(1),
                "table_value": Out(signed(64)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.search = instantiate(m, "lean_search", LeanSearch(self.config), platform)
        self.seeds = instantiate(m, "seeds", Seeds(self.config), platform)
        self.map = instantiate(m, "map", LeanMap(self.config), platform)
        self.grid = instantiate(m, "grid", Grid(self.config), platform)
        self.picks = instantiate(m, "picks", Picks(self.config), platform)
        row = self.search.o_rows.payload.shape()
        m.submodules.rows = self.rows = RAM(shape=row, depth=self.config.images)
        for block in (self.search, self.seeds, self.map, self.grid, self.picks):
            for name in ("count", "keep", *settings_layout(self.config)):
                if name in block.signature.members:
                    m.d.comb += getattr(block, name).eq(getattr(self, name))
        self._search(m)
        self._map(m)
        self._grid(m)
        self._distances(m)
        self._end(m)
        self._tables(m)
        return m

    def _enters(self, phase: Phase) -> Value:
        """The first cycle of a phase."""
        return self.enter & (self.phase == phase)

    def _search(self, m: Module) -> None:
        """Rows to their memory, shares to the map."""
        search, write = self.search, self.rows.write_port()
        m.d.comb += [
            search.search.eq(self._enters(Phase.SEARCH)),
            search.affinity.eq(self._enters(Phase.AFFINITY)),
            search.o_rows.ready.eq(1),
            write.addr.eq(search.o_rows.p.row),
            write.data.eq(search.o_rows.p),
            write.en.eq(search.o_rows.valid),
        ]
        for name in ("share_valid", "share_row", "share_column", "share"):
            m.d.comb += getattr(self.map, name).eq(getattr(search, name))

    def _map(self, m: Module) -> None:
        """Start positions, which are drawn while the rows are searched, to the map."""
        asked = Signal.like(self.count)
        m.d.comb += [
            self.seeds.start.eq(self._enters(Phase.SEARCH)),
            self.map.start.eq(self._enters(Phase.EMBED)),
            self.map.i_points.payload.eq(self.seeds.o_read.p.point),
            self.seeds.i_read.payload.eq(self.table_row),
            self.seeds.i_read.valid.eq(self.table_enable & (self.table_number == Readout.EMBEDDING_INIT)),
            self.seeds.o_read.ready.eq(self.table_taken),
        ]
        with m.If(self.phase == Phase.EMBED):
            m.d.comb += [
                self.seeds.i_read.payload.eq(asked),
                self.seeds.i_read.valid.eq(~self.enter & (asked != self.count)),
                self.map.i_points.valid.eq(self.seeds.o_read.valid),
                self.seeds.o_read.ready.eq(self.map.i_points.ready),
            ]
            with m.If(self.seeds.i_read.valid & self.seeds.i_read.ready):
                m.d.sync += asked.eq(asked + 1)
        with m.Else():
            m.d.sync += asked.eq(0)

    def _grid(self, m: Module) -> None:
        """The map's points to the grid; cells to the keys, and keys to the grid."""
        grid, picks = self.grid, self.picks
        asked, valid, wanted = Signal.like(self.count), Signal(), Signal()
        advance = ~valid | grid.i_points.ready
        m.d.comb += [
            wanted.eq((self.phase == Phase.GRID) & ~self.enter & (asked != self.count) & advance),
            self.map.read_enable.eq(wanted | (self.table_enable & (self.table_number == Readout.EMBEDDING))),
            self.map.read_row.eq(Mux(wanted, asked, self.table_row)),
            grid.start.eq(self._enters(Phase.GRID)),
            grid.keyed.eq(self.pick != Pick.CENTRE),
            grid.i_points.payload.eq(self.map.read_point),
            grid.i_points.valid.eq(valid),
            picks.start.eq(self._enters(Phase.PICK)),
            self.map.sum_enable.eq(picks.sum_enable),
            self.map.sum_row.eq(picks.sum_row),
            picks.row_sum.eq(self.map.row_sum),
            grid.rank.eq(delay(m, picks.done, 1, reset_less=False)),
        ]
        with m.If(advance):
            m.d.sync += valid.eq(wanted)
        with m.If(wanted):
            m.d.sync += asked.eq(asked + 1)
        with m.Elif(self.phase != Phase.GRID):
            m.d.sync += asked.eq(0)
        for name in ("cell_valid", "cell_index", "cell_id"):
            m.d.comb += getattr(picks, name).eq(getattr(grid, name))
        for name in ("key_valid", "key_index", "key_cell", "key"):
            m.d.comb += getattr(grid, name).eq(getattr(picks, name))
        connect(m, grid.o_kept, flipped(self.o_kept))

    def _distances(self, m: Module) -> None:
        """The read port of the distances: that of the search or, in PICK, of the keys."""
        picking = self.phase == Phase.PICK
        for name in ("read_enable", "read_row", "read_column"):
            m.d.comb += getattr(self, name).eq(
                Mux(picking, getattr(self.picks, name), getattr(self.search, name))
            )
        m.d.comb += [self.search.read_data.eq(self.read_data), self.picks.read_data.eq(self.read_data)]

    def _end(self, m: Module) -> None:
        """When each phase is over."""
        ends = {
            Phase.SEARCH: self.search.searched,
            Phase.AFFINITY: delay(m, self.search.done, SETTLED, reset_less=False),
            Phase.EMBED: self.map.done,
            Phase.GRID: Mux(self.grid.keyed, self.grid.placed, self.o_kept.valid),
            Phase.PICK: self.o_kept.valid,
        }
        with m.Switch(self.phase):
            for phase, end in ends.items():
                with m.Case(phase):
                    m.d.comb += self.over.eq(end)

    def _tables(self, m: Module) -> None:
        """A table's value, as the memory that holds it gives it; each keeps what it read last."""
        read = self.rows.read_port()
        waits = Signal(range(READ + 2))
        affine = self.table_number == Readout.AFFINITY
        m.d.comb += [
            read.addr.eq(self.table_row),
            read.en.eq(self.table_enable),
            self.map.pair_enable.eq(self.table_enable & affine),
            self.map.pair_row.eq(self.table_row),
            self.map.pair_column.eq(self.table_column),
            self.table_ready.eq(waits == 1),
        ]
        with m.If(self.table_enable):
            m.d.sync += waits.eq(READ + 1)
        with m.Elif(waits > 1):
            m.d.sync += waits.eq(waits - 1)
        with m.Elif(self.table_taken):
            m.d.sync += waits.eq(0)
        first = self.table_column == 0
        start, end = self.seeds.o_read.p.point, self.map.read_point
        values: dict[Readout, Value] = {Readout[name.upper()]: read.data[name] for name in ROWS} | {
            Readout.AFFINITY: self.map.pair_affinity,
            Readout.EMBEDDING_INIT: Mux(first, start.x, start.y),
            Readout.EMBEDDING: Mux(first, end.x, end.y),
        }
        with m.Switch(self.table_number):
            for table, value in values.items():
                with m.Case(table):
                    m.d.comb += self.table_value.eq(value)
