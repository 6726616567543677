# SPDX-License-Identifier: Apache-2.0
"""Keys of the picks: by what the images of a cell of the map are ranked (contract, section 18)."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import Config, LeanConfig
from nms.contract.settings import Pick
from nms.rtl.array.pea_rows import PAIR_LATENCY
from nms.rtl.lib.flow import delay, follow
from nms.rtl.lib.hierarchy import Block
from nms.rtl.lib.ram import RAM

NEIGHBOUR = 5
"""Which of the smallest distances the pick ``neighbour`` compares."""


def key_width(config: Config | LeanConfig) -> int:
    """Bits of a key: a sum of at most images - 1 distances, or a row sum of affinities."""
    derived = config.derived
    return max(derived.distance_width + derived.index_width, row_sum_width(config))


def row_sum_width(config: Config | LeanConfig) -> int:
    """Bits of R_i: at most (1 + N - 1)/2 and half a unit of each of N - 1 roundings, below N."""
    return config.profile.affinity.fraction + config.derived.count_width


class Picks(Block):
    """A key for each image; the smaller, the earlier the image is kept of its cell.

    Of ``medoid`` the key is the sum of the distances to the images of the same cell, of ``hub`` the row sum
    of P', bits inverted, of ``neighbour`` the fifth smallest distance, the largest of fewer.

    Parameters
    ----------
    config : ``images``, ``pixels`` and the formats

    Members
    -------
    pick, count : a Pick, and N; constant while it works
    cell_valid, cell_index, cell_id : the cell of an image, before ``start``; each once
    start : a pulse
    read_enable, read_row, read_column : a distance that is wanted
    read_data : this distance, :attr:`latency` cycles later; anything for an image to itself
    sum_enable, sum_row : a row sum that is wanted
    row_sum : this R_i, one cycle later
    key_valid, key_index, key_cell, key : the key of an image, and its cell
    done : a pulse, with the last key

    Latency
    -------
    N + 3 cycles and those of a distance for each image, of ``hub`` 3; two more until ``done``.

    Throughput
    ----------
    One distance a cycle.

    Reset
    -----
    Nothing is under way.
    """

    module = "picks"

    def __init__(self, config: Config | LeanConfig) -> None:
        self.latency = PAIR_LATENCY if isinstance(config, Config) else 1
        """Cycles from a distance that is wanted until it is there."""
        self.parameters = (config.images, config.pixels, config.profile.affinity, self.latency)
        derived = config.derived
        self.images, self.distance = config.images, derived.distance_width
        self.cells = bits_for(derived.grid_side**2 - 1)
        index = derived.index_width
        super().__init__(
            {
                "pick": In(bits_for(max(Pick))),
                "count": In(derived.count_width),
                "cell_valid": In(1),
                "cell_index": In(index),
                "cell_id": In(self.cells),
                "start": In(1),
                "read_enable": Out(1),
                "read_row": Out(index),
                "read_column": Out(index),
                "read_data": In(self.distance),
                "sum_enable": Out(1),
                "sum_row": Out(index),
                "row_sum": In(row_sum_width(config)),
                "key_valid": Out(1),
                "key_index": Out(index),
                "key_cell": Out(self.cells),
                "key": Out(key_width(config)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.cells = cells = RAM(shape=self.cells, depth=self.images)
        write, read = cells.write_port(), cells.read_port()
        row, column = Signal.like(self.read_row), Signal.like(self.read_column)
        own = Signal(self.cells, reset_less=True)
        walking = Signal()  # a distance is asked for
        taken, distance = Signal(), Signal.like(self.read_data, reset_less=True)  # and held: it comes late
        column_differs, other, alike = Signal(), Signal(), Signal()  # than the row's own image; its cell
        last = Signal()
        m.d.comb += [
            write.en.eq(self.cell_valid),
            write.addr.eq(self.cell_index),
            write.data.eq(self.cell_id),
            read.addr.eq(column),
            read.en.eq(0),  # unless a state asks
            self.read_row.eq(row),
            self.read_column.eq(column),
            self.read_enable.eq(walking),
            self.sum_row.eq(row),
            self.key_index.eq(row),
            self.key_cell.eq(own),
            last.eq(row + 1 == self.count),
        ]
        asked = follow(m, walking, self.latency)
        there = asked[-1]
        with m.If(walking):
            m.d.sync += column_differs.eq(column != row)
        facts = delay(m, Cat(column_differs, read.data == own), self.latency - 1, asked[1:])
        m.d.sync += taken.eq(there)
        with m.If(there):
            m.d.sync += [distance.eq(self.read_data), Cat(other, alike).eq(facts)]

        opening = Signal()
        total = self._sum(m, opening, taken & other & alike, distance)
        nearest = self._sort(m, opening, taken & other, distance)
        with m.Switch(self.pick):
            with m.Case(Pick.MEDOID):
                m.d.comb += self.key.eq(total)
            with m.Case(Pick.HUB):
                m.d.comb += self.key.eq(~self.row_sum)
            with m.Default():
                m.d.comb += self.key.eq(nearest)

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [row.eq(0), column.eq(0)]
                with m.If(self.start):
                    m.next = "OWN"
            with m.State("OWN"):  # the row's own cell is asked for
                m.d.comb += [read.en.eq(1), opening.eq(1), self.sum_enable.eq(self.pick == Pick.HUB)]
                m.d.sync += column.eq(0)
                m.next = "OPEN"
            with m.State("OPEN"):
                m.d.sync += own.eq(read.data)
                m.next = "WALK"
                with m.If(self.pick == Pick.HUB):
                    m.next = "KEY"
            with m.State("WALK"):
                m.d.comb += [walking.eq(1), read.en.eq(1)]
                m.d.sync += column.eq(column + 1)
                with m.If(column + 1 == self.count):
                    m.next = "DRAIN"
            with m.State("DRAIN"), m.If(~asked[1:].any()):
                m.next = "KEY"
            with m.State("KEY"):
                m.d.comb += [self.key_valid.eq(1), self.done.eq(last)]
                m.d.sync += [row.eq(row + 1), column.eq(row + 1)]
                m.next = "OWN"
                with m.If(last):
                    m.next = "IDLE"
        return m

    def _sum(self, m: Module, opening: Value, taken: Value, distance: Value) -> Signal:
        """The sum of the distances that are taken since ``opening``."""
        total = Signal(len(self.key), reset_less=True)
        with m.If(opening):
            m.d.sync += total.eq(0)
        with m.Elif(taken & (self.pick == Pick.MEDOID)):
            m.d.sync += total.eq(total + distance)
        return total

    def _sort(self, m: Module, opening: Value, taken: Value, distance: Value) -> Value:
        """The fifth smallest distance taken since ``opening``, or the largest of fewer."""
        smallest = [Signal(self.distance, reset_less=True, name=f"smallest_{k}") for k in range(NEIGHBOUR)]
        below = Signal(NEIGHBOUR)  # the new one is smaller than the k-th
        m.d.comb += below.eq(Cat(distance < held for held in smallest))
        with m.If(opening):
            m.d.sync += [held.eq((1 << self.distance) - 1) for held in smallest]
        with m.Elif(taken & (self.pick == Pick.NEIGHBOUR)):
            for k, held in enumerate(smallest):
                with m.If(below[k]):
                    lower = Mux(below[k - 1], smallest[k - 1], distance) if k else distance
                    m.d.sync += held.eq(lower)
        found: Value = smallest[-1]
        for others in range(NEIGHBOUR - 1, 2, -1):  # N is at least 4
            found = Mux(self.count == others + 1, smallest[others - 1], found)
        return found
