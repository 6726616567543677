# SPDX-License-Identifier: Apache-2.0
"""The array of processing elements: distances of all pairs, scan of the rows, search, weights."""

from amaranth import Array, Module, Signal
from amaranth.lib import stream
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.rtl.array.bank import Bank
from nms.rtl.array.pe import PE
from nms.rtl.array.pea_distances import distances
from nms.rtl.array.pea_images import fetch, load
from nms.rtl.array.pea_rows import scan
from nms.rtl.array.pea_search import search
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.signatures import Payloads


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
        self.config, self.derived, self.payloads = config, config.derived, Payloads(config)
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
        return max(self.config.pes, self.pe.distance_latency + 2)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, derived = self.config, self.derived
        pes = [self.pe] + [PE(config) for _ in range(config.pes - 1)]
        banks = [Bank(config) for _ in range(config.pes)]
        for k in range(config.pes):
            instantiate(m, f"pe{k}", pes[k], platform)
            instantiate(m, f"bank{k}", banks[k], platform)
        pairs = config.images * (config.images - 1) // 2
        m.submodules.distances = memory = Memory(shape=derived.distance_width, depth=pairs, init=[])
        entry = StructLayout({"minimum": derived.distance_width, "scale": derived.scale_width})
        m.submodules.rows = rows = Memory(shape=entry, depth=config.images, init=[])
        # Two physical ports: nothing is scanned while distances are written, so that both use one address.
        write, scanned = memory.write_port(), memory.read_port()
        formed_at = Signal.like(write.addr)
        m.d.comb += write.addr.eq(scanned.addr)
        source = Signal((config.pes - 1).bit_length())  # the bank whose image is broadcast
        pixels = Signal(8 * config.lanes)
        m.d.comb += pixels.eq(Array(bank.data for bank in banks)[source])
        load(m, self, banks)
        m.d.sync += self.done.eq(distances(m, self, pes, banks, source, pixels, write, formed_at))
        fetch(m, self, banks)
        scan(m, self, scanned, rows.write_port())
        with m.If(write.en):
            m.d.comb += scanned.addr.eq(formed_at)
        search(m, self, pes, memory.read_port(), rows.read_port())
        return m
