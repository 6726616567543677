# SPDX-License-Identifier: Apache-2.0
"""The population of a search by differential evolution (DE), and the trials of any search."""

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from nms.contract.config import POPULATION, Config
from nms.contract.derived import LOG_BETA_LOW
from nms.contract.settings import Search
from nms.rtl.lib.fixed import product
from nms.rtl.lib.prng import row_draw
from nms.rtl.lib.ram import RAM

K = POPULATION.bit_length() - 1
"""Bits of k, the number of an individual."""


def context_bits(config: Config) -> int:
    """Bits of the number of a context."""
    return max(1, (config.contexts - 1).bit_length())


def individual_layout(config: Config) -> StructLayout:
    """Individual k of a context; as a number it counts all of them."""
    return StructLayout({"k": K, "context": context_bits(config)})


def point_layout(config: Config) -> StructLayout:
    """The points ``origin + k * step`` (raw u), k = 0 ... 31, before they are limited."""
    u = config.profile.log_beta
    span = (config.derived.octaves << u.fraction).bit_length()
    return StructLayout({"origin": signed(u.width), "step": span})


def window_grid(config: Config) -> list[int]:
    """The grid with which the windows begin, in quarters of an octave (contract, section 9.3)."""
    top = config.derived.log_beta_high - 12
    parts = [range(-32, 0, 8), range(0, 48, 2), range(48, 48 + 4 * top, top)]
    return [quarters for part in parts for quarters in part]


def skip(value: Value, *taken: Value) -> Value:
    """``value`` plus one for each of ``taken``, in ascending order, that it reaches: a draw without them.

    They differ, so that a value that misses one misses the following: no comparison waits for another.
    """
    return (value + sum(value + reached >= other for reached, other in enumerate(taken)))[:K]


