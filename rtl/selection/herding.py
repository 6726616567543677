# SPDX-License-Identifier: Apache-2.0
"""Herding: the images that are kept follow from distances alone."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import ReducedConfig
from nms.rtl.lib.hierarchy import Block
from nms.rtl.selection.tally import Tally


class Herding(Block):
    """Keeps ``keep`` of ``count`` images by herding (contract, section 17).

    While the pairs come, one memory sums the distances of each row of the triangle and another one those of
    each column; S_i is the sum of both. A pick is a pass over all images: it brings the scores up to date
    with the image that was chosen last, writes them back, and finds the smallest. The first pass adds row
    and column: the memory of the rows has S from then on, that of the columns the scores.

    Scores fit their width: with C the chosen, ``score_i = (|C| + 1) S_i - N sum_{c in C} D_ic``. Its second
    term is at most N S_i, and of the first ``|C| < N`` while i is not chosen, so that
    ``|score_i| <= N S_i <= N (N - 1) max D``.

    Parameters
    ----------
    config : ``images`` and ``pixels`` give the widths

    Members
    -------
    count, keep : N and K, 1 <= K <= N; constant from the first pair until ``last`` is taken
    pair_valid, pair_row, pair_column, pair_distance : the pairs of a batch, row > column, at most one a
        cycle, in any order in which the first of a row is that with column 0, and the first of a column that
        with the row after it
    start : begins, a pulse, a cycle after the last pair at the earliest; again only after the next batch
    read_enable, read_row, read_column, read_data : of the distances, a cycle later, 0 for a row of itself
    o_kept : K indices, ascending, ``last`` with the last

    Latency
    -------
    At most :meth:`cycles` cycles from ``start`` until the last image can be taken, if it is kept.

    Throughput
    ----------
    A pick takes N + 4 cycles, then an image in each cycle is kept or not.

    Reset
    -----
    Nothing is under way.
    """

    module = "herding"

    def __init__(self, config: ReducedConfig) -> None:
        derived = config.derived
        self.images, self.pixels = config.images, config.pixels
        self.parameters = (self.images, self.pixels)
        self.index, self.distance = derived.index_width, derived.distance_width
        most = (self.images - 1) * self.pixels * 255**2
        self.sum = most.bit_length()
        self.score = 1 + (self.images * most).bit_length()
        super().__init__(
            {
                "count": In(derived.count_width),
                "keep": In(derived.count_width),
                "pair_valid": In(1),
                "pair_row": In(self.index),
                "pair_column": In(self.index),
                "pair_distance": In(self.distance),
                "start": In(1),
                "read_enable": Out(1),
                "read_row": Out(self.index),
                "read_column": Out(self.index),
                "read_data": In(self.distance),
                "o_kept": Out(stream.Signature(StructLayout({"index": self.index, "last": 1}))),
            }
        )

    def cycles(self, count: int, keep: int) -> int:
        """Cycles from ``start`` until the last image can be taken, without stalls: at most.

        A pass ends a cycle earlier when the last image is chosen already.
        """
        return keep * (count + 4) + count + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.rows = rows = Tally(self.images, self.sum, self.distance)
        m.submodules.columns = columns = Tally(self.images, self.score + 1, self.distance)
        for tally, index, first in (
            (rows, self.pair_row, self.pair_column == 0),
            (columns, self.pair_column, self.pair_row == self.pair_column + 1),
        ):
            m.d.comb += [
                tally.add.eq(self.pair_valid),
                tally.add_index.eq(index),
                tally.add_first.eq(first),
                tally.add_value.eq(self.pair_distance),
            ]
        image, last_image = Signal(self.index, reset_less=True), Signal()
        chosen, left = Signal(self.index, reset_less=True), Signal.like(self.keep, reset_less=True)
        passing, opening = Signal(), Signal(reset_less=True)  # opening: the first pass
        valids, found, best_index = self._score(m, passing, opening, image, rows, columns)

        scanned, scanned_image, advance = Signal(), Signal.like(image, reset_less=True), Signal()
        m.d.comb += [
            last_image.eq(image + 1 == self.count),
            self.read_enable.eq(passing & ~opening),
            self.read_row.eq(image),
            self.read_column.eq(chosen),
            rows.read.eq(passing),
            rows.read_index.eq(image),
            columns.read_index.eq(image),
            advance.eq(~self.o_kept.valid | self.o_kept.ready),
            self.o_kept.valid.eq(scanned & columns.data[-1]),
            self.o_kept.payload.index.eq(scanned_image),
            self.o_kept.payload.last.eq(left + 1 == self.keep),
        ]
        with m.FSM():
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [image.eq(0), left.eq(self.keep), opening.eq(1), found.eq(0)]
                m.next = "PASS"
            with m.State("PASS"):
                m.d.comb += [passing.eq(1), columns.read.eq(1)]
                m.d.sync += image.eq(image + 1)
                with m.If(last_image):
                    m.next = "DRAIN"
            with m.State("DRAIN"), m.If(~valids[:-1].any()):
                m.next = "PICK"
            with m.State("PICK"):
                m.d.comb += [
                    columns.write.eq(1),
                    columns.write_index.eq(best_index),
                    columns.write_data[-1].eq(1),
                ]
                m.d.sync += [
                    image.eq(0),
                    chosen.eq(best_index),
                    left.eq(left - 1),
                    opening.eq(0),
                    found.eq(0),
                ]
                m.next = "PASS"
                with m.If(left == 1):
                    m.next = "SCAN"
            with m.State("SCAN"):
                m.d.comb += columns.read.eq(advance)
                with m.If(advance):
                    m.d.sync += [scanned.eq(1), scanned_image.eq(image), image.eq(image + 1)]
                with m.If(self.o_kept.valid & self.o_kept.ready):
                    m.d.sync += left.eq(left + 1)
                    with m.If(self.o_kept.payload.last):
                        m.d.sync += scanned.eq(0)
                        m.next = "IDLE"
        return m

    def _score(
        self, m: Module, passing: Signal, opening: Signal, image: Signal, rows: Tally, columns: Tally
    ) -> tuple[Signal, Signal, Signal]:
        """New scores of the images that are read while ``passing``, three cycles later, into memory.

        Returns the valid bits of the cycles, whether there is a smallest score, and its index.
        """
        valids = Signal(3)
        indices = [Signal(self.index, name=f"index_{stage}", reset_less=True) for stage in range(3)]
        lowest, highest = Signal(reset_less=True), Signal(reset_less=True)
        with m.If(passing):
            m.d.sync += [lowest.eq(image == 0), highest.eq(image + 1 == self.count)]
        # no pair has row 0 or the last column, so that their sums are not in memory
        row_sum = Mux(opening & lowest, 0, rows.data)
        score = Mux(opening & highest, 0, columns.data[: self.score]).as_signed()
        live = Signal()
        raised = Signal(signed(self.score), reset_less=True)
        distance = Signal(self.distance, reset_less=True)
        m.d.comb += live.eq(valids[0] & (opening | ~columns.data[-1]))
        with m.If(live):
            m.d.sync += [raised.eq(score + row_sum), distance.eq(Mux(opening, 0, self.read_data))]
        fresh = Signal(signed(self.score), reset_less=True)
        with m.If(valids[1]):
            m.d.sync += fresh.eq(raised - distance * self.count)
        for enable, earlier, index in zip(
            (passing, *valids[:-1]), (image, *indices[:-1]), indices, strict=True
        ):
            with m.If(enable):
                m.d.sync += index.eq(earlier)
        m.d.sync += valids.eq(Cat(passing, live, valids[1]))

        found, best = Signal(reset_less=True), Signal(signed(self.score), reset_less=True)
        best_index = Signal(self.index, reset_less=True)
        with m.If(valids[2]):
            m.d.comb += [
                columns.write.eq(1),
                columns.write_index.eq(indices[2]),
                columns.write_data.eq(fresh[: self.score]),
                rows.write.eq(opening),
                rows.write_index.eq(indices[2]),
                rows.write_data.eq(fresh[: self.sum]),
            ]
            with m.If(~found | (fresh < best)):
                m.d.sync += [found.eq(1), best.eq(fresh), best_index.eq(indices[2])]
        return valids, found, best_index
