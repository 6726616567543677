# SPDX-License-Identifier: Apache-2.0
"""The array of processing elements: distances of all pairs, scan of the rows, search, weights."""

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nms.spec.config import Config
from nms.spec.derived import Derived
from rtl.bank import Bank
from rtl.fixed import bit_length
from rtl.hierarchy import Block, place
from rtl.pe import PE
from rtl.signatures import EXPONENT, Payloads


def triangle(high: Value, low: Value) -> Value:
    """Address of the pair low < high in the distance memory: high (high - 1)/2 + low."""
    return (high * (high - 1)).as_unsigned().shift_right(1) + low


def delayed(m: Module, value: Value, cycles: int) -> Signal:
    """``value`` so many cycles later, 0 before that."""
    for _ in range(cycles):
        held = Signal(value.shape())
        m.d.sync += held.eq(value)
        value = held
    return value


class Walk(wiring.Component):
    """Walks along row i of the triangular distance memory: j ascending without i.

    Members
    -------
    count : N
    row, start : begins a row in the next cycle; only while not ``valid``, or with the last step
    advance : go on to the next j, or end
    valid, first, last, address : of D_ij
    """

    def __init__(self, config: Config) -> None:
        derived = Derived(config)
        self.pairs = config.images * (config.images - 1) // 2
        super().__init__(
            {
                "count": In(derived.count_width),
                "row": In(derived.index_width),
                "start": In(1),
                "advance": In(1),
                "valid": Out(1),
                "first": Out(1),
                "last": Out(1),
                "address": Out(range(self.pairs)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        row, column = Signal.like(self.row), Signal.like(self.count)
        beside = Signal()
        following = Signal.like(self.count)
        m.d.comb += [
            beside.eq(column + 1 == row),
            following.eq(column + 1 + beside),
            self.last.eq(following == self.count),
        ]
        with m.If(self.start):
            m.d.sync += [
                self.valid.eq(1),
                self.first.eq(1),
                row.eq(self.row),
                column.eq(self.row == 0),
                self.address.eq(Mux(self.row == 0, 0, triangle(self.row, 0))),
            ]
        with m.Elif(self.valid & self.advance):
            m.d.sync += [self.valid.eq(~self.last), self.first.eq(0), column.eq(following)]
            with m.If(beside):
                m.d.sync += self.address.eq(self.address + row + 1)
            with m.Elif(column < row):
                m.d.sync += self.address.eq(self.address + 1)
            with m.Else():
                m.d.sync += self.address.eq(self.address + column)
        return m


class PEA(Block):
    """``pes`` processing elements, the images beside them, and all distances.

    * **load**: takes a batch of ``load_count`` images of ``load_words`` words from ``i_pixels``, image
      after image, into a half of the image memory, in turn. It goes on beside everything else.
    * **free**: gives back the half that is computed on; from now on it is the other one. While ``held``, the
      half that was given back is not loaded.
    * **distance**: forms ``D_ij = sum_d (x_id - x_jd)^2`` of every pair i < j once. ``done`` at the end.
    * **fetch**: sends the words of an image of the batch that was given back last, one a cycle but for
      one between images, while ``held``. It goes on beside everything else.
    * **scan**: sends ``{row, minimum, scale, ties}`` of the rows 0 ... N-1 in order: min_i, L_i, m_i.
      It goes on beside the search.
    * **search**: trials in runs of ``pes`` (each of one row, whose ``o_rows`` was taken) give ``{s, t}`` in
      the order of the trials. Passes over a row follow each other every max(N-1, pes + 7) cycles
      while there are trials and room for sums; the next ``pes`` trials are taken while a pass runs.
    * **query**: N-1 weights of a row, j ascending without i, one a cycle but for a few cycles between rows.
    * **read**: D_ij, 0 on the diagonal, while neither distances are formed nor rows scanned.

    Schedule of the pairs: N' is N rounded up to a multiple of 2 pes. While image i is broadcast, the
    others are i+1 ... i+N'/2 modulo N', in tiles of ``pes`` consecutive ones, so that each PE has one of
    them in its bank; those that do not exist, and the second half of the pairs at distance N'/2, are
    left out. That makes ``N * N'/(2 pes)`` passes of max(words, ``interval``) cycles. Distances are
    collected one a cycle while the next pass runs.

    They are kept once, for i < j, at j(j-1)/2 + i: half the memory of a square, and a row is still
    walked along with one addition a step.

    A pass over a row begins only when its sums have room in the queue behind the PEs, a weight is only
    asked for when it has: so nothing in a PE ever waits, and nobody who does not take loses anything.

    Members
    -------
    count, words : N and ceil(pixels/lanes) of the batch that is computed on; stable from ``distance`` on
    load_count, load_words : of the batch to be loaded; sampled with ``load``
    load, distance, scan : start pulses
    load_ready : a half is free and no load goes on; other ``load`` pulses are ignored
    loaded : the half to be computed on holds a whole batch
    free : pulse, only while ``loaded`` and not ``held``
    held : images are still to be fetched; rises at the latest in the cycle after ``free``
    done : pulse
    i_pixels, i_fetch, o_pixels, o_rows, i_trials, o_sums, i_queries, o_weights, i_read, o_read : streams
    """

    def __init__(self, config: Config) -> None:
        self.config, self.derived, self.payloads = config, Derived(config), Payloads(config)
        self.module = "pea"
        self.parameters = tuple(config.model_dump(exclude={"name"}).items())
        self.pe = PE(config)
        payloads = self.payloads
        super().__init__(
            {
                "count": In(self.derived.count_width),
                "words": In(self.derived.words.bit_length()),
                "load_count": In(self.derived.count_width),
                "load_words": In(self.derived.words.bit_length()),
                "load": In(1),
                "load_ready": Out(1),
                "loaded": Out(1),
                "free": In(1),
                "held": In(1),
                "distance": In(1),
                "scan": In(1),
                "done": Out(1),
                "i_pixels": In(stream.Signature(payloads.pixels)),
                "i_fetch": In(stream.Signature(payloads.index)),
                "o_pixels": Out(stream.Signature(payloads.fetched)),
                "o_rows": Out(stream.Signature(payloads.row)),
                "i_trials": In(stream.Signature(payloads.trial)),
                "o_sums": Out(stream.Signature(payloads.sums)),
                "i_queries": In(stream.Signature(payloads.query)),
                "o_weights": Out(stream.Signature(payloads.weight)),
                "i_read": In(stream.Signature(payloads.pair)),
                "o_read": Out(stream.Signature(payloads.distance)),
            }
        )

    @property
    def interval(self) -> int:
        """Least number of cycles between two passes over pixels, so that one pass's distances are
        collected before those of the next are there."""
        return max(self.config.pes, self.pe.distance_latency + 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, derived = self.config, self.derived
        pes = [self.pe] + [PE(config) for _ in range(config.pes - 1)]
        banks = [Bank(config) for _ in range(config.pes)]
        for k in range(config.pes):
            place(m, f"pe{k}", pes[k], platform)
            place(m, f"bank{k}", banks[k], platform)
        pairs = config.images * (config.images - 1) // 2
        m.submodules.distances = distances = Memory(shape=derived.distance_width, depth=pairs, init=[])
        entry = StructLayout({"minimum": derived.distance_width, "scale": derived.scale_width})
        m.submodules.rows = rows = Memory(shape=entry, depth=config.images, init=[])
        # Two physical ports: nothing is scanned while distances are written, so that both use one address.
        write, scanned = distances.write_port(), distances.read_port()
        formed_at = Signal.like(write.addr)
        m.d.comb += write.addr.eq(scanned.addr)
        source = Signal((config.pes - 1).bit_length())  # the bank whose image is broadcast
        pixels = Signal(8 * config.lanes)
        m.d.comb += pixels.eq(Array(bank.data for bank in banks)[source])
        self._load(m, banks)
        m.d.sync += self.done.eq(self._distances(m, pes, banks, source, pixels, write, formed_at))
        self._fetch(m, banks)
        self._scan(m, scanned, rows.write_port())
        with m.If(write.en):
            m.d.comb += scanned.addr.eq(formed_at)
        self._search(m, pes, distances.read_port(), rows.read_port())
        return m

    def _load(self, m: Module, banks: list[Bank]) -> None:
        """Take batches into the halves in turn; say which half is computed on."""
        count, words = Signal.like(self.load_count), Signal.like(self.load_words)
        full = Signal(2)
        filled, active, loading = Signal(), Signal(), Signal()
        image = Signal(self.derived.index_width)
        word = Signal.like(words)
        base = Signal.like(banks[0].write_address)
        bank = Signal(range(self.config.pes))
        taken = Signal()
        m.d.comb += [
            self.i_pixels.ready.eq(loading),
            taken.eq(loading & self.i_pixels.valid),
            self.load_ready.eq(
                ~loading & ~full.bit_select(filled, 1) & ((filled == active) | ~(self.held | self.free))
            ),
            self.loaded.eq(full.bit_select(active, 1)),
        ]
        with m.If(self.load & self.load_ready):
            m.d.sync += [loading.eq(1), image.eq(0), word.eq(0), base.eq(0), bank.eq(0)]
            m.d.sync += [count.eq(self.load_count), words.eq(self.load_words)]
        with m.Elif(taken):
            m.d.sync += word.eq(word + 1)
            with m.If(word + 1 == words):
                m.d.sync += [word.eq(0), image.eq(image + 1), bank.eq(bank + 1)]
                with m.If(bank == self.config.pes - 1):
                    m.d.sync += base.eq(base + self.derived.words)
                with m.If(image + 1 == count):
                    m.d.sync += [loading.eq(0), full.bit_select(filled, 1).eq(1), filled.eq(~filled)]
        with m.If(self.free):
            m.d.sync += [full.bit_select(active, 1).eq(0), active.eq(~active)]
        for k, unit in enumerate(banks):
            m.d.comb += [
                unit.half.eq(active),
                unit.write_half.eq(filled),
                unit.write_address.eq(base + word),
                unit.write_enable.eq(taken & (bank == k)),
                unit.write_data.eq(self.i_pixels.payload),
            ]

    def _distances(
        self,
        m: Module,
        pes: list[PE],
        banks: list[Bank],
        source: Signal,
        pixels: Signal,
        write,
        formed_at: Signal,
    ) -> Value:
        """Form all distances; returns the pulse after the last one was written."""
        total = self.config.pes
        bits = total.bit_length() - 1
        most = 2 * -(-self.config.images // (2 * total))
        words = self.derived.words

        # The pass to come: image i is broadcast; tile t of the others begins at i + 1 + t * pes.
        slots, half = Signal(range(most + 1)), Signal(range(most + 1))
        image, tile = Signal(self.derived.index_width), Signal(range(max(most // 2, 2)))
        start, final = Signal(range(2 * most * total)), Signal()
        m.d.comb += [
            half.eq((self.count + (2 * total - 1)) >> (bits + 1)),
            slots.eq(half << 1),
            start.eq(image + 1 + (tile << bits)),
            final.eq((image + 1 == self.count) & (tile + 1 == half)),
        ]
        # PE k has the j = k modulo pes: in slot ``beyond`` if k is below the start's place, else in ``here``.
        place_, here, beyond = Signal(bits), Signal(range(most)), Signal(range(most))
        high = start >> bits
        m.d.sync += [
            place_.eq(start[:bits]),
            here.eq(Mux(high >= slots, high - slots, high)),
            beyond.eq(Mux(high + 1 >= slots, high + 1 - slots, high + 1)),
        ]
        farthest = Signal()
        m.d.comb += farthest.eq((tile + 1 == half) & ((image >> bits) >= half))
        here_base, beyond_base = Signal.like(banks[0].address), Signal.like(banks[0].address)
        image_base = Signal.like(banks[0].address)
        m.d.sync += [
            here_base.eq(here * words),
            beyond_base.eq(beyond * words),
            image_base.eq((image >> bits) * words),
        ]
        later, active = Signal(total), Signal(total)
        for k in range(total):
            slot = Mux(k < place_, beyond, here)
            m.d.sync += [
                later[k].eq(k < place_),
                active[k].eq(((slot << bits) + k < self.count) & ~(farthest & (image[:bits] == k))),
            ]

        # Addresses of the pass that runs; the broadcast image is read a cycle before the others.
        info = StructLayout(
            {
                "image": image.shape(),
                "here": here.shape(),
                "beyond": beyond.shape(),
                "later": total,
                "active": total,
                "final": 1,
            }
        )
        running, issuing, word, wait = (
            Signal(),
            Signal(),
            Signal.like(self.words),
            Signal(range(self.interval)),
        )
        current, waiting, collected = Signal(info), Signal(info), Signal(info)
        here_at, beyond_at = Signal.like(here_base), Signal.like(here_base)
        image_at = Signal.like(here_base)
        last, go = Signal(), Signal()
        m.d.comb += [
            last.eq(issuing & (word + 1 == self.words)),
            go.eq(running & (wait == 0) & (~issuing | last)),
        ]
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.If(issuing):
            m.d.sync += [
                word.eq(word + 1),
                here_at.eq(here_at + 1),
                beyond_at.eq(beyond_at + 1),
                image_at.eq(image_at + 1),
            ]
        with m.If(last):
            m.d.sync += [issuing.eq(0), waiting.eq(current)]
        with m.If(go):
            m.d.sync += [
                issuing.eq(1),
                word.eq(0),
                wait.eq(self.interval - 1),
                here_at.eq(here_base),
                beyond_at.eq(beyond_base),
                image_at.eq(image_base),
                current.image.eq(image),
                current.here.eq(here),
                current.beyond.eq(beyond),
                current.later.eq(later),
                current.active.eq(active),
                current.final.eq(final),
                running.eq(~final),
                tile.eq(tile + 1),
            ]
            with m.If(tile + 1 == half):
                m.d.sync += [tile.eq(0), image.eq(image + 1)]
        with m.If(self.distance):
            m.d.sync += [running.eq(1), image.eq(0), tile.eq(0), wait.eq(3)]

        first = Signal()
        m.d.comb += first.eq(word == 0)
        flags = Cat(issuing, first, last)
        soon, now = delayed(m, flags, 1), delayed(m, flags, 2)
        later_soon = delayed(m, current.later, 1)
        active_soon, active_now = delayed(m, current.active, 1), delayed(m, current.active, 2)
        here_soon, beyond_soon = delayed(m, here_at, 1), delayed(m, beyond_at, 1)
        m.d.comb += source.eq(delayed(m, current.image[:bits], 1))
        other = delayed(m, pixels, 1)
        for k, (unit, bank) in enumerate(zip(pes, banks, strict=True)):
            m.d.comb += [
                bank.address.eq(image_at),
                bank.enable.eq(issuing & (current.image[:bits] == k)),
                bank.own_address.eq(Mux(later_soon[k], beyond_soon, here_soon)),
                bank.own_enable.eq(soon[0] & active_soon[k]),
                unit.own.eq(bank.own),
                unit.other.eq(other),
                unit.pixels_valid.eq(now[0] & active_now[k]),
                unit.pixels_first.eq(now[1]),
                unit.pixels_last.eq(now[2]),
            ]

        # Collect the distances of the pass before, one a cycle.
        captured = delayed(m, last, 2 + self.pe.distance_latency - 1)
        collecting, k = Signal(), Signal(range(total))
        with m.If(collecting):
            m.d.sync += k.eq(k + 1)
            with m.If(k == total - 1):
                m.d.sync += collecting.eq(0)
        with m.If(captured):
            m.d.sync += [collected.eq(waiting), collecting.eq(1), k.eq(0)]
        value, low, above = Signal.like(self.pe.distance), Signal.like(image), Signal.like(image)
        j = Signal.like(image)
        exists = Signal()
        m.d.comb += j.eq(
            (Mux(collected.later.bit_select(k, 1), collected.beyond, collected.here) << bits) + k
        )
        m.d.sync += [
            exists.eq(collecting & collected.active.bit_select(k, 1)),
            value.eq(Array(unit.distance for unit in pes)[k]),
            low.eq(Mux(j < collected.image, j, collected.image)),
            above.eq(Mux(j < collected.image, collected.image, j)),
        ]
        m.d.sync += [
            write.en.eq(exists),
            formed_at.eq(triangle(above, low)),
            write.data.eq(value),
        ]
        return delayed(m, collecting & (k == total - 1) & collected.final, 2)

    def _fetch(self, m: Module, banks: list[Bank]) -> None:
        """Send the words of images of the batch that was given back last."""
        bits = self.config.pes.bit_length() - 1
        sending, advance = Signal(), Signal()
        index, word = Signal(self.derived.index_width), Signal.like(self.words)
        words = Signal.like(self.words)  # of the batch that was given back
        at = Signal.like(banks[0].fetch_address)
        sent, last = Signal.like(index), Signal()
        m.d.comb += [
            self.i_fetch.ready.eq(~sending),
            advance.eq(self.o_pixels.ready | ~self.o_pixels.valid),
            self.o_pixels.p.data.eq(Array(bank.fetched for bank in banks)[sent[:bits]]),
            self.o_pixels.p.index.eq(sent),
            self.o_pixels.p.last.eq(last),
        ]
        with m.If(self.free):
            m.d.sync += words.eq(self.words)
        with m.If(advance):
            m.d.sync += self.o_pixels.valid.eq(sending)
        with m.If(~sending):
            wanted = self.i_fetch.payload
            m.d.sync += [
                sending.eq(self.i_fetch.valid),
                index.eq(wanted),
                word.eq(0),
                at.eq((wanted >> bits) * self.derived.words),
            ]
        with m.Else():
            for k, bank in enumerate(banks):
                m.d.comb += [bank.fetch_address.eq(at), bank.fetch_enable.eq(advance & (index[:bits] == k))]
            with m.If(advance):
                m.d.sync += [
                    sent.eq(index),
                    last.eq(word + 1 == words),
                    word.eq(word + 1),
                    at.eq(at + 1),
                    sending.eq(word + 1 != words),
                ]

    def _scan(self, m: Module, read, table) -> None:
        """Minimum, scale and ties of the rows in order; and reading of single distances."""
        m.submodules.scan_walk = walk = Walk(self.config)
        row = Signal(self.derived.index_width)
        data = Signal.like(self.pe.distance)
        m.d.sync += data.eq(read.data)
        flags = delayed(m, Cat(walk.valid, walk.first, walk.valid & walk.last), 2)
        valid, first, last = flags[0], flags[1], flags[2]
        smallest, largest, span = Signal.like(data), Signal.like(data), Signal.like(data)
        ties = Signal(self.derived.count_width)
        with m.If(valid):
            with m.If(first | (data < smallest)):
                m.d.sync += [smallest.eq(data), ties.eq(1)]
            with m.Elif(data == smallest):
                m.d.sync += ties.eq(ties + 1)
            with m.If(first | (data > largest)):
                m.d.sync += largest.eq(data)

        low, high = Signal.like(row), Signal.like(row)
        address = Signal.like(read.addr)
        found = self.o_rows.payload
        m.d.comb += [
            walk.count.eq(self.count),
            walk.row.eq(row),
            walk.advance.eq(1),
            read.addr.eq(walk.address),
            read.en.eq(1),
            table.addr.eq(row),
            table.data.minimum.eq(smallest),
            table.data.scale.eq(bit_length(span)),
        ]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.scan):
                    m.d.sync += row.eq(0)
                    m.next = "START"
                with m.Else():
                    m.d.comb += self.i_read.ready.eq(1)
                    pair = self.i_read.payload
                    m.d.sync += [
                        low.eq(Mux(pair.row < pair.column, pair.row, pair.column)),
                        high.eq(Mux(pair.row < pair.column, pair.column, pair.row)),
                    ]
                    with m.If(self.i_read.valid):
                        m.next = "ADDRESS"
            with m.State("START"):
                m.d.comb += walk.start.eq(1)
                m.next = "WALK"
            with m.State("WALK"), m.If(valid & last):
                m.next = "SPAN"
            with m.State("SPAN"):
                m.d.sync += span.eq(largest - smallest)
                m.next = "FOUND"
            with m.State("FOUND"):
                m.d.comb += table.en.eq(1)
                m.d.sync += [
                    found.row.eq(row),
                    found.minimum.eq(smallest),
                    found.scale.eq(bit_length(span)),
                    found.ties.eq(ties),
                    self.o_rows.valid.eq(1),
                ]
                m.next = "SEND"
            with m.State("SEND"), m.If(self.o_rows.ready):
                m.d.sync += [self.o_rows.valid.eq(0), row.eq(row + 1)]
                m.next = "START"
                with m.If(row + 1 == self.count):
                    m.next = "IDLE"
            with m.State("ADDRESS"):
                m.d.sync += address.eq(triangle(high, low))
                m.next = "READ"
            with m.State("READ"):
                m.d.comb += read.addr.eq(address)
                m.next = "DATA"
            with m.State("DATA"):
                m.d.sync += [
                    self.o_read.payload.eq(Mux(low == high, 0, read.data)),
                    self.o_read.valid.eq(1),
                ]
                m.next = "TAKEN"
            with m.State("TAKEN"), m.If(self.o_read.ready):
                m.d.sync += self.o_read.valid.eq(0)
                m.next = "IDLE"

    def _search(self, m: Module, pes: list[PE], read, table) -> None:
        """Passes of a row over the candidates, S and T out; or one row's weights out."""
        total, width = self.config.pes, self.derived.distance_width
        m.submodules.walk = walk = Walk(self.config)
        depth = 1 << (self.pe.weight_latency + 8).bit_length()
        m.submodules.weights = weights = SyncFIFOBuffered(width=len(self.o_weights.payload), depth=depth)
        room = max(4 * total, 32)
        m.submodules.sums = sums = SyncFIFOBuffered(width=2 * len(self.pe.s), depth=room)

        # Candidates for the next pass: ``pes`` trials of a row, or one query.
        row, k = Signal(self.derived.index_width), Signal(range(total))
        full, started, prepared = Signal(), Signal(), Signal()
        query, ties_only = Signal(), Signal()
        trial, asked = self.i_trials.payload, self.i_queries.payload
        loads = Signal(total)
        mantissa, exponent = Signal.like(trial.mantissa), Signal(EXPONENT)
        m.d.comb += [
            self.i_trials.ready.eq(~full),
            self.i_queries.ready.eq(~full & (k == 0) & ~self.i_trials.valid),
            mantissa.eq(Mux(self.i_trials.valid, trial.mantissa, asked.mantissa)),
            exponent.eq(Mux(self.i_trials.valid, trial.exponent, asked.exponent)),
        ]
        with m.If(~full & self.i_trials.valid):
            m.d.comb += loads.eq(1 << k)
            m.d.sync += [row.eq(trial.row), query.eq(0), ties_only.eq(0), k.eq(k + 1)]
            m.d.sync += Assert((k == 0) | (row == trial.row), "trials of two rows in one pass")
            with m.If(k == total - 1):
                m.d.sync += [k.eq(0), full.eq(1)]
        with m.Elif(self.i_queries.ready & self.i_queries.valid):
            m.d.comb += loads.eq(1)
            m.d.sync += [row.eq(asked.row), query.eq(1), ties_only.eq(asked.ties_only), full.eq(1)]
        m.d.comb += [table.addr.eq(row), table.en.eq(full & ~prepared & ~started)]
        with m.If(table.en):
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
        flags = delayed(m, flags, 4)
        smallest, data, gap = Signal(width), Signal(width), Signal(width)
        dn = Signal(width)
        up = Signal(range(width + 1))
        new_row = delayed(m, issued & walk.first, 1)
        with m.If(new_row):
            m.d.sync += [smallest.eq(table.data.minimum), up.eq(width - table.data.scale)]
        m.d.comb += [read.addr.eq(walk.address), read.en.eq(issued)]
        m.d.sync += [data.eq(read.data), gap.eq(data - smallest), dn.eq(gap << delayed(m, up, 1))]
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
            self.o_sums.payload.eq(sums.r_data),
            self.o_sums.valid.eq(sums.r_rdy),
            sums.r_en.eq(self.o_sums.ready),
            self.o_weights.payload.eq(weights.r_data),
            self.o_weights.valid.eq(weights.r_rdy),
            weights.r_en.eq(self.o_weights.ready),
        ]