class Trials(wiring.Component):
    """Forms the 32 trials of a generation, one a cycle (contract, section 9).

    By ``search``: DE/rand/1 and DE/best/1 draw a fresh generation and form any other from the population,
    where ``origin`` is the best individual and ``step`` is 0. A section or a window is
    ``origin + k * step``, limited; the first of the windows is a fixed grid. Such generations count as
    fresh: each point replaces its individual.

    An individual has two slots in the population memory. A bit of its context's mask says which one
    holds it; its trial is written into the other. The masks belong to the surroundings, which turn
    the bits of the individuals that were replaced when the generation is complete. So the old
    population stays as it is until the last trial is formed, however late that is, and no individual
    is ever copied.

    Members
    -------
    search : method, a Search
    i : stream of ``{context, state, fresh, first, points}``, one item a generation, ``first`` with the
        first of a row. Taken every 33 cycles, or less often if ``o`` stalls.
    drawn, drawn_state : the row generator's state after the 32 draws of ``drawn_context``, one pulse
    asked, mask, masked : the mask of context ``asked``, and whether it has one yet, in the same cycle; they
        hold still during its generation
    o : stream of ``{u, who}``, 32 for each item, ``latency`` cycles later
    place_enable, place, member : a slot of the population that is wanted, and one cycle later what is in it;
        not for DE/rand/1
    """

    latency = 12

    def __init__(self, config: Config) -> None:
        self.config = config
        self.who = individual_layout(config)
        bits = context_bits(config)
        u = config.profile.log_beta.width
        self.slot = StructLayout({"second": 1, "who": self.who})
        generation = {"context": bits, "state": 64, "fresh": 1, "first": 1, "points": point_layout(config)}
        super().__init__(
            {
                "search": In(Search),
                "i": In(stream.Signature(StructLayout(generation))),
                "drawn": Out(1),
                "drawn_context": Out(bits),
                "drawn_state": Out(64),
                "asked": Out(bits),
                "mask": In(POPULATION),
                "masked": In(1),
                "o": Out(stream.Signature(StructLayout({"u": u, "who": self.who}))),
                "place_enable": In(1),
                "place": In(self.slot),
                "member": Out(signed(u)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        u = self.config.profile.log_beta
        derived = self.config.derived
        low, high = LOG_BETA_LOW << u.fraction, (derived.log_beta_high << u.fraction) - 1
        rand, best = self.search == Search.DE_RAND1, self.search == Search.DE_BEST1

        def limit(value: Value) -> Value:
            return Mux(value < low, low, Mux(value > high, high, value))

        # 32 draws, or points
        advance = Signal()
        running = Signal()
        state = Signal(64)
        draw = Signal(64)

        def later(value: Value, steps: int = 1) -> Value:
            for _ in range(steps):
                held = Signal(value.shape())
                with m.If(advance):
                    m.d.sync += held.eq(value)
                value = held
            return value

        whose, fresh, valid = [Signal(self.who, name="whose")], [Signal(name="fresh")], [running]
        for steps in (whose, fresh, valid):
            for _ in range(self.latency - 2):
                steps.append(later(steps[-1]))
        k = whose[0].k
        first, last = Signal(), Signal()
        point = Signal(signed(u.width + 1))
        ahead = Signal.like(self.i.payload.points.step)
        m.d.comb += [
            advance.eq(self.o.ready | ~self.o.valid),
            self.i.ready.eq(advance & ~running),
            draw.eq(row_draw(state)),
            last.eq(k == POPULATION - 1),
            self.drawn_context.eq(whose[0].context),
            self.drawn_state.eq(state),
        ]
        m.d.sync += self.drawn.eq(advance & running & last)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                running.eq(1),
                state.eq(self.i.payload.state),
                whose[0].context.eq(self.i.payload.context),
                fresh[0].eq(self.i.payload.fresh),
                first.eq(self.i.payload.first),
                point.eq(self.i.payload.points.origin),
                ahead.eq(self.i.payload.points.step),
            ]
        with m.Elif(running & advance):
            m.d.sync += [state.eq(draw), k.eq(k + 1), running.eq(~last), point.eq(point + ahead)]
        grid = (self.search == Search.WINDOW) & first
        grid_points = Array(Const(quarters, signed(9)) for quarters in window_grid(self.config))
        even = later(Mux(grid, grid_points[k].shift_left(u.fraction - 2), limit(point)))

        # 1: from the draw, an individual, and numbers below 31, 30 and 29; DE/best/1 has no use for the third
        both = advance.replicate(2)
        drawn = product(m, state[64 - u.fraction :], Const(derived.octaves), both)
        fields = Mux(best, state[32:48], state[48:]), Mux(best, state[16:32], state[32:48]), state[16:32]
        # 31 = 32 - 1, 30 = 32 - 2, 29 = 32 - 3, of which 3 takes a stage: adders are near, not so multipliers
        below_31, below_30 = (
            later((bits.shift_left(5) - bits.shift_left(place)).shift_right(16)[:K])
            for place, bits in enumerate(fields[:2])
        )
        third, thrice = later(fields[2]), later(fields[2] + fields[2].shift_left(1))
        below_29 = later((third.shift_left(5) - thrice).shift_right(16)[:K])

        # 2 to 6: what is new, and three individuals that differ from each other and from k
        new = later(Mux((rand | best) & fresh[3], (drawn + low)[: u.width].as_signed(), later(even, 2)))
        a = later(skip(below_31, whose[2].k))
        own = whose[3].k
        least, most = later(Mux(a < own, a, own)), later(Mux(a < own, own, a))
        b = later(skip(later(below_30, 2), least, most))
        a, least, most = later(a, 2), later(least), later(most)
        order = [
            Mux(b < least, b, least),
            Mux(b < least, least, Mux(b < most, b, most)),
            Mux(b < most, most, b),
        ]
        c = later(skip(later(below_29, 3), *map(later, order)))
        a, b = later(a, 2), later(b, 2)
        m.d.comb += self.asked.eq(whose[6].context)
        mask, masked = later(self.mask), later(self.masked)

        # 7: where they are
        free = ~(mask.bit_select(whose[7].k, 1) & masked)  # at first all are in the first slot
        members, writes = [], []
        for name, number in (("a", a), ("b", Mux(rand, b, a)), ("c", Mux(rand, c, b))):
            copy = RAM(shape=signed(u.width), depth=self.config.contexts * POPULATION * 2)
            m.submodules[f"population_{name}"] = copy
            read = copy.read_port()
            slot = mask.bit_select(number, 1)
            m.d.comb += [
                read.addr.eq(Cat(slot, number, whose[7].context)),
                read.en.eq(advance & valid[7] & ~fresh[7]),
            ]
            if name == "a":  # DE/best/1 needs two, so that this one serves ``place``
                with m.If(~rand):
                    m.d.comb += [
                        read.addr.eq(self.place),
                        read.en.eq(self.place_enable),
                        self.member.eq(read.data),
                    ]
            members.append(later(read.data))
            writes.append(copy.write_port())

        # 9, 10: the trial
        u_a, u_b, u_c = members
        new = later(new, 5)
        mutant = later(Mux(rand, u_a, new) + (u_b - u_c).shift_right(1))
        slot = later(Cat(later(free, 3), whose[10]))
        with m.If(advance):
            m.d.sync += [
                self.o.valid.eq(valid[10]),
                self.o.payload.u.eq(Mux(fresh[10], later(new), limit(mutant))),
                self.o.payload.who.eq(whose[10]),
            ]

        # Into the free slot; no trial is formed from the points of a section or a window
        for write, wanted in zip(writes, (1, rand | best, rand | best), strict=True):
            m.d.comb += [
                write.en.eq(self.o.valid & self.o.ready & wanted),
                write.addr.eq(slot),
                write.data.eq(self.o.payload.u),
            ]
        return m
