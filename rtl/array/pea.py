# SPDX-License-Identifier: Apache-2.0
"""The array of processing elements (PEA): distances of all pairs, scan of the rows, search, weights."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from nms.contract.config import Config
from nms.rtl.array.bank import Bank
from nms.rtl.array.pe import PE
from nms.rtl.array.pea_distances import DistancePhase
from nms.rtl.array.pea_images import ImageFetcher, ImageLoader
from nms.rtl.array.pea_rows import RowScan
from nms.rtl.array.pea_search import SearchPhase
from nms.rtl.array.walk import count_pairs
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import Payloads


class PEA(Block):
    """The array: ``pes`` processing elements (PEs), the images beside them, and all distances (contract,
    sections 5 and 6).

    * **load**: takes a batch of ``load_count`` images of ``load_words`` words from ``i_pixels``, image
      after image, into a half of the image memory, in turn. It goes on beside everything else.
    * **free**: gives back the half that is computed on; from now on it is the other one. While ``held``,
      the half that was given back is not loaded.
    * **distance**: forms ``D_ij = sum_d (x_id - x_jd)^2`` of every pair i < j once. ``done`` at the end.
    * **fetch**: sends the words of an image of the batch that was given back last, while ``held``. It goes
      on beside everything else. With ``side`` there is none of it.
    * **scan**: sends ``{row, minimum, scale, ties}`` of the rows 0 ... N-1 in order: min_i, L_i, m_i.
      It goes on beside the search.
    * **search**: trials in runs of ``pes`` (each of one row, whose ``o_rows`` was taken) give ``{s, t}`` in
      the order of the trials. The next ``pes`` trials are taken while a pass runs.
    * **query**: N-1 weights of a row, j ascending without i.
    * **read**: D_ij, 0 on the diagonal, while neither distances are formed nor rows scanned.

    Parameters
    ----------
    config : ``images``, ``pixels``, ``pes``, ``lanes``, ``unroll`` and the formats

    Members
    -------
    count, words : N and ceil(pixels/lanes) of the batch that is computed on; stable from ``distance`` on
    load_count, load_words : of the batch to be loaded; sampled with ``load``
    load, distance, scan : start pulses
    load_ready : a half is free and no load goes on; other ``load`` pulses are ignored
    loaded : the half to be computed on holds a whole batch
    free : pulse, only while ``loaded`` and not ``held``
    held : images are still to be fetched; rises at the latest in the cycle after ``free``
    done : all distances are written, a pulse
    i_pixels : the words of a batch, image after image
    i_fetch : the index of an image to be sent
    o_pixels : its words, with the index and ``last`` with the last of them
    o_rows : minimum, scale and ties of a row
    i_trials : candidates of a row, in runs of ``pes``
    o_sums : S and T of each candidate
    i_queries : a row whose weights are wanted, with its beta2
    o_weights : its weights
    i_read : a pair
    o_read : its distance
    pair_enable : with ``picks``, a pair is wanted that ``i_read`` shows while it could be taken and none is
    pair_distance : its distance ``PAIR_LATENCY`` cycles later, on the diagonal anything

    Latency
    -------
    Distances take N N'/(2 pes) passes, N' being N rounded up to a multiple of 2 pes, of max(``words``,
    :attr:`interval`) cycles each, and a few cycles around them. A row's scan takes N + 7 cycles.

    Throughput
    ----------
    Loading takes one word a cycle, fetching gives one but for one cycle between images. Passes over a row
    follow each other every max(N-1, pes + 7) cycles while there are trials and room for sums. Weights come
    one a cycle, but for a few cycles between rows.

    Reset
    -----
    Both halves are free, and nothing is under way.
    """

    def __init__(self, config: Config) -> None:
        self.config, self.derived, self.payloads = config, config.derived, Payloads(config)
        self.module = "pea"
        self.parameters = tuple(config.model_dump(exclude={"name"}).items())
        self._distances = DistancePhase(config)
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
                **({} if config.side else {"held": In(1)}),
                "distance": In(1),
                "scan": In(1),
                "done": Out(1),
                "i_pixels": In(stream.Signature(payloads.pixels)),
                **(
                    {}
                    if config.side
                    else {
                        "i_fetch": In(stream.Signature(payloads.index)),
                        "o_pixels": Out(stream.Signature(payloads.fetched)),
                    }
                ),
                "o_rows": Out(stream.Signature(payloads.row)),
                "i_trials": In(stream.Signature(payloads.trial)),
                "o_sums": Out(stream.Signature(payloads.sums)),
                "i_queries": In(stream.Signature(payloads.query)),
                "o_weights": Out(stream.Signature(payloads.weight)),
                "i_read": In(stream.Signature(payloads.pair)),
                "o_read": Out(stream.Signature(payloads.distance)),
            }
            | ({"pair_enable": In(1), "pair_distance": Out(payloads.distance)} if config.picks else {})
        )

    @property
    def interval(self) -> int:
        """Least number of cycles between two passes over pixels (:attr:`DistancePhase.interval`)."""
        return self._distances.interval

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, payloads = self.config, self.payloads
        pes = [PE(config) for _ in range(config.pes)]
        banks = [Bank(config) for _ in range(config.pes)]
        for k in range(config.pes):
            instantiate(m, f"pe{k}", pes[k], platform)
            instantiate(m, f"bank{k}", banks[k], platform)
        m.submodules.distances = memory = RAM(shape=payloads.distance, depth=count_pairs(config))
        m.submodules.rows = rows = RAM(shape=payloads.scale, depth=config.images)
        # components of this block, not blocks of their own, but for their tests
        m.submodules.loader = loader = ImageLoader(config)
        fetcher = None if config.side else ImageFetcher(config)
        if fetcher is not None:
            m.submodules.fetcher = fetcher
        m.submodules.distance_phase = distances = self._distances
        m.submodules.row_scan = scan = RowScan(config)
        m.submodules.search_phase = search = SearchPhase(config)

        self._join(m, loader, fetcher, distances, scan, search)
        self._connect_banks(m, banks, loader, fetcher, distances)
        self._connect_pes(m, pes, banks, distances, search)
        self._connect_memories(m, memory, rows, distances, scan, search)
        return m

    def _join(
        self,
        m: Module,
        loader: ImageLoader,
        fetcher: ImageFetcher | None,
        distances: DistancePhase,
        scan: RowScan,
        search: SearchPhase,
    ) -> None:
        """The array's own ports to the components behind them."""
        m.d.comb += [
            loader.count.eq(self.load_count),
            loader.words.eq(self.load_words),
            loader.load.eq(self.load),
            *([loader.held.eq(self.held)] if fetcher is not None else []),
            loader.free.eq(self.free),
            self.load_ready.eq(loader.load_ready),
            self.loaded.eq(loader.loaded),
            *([fetcher.words.eq(self.words), fetcher.free.eq(self.free)] if fetcher is not None else []),
            distances.start.eq(self.distance),
            distances.count.eq(self.count),
            distances.words.eq(self.words),
            self.done.eq(distances.done),
            scan.scan.eq(self.scan),
            scan.count.eq(self.count),
            search.count.eq(self.count),
        ]
        for inner, names in (
            (loader, ("i_pixels",)),
            *([(fetcher, ("i_fetch", "o_pixels"))] if fetcher is not None else []),
            (scan, ("o_rows", "i_read", "o_read")),
            (search, ("i_trials", "o_sums", "i_queries", "o_weights")),
        ):
            for name in names:
                connect(m, flipped(getattr(self, name)), getattr(inner, name))

    def _connect_banks(
        self,
        m: Module,
        banks: list[Bank],
        loader: ImageLoader,
        fetcher: ImageFetcher | None,
        distances: DistancePhase,
    ) -> None:
        """The image memory to what writes it, reads it for distances and reads it to be sent."""
        for k, bank in enumerate(banks):
            m.d.comb += [
                bank.half.eq(loader.half),
                bank.write_half.eq(loader.write_half),
                bank.write_address.eq(loader.write_address),
                bank.write_enable.eq(loader.write_enable[k]),
                bank.write_data.eq(loader.write_data),
            ]
            if fetcher is not None:
                m.d.comb += [
                    bank.fetch_address.eq(fetcher.address),
                    bank.fetch_enable.eq(fetcher.enable[k]),
                    fetcher.fetched[k].eq(bank.fetched),
                ]
            m.d.comb += [
                bank.address.eq(distances.address),
                bank.enable.eq(distances.enable[k]),
                bank.own_address.eq(distances.own_address[k]),
                bank.own_enable.eq(distances.own_enable[k]),
            ]

    def _connect_pes(
        self, m: Module, pes: list[PE], banks: list[Bank], distances: DistancePhase, search: SearchPhase
    ) -> None:
        """To each PE its own image and the one that is broadcast, or a distance; its results back."""
        broadcast = Signal(8 * self.config.lanes, reset_less=True)
        m.d.sync += broadcast.eq(Array(bank.data for bank in banks)[distances.source])
        for k, (unit, bank) in enumerate(zip(pes, banks, strict=True)):
            m.d.comb += [
                unit.own.eq(bank.own),
                unit.other.eq(broadcast),
                unit.pixels_valid.eq(distances.pixels_valid[k]),
                unit.pixels_first.eq(distances.pixels_first),
                unit.pixels_last.eq(distances.pixels_last),
                distances.distances[k].eq(unit.distance),
                unit.mantissa.eq(search.mantissa),
                unit.exponent.eq(search.exponent),
                unit.load.eq(search.load[k]),
                unit.dn.eq(search.dn),
                unit.dn_valid.eq(search.dn_valid[k]),
                unit.dn_first.eq(search.dn_first),
                unit.dn_last.eq(search.dn_last),
                unit.ties_only.eq(search.ties_only),
                search.sums[k].s.eq(unit.s),
                search.sums[k].t.eq(unit.t),
            ]
        m.d.comb += [
            search.sums_done.eq(pes[0].sums_done),
            search.weight.eq(pes[0].weight),
            search.weight_valid.eq(pes[0].weight_valid),
        ]

    def _connect_memories(
        self,
        m: Module,
        memory: RAM,
        rows: RAM,
        distances: DistancePhase,
        scan: RowScan,
        search: SearchPhase,
    ) -> None:
        """The distances and the rows' scales to those that write and read them."""
        # Two physical ports: nothing is scanned while distances are written, so that both use one address.
        write, scanned, searched = memory.write_port(), memory.read_port(), memory.read_port()
        m.d.comb += [
            write.en.eq(distances.write_enable),
            write.data.eq(distances.write_data),
            write.addr.eq(scanned.addr),
            scanned.addr.eq(Mux(write.en, distances.write_address, scan.read_address)),
            scanned.en.eq(scan.read_enable),
            scan.read_data.eq(scanned.data),
            searched.addr.eq(search.read_address),
            searched.en.eq(search.read_enable),
            search.read_data.eq(searched.data),
        ]
        if self.config.picks:
            m.d.comb += [scan.pair_enable.eq(self.pair_enable), self.pair_distance.eq(scanned.data)]
        store, scale = rows.write_port(), rows.read_port()
        m.d.comb += [
            store.addr.eq(scan.write_address),
            store.en.eq(scan.write_enable),
            store.data.eq(scan.write_data),
            scale.addr.eq(search.scale_address),
            scale.en.eq(search.scale_enable),
            search.scale_data.eq(scale.data),
        ]
