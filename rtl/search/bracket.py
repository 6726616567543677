# SPDX-License-Identifier: Apache-2.0
"""Brackets of the solutions, and the points that a section or a window takes from them."""

from amaranth import Array, Module, Mux, Signal, signed
from amaranth.hdl import Assert
from amaranth.lib import wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import Config
from nms.contract.derived import LOG_BETA_LOW
from nms.rtl.lib.fixed import bit_length
from nms.rtl.lib.ram import RAM
from nms.rtl.search.trials import context_bits, individual_layout, point_layout

RATIO = 24
"""Bits of rho, the ratio that the span of a bracket is multiplied by."""

SECTION, SECTION_BITS = 1986, 16
"""1986/65536, about 1/33."""


def first_section(config: Config) -> tuple[int, int]:
    """Origin and step of the section of the whole range."""
    fraction = config.profile.log_beta.fraction
    step = ((config.derived.octaves << fraction) * SECTION) >> SECTION_BITS
    return (LOG_BETA_LOW << fraction) + step, step


class Bracket(wiring.Component):
    """Keeps the bracket of each context and places its next 32 points (contract, sections 9.2 and 9.3).

    rho, a division, and its product with the span b - a come from one shared unit, a bit of the
    ratio a cycle from the top: the restoring division gives the bit, the product doubles and adds the
    span if it is 1. For a section the same division gives 1986/65536. A bracket with b < a, which no
    decreasing Perp gives, counts as b = a.

    Members
    -------
    windows : windows where they are possible; otherwise sections only
    target : perplexity, raw
    forget, forgotten : nothing is known of a context any more, one pulse
    came, score : the score of individual k, in order; ``above``: Perp >= target
    go, whose : place the points of a context, a pulse after its last score and before the next score
        of any; not within ``latency`` cycles of the one before
    placed, context, points : ``latency`` cycles later, one pulse
    """

    latency = RATIO + 3

    def __init__(self, config: Config) -> None:
        self.config = config
        self.u = signed(config.profile.log_beta.width)
        self.width = config.profile.perplexity.width
        bits = context_bits(config)
        score = {"who": individual_layout(config), "u": self.u, "perplexity": self.width, "above": 1}
        super().__init__(
            {
                "windows": In(1),
                "target": In(self.width),
                "forget": In(1),
                "forgotten": In(bits),
                "came": In(1),
                "score": In(StructLayout(score)),
                "go": In(1),
                "whose": In(bits),
                "placed": Out(1),
                "context": Out(bits),
                "points": Out(point_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fraction = self.config.profile.log_beta.fraction
        side = StructLayout({"u": self.u, "perplexity": self.width})
        m.submodules.lows = lows = RAM(shape=side, depth=self.config.contexts)
        m.submodules.highs = highs = RAM(shape=side, depth=self.config.contexts)

        def flags(name: str) -> Array:
            return Array(Signal(name=f"{name}_{c}") for c in range(self.config.contexts))

        low_known, high_known, window = flags("low_known"), flags("high_known"), flags("window")

        # The last leading point becomes a, the first below becomes b.
        who, above = self.score.who, self.score.above
        leading, below = Signal(), Signal()  # all so far are leading; the very first is not
        leads = Signal()
        write_low, write_high = lows.write_port(), highs.write_port()
        m.d.comb += [
            leads.eq((who.k == 0) | leading),
            write_low.en.eq(self.came & leads & above),
            write_high.en.eq(self.came & leads & ~above),
        ]
        for write in (write_low, write_high):
            m.d.comb += [
                write.addr.eq(who.context),
                write.data.u.eq(self.score.u),
                write.data.perplexity.eq(self.score.perplexity),
            ]
        with m.If(self.forget):
            m.d.sync += [known[self.forgotten].eq(0) for known in (low_known, high_known)]
        with m.If(self.came):
            m.d.sync += leading.eq(leads & above)
            with m.If(who.k == 0):
                m.d.sync += below.eq(~above)
            with m.If(write_low.en):
                m.d.sync += low_known[who.context].eq(1)
            with m.If(write_high.en):
                m.d.sync += high_known[who.context].eq(1)

        # The bracket, and the ratio as a quotient
        low, high = lows.read_port(domain="comb"), highs.read_port(domain="comb")
        a, b, difference = Signal(self.u), Signal(self.u), Signal(signed(self.u.width + 1))
        secant = Signal()
        whose = self.whose
        m.d.comb += [
            low.addr.eq(whose),
            high.addr.eq(whose),
            a.eq(Mux(low_known[whose], low.data.u, LOG_BETA_LOW << fraction)),
            b.eq(Mux(high_known[whose], high.data.u, self.config.derived.log_beta_high << fraction)),
            difference.eq(b - a),
            secant.eq(
                self.windows
                & low_known[whose]
                & high_known[whose]
                & ~(window[whose] & (leading | below))  # a window of this search that missed
            ),
        ]
        span = Signal.like(self.points.step)
        base = Signal(self.u)
        remainder, divisor = Signal(self.width), Signal(self.width)
        product = Signal(len(span) + RATIO)
        left = Signal(range(RATIO + 1))
        windowed = Signal()
        bit = Signal()
        # a cycle after its bit of the ratio, the product takes it in
        adding, adds, finished = Signal(), Signal(), Signal()
        twice = remainder.shift_left(1)
        m.d.comb += bit.eq(twice >= divisor)
        m.d.sync += [adding.eq((left != 0) & ~self.go), adds.eq(bit), finished.eq(left == 1)]
        with m.If(self.go):
            m.d.sync += [
                self.context.eq(whose),
                window[whose].eq(secant),
                windowed.eq(secant),
                base.eq(a),
                span.eq(Mux(difference < 0, 0, difference)),
                remainder.eq(Mux(secant, low.data.perplexity - self.target, SECTION)),
                divisor.eq(Mux(secant, low.data.perplexity - high.data.perplexity, 1 << SECTION_BITS)),
                product.eq(0),
                left.eq(RATIO),
            ]
        with m.Elif(left != 0):
            m.d.sync += [
                remainder.eq(Mux(bit, twice - divisor, twice)),
                left.eq(left - 1),
            ]
        with m.If(adding):
            m.d.sync += product.eq(product.shift_left(1) + Mux(adds, span, 0))

        # A section starts at a + h in steps of h; a window spreads around a + rho (b - a).
        aiming = Signal()
        part = product.shift_right(RATIO)
        advance = Signal.like(span)
        octave, spread = Signal(range(len(span) + 1)), Signal(range(len(span)))
        wide, most = 2 * octave - (fraction + 7), octave - 5
        least = Mux(wide < most, wide, most)
        step = self.points.step
        m.d.comb += [
            advance.eq(Mux(~windowed & (part == 0), 1, part)),
            # floor(-31 * 2^x / 2) = 2^x / 2 - 16 * 2^x, the former rounded down
            self.points.origin.eq(Mux(windowed, base - step.shift_left(4) + step.shift_right(1), base)),
        ]
        # the span holds for as long as the division takes
        m.d.sync += [octave.eq(bit_length(span)), spread.eq(Mux(least < 0, 0, least))]
        m.d.sync += [aiming.eq(adding & finished), self.placed.eq(aiming)]
        with m.If(aiming):
            m.d.sync += [base.eq(base + advance), step.eq(Mux(windowed, 1 << spread, advance))]
        m.d.sync += Assert(~self.go | ~((left != 0) | adding | aiming), "bracket: points asked for too early")
        return m
