# SPDX-License-Identifier: Apache-2.0
"""Sums of the bytes of a word before, between and behind the ends of boxes, by channel.

Bytes are summed by place modulo 3 first; which channel these sums are of turns with every word, so that sums
are exchanged rather than bytes.
"""

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from nms.contract.config import SamplerConfig
from nms.rtl.reduction.walk import step_layout


class SegmentSums(wiring.Component):
    """Sums of three segments of a word, from the cycle after it on.

    Parameters
    ----------
    config : ``bus_bits``

    Members
    -------
    enable : a step is done
    word : bytes, the first lowest
    step : what is done with it
    split : three interleaved channels; else, all bytes are of channel 0
    sums : by segment and channel, held while not enabled
    """

    def __init__(self, config: SamplerConfig) -> None:
        self.bytes = config.bus_bits // 8
        self.width = bits_for(255 * self.bytes)
        super().__init__(
            {
                "enable": In(1),
                "word": In(config.bus_bits),
                "step": In(step_layout(config)),
                "split": In(1),
                "sums": Out(ArrayLayout(ArrayLayout(self.width, 3), 3)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        behind_first, behind_second = (self._reach(border) for border in self.step.borders)
        segments = [
            self._reach(self.step.start) & ~behind_first,
            behind_first & ~behind_second,
            behind_second,
        ]
        word = Signal.like(self.word, reset_less=True)
        masks = [Signal(self.bytes, name=f"segment_{n}", reset_less=True) for n in range(3)]
        channel = Signal(2, reset_less=True)
        with m.If(self.enable):
            m.d.sync += [word.eq(self.word), channel.eq(self.step.channel)]
            m.d.sync += [mask.eq(segment) for mask, segment in zip(masks, segments, strict=True)]
        for n, mask in enumerate(masks):
            masked = [word.word_select(k, 8) & mask[k].replicate(8) for k in range(self.bytes)]
            places = []
            for place in range(3):
                total = Signal(bits_for(255 * -(-self.bytes // 3)), name=f"place_{n}_{place}")
                m.d.comb += total.eq(sum(masked[place::3]))
                places.append(total)
            for c in range(3):
                turned = Array(places[(c - shift) % 3] for shift in (0, 1, 2, 2))[channel]
                m.d.comb += self.sums[n][c].eq(Mux(self.split, turned, 0 if c else sum(places)))
        return m

    def _reach(self, border: Value) -> Value:
        """A bit for each byte that is not before ``border``."""
        return Cat(border <= k for k in range(self.bytes))
