# SPDX-License-Identifier: Apache-2.0
"""The population of the differential evolution, and the trials that are formed from it."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nms.spec.config import POPULATION, Config
from nms.spec.derived import LOG_BETA_LOW, Derived
from rtl.prng import row_draw

K = POPULATION.bit_length() - 1
"""Bits of k, the number of an individual."""


def context_bits(config: Config) -> int:
    """Bits of the number of a context."""
    return max(1, (config.contexts - 1).bit_length())


def individual(config: Config) -> StructLayout:
    """Individual k of a context; as a number it counts all of them."""
    return StructLayout({"k": K, "context": context_bits(config)})


def skip(value: Value, *taken: Value) -> Value:
    """``value`` plus one for each of ``taken``, in ascending order, that it reaches: a draw without them."""
    for other in taken:
        value = (value + (value >= other))[:K]
    return value


class Trials(wiring.Component):
    """Forms the 32 trials of a generation, one a cycle: steps 1 and 2 of contract, section 9.

    An individual has two slots in the population memory. A bit of its context's mask says which one
    holds it; its trial is written into the other. The masks belong to the surroundings, which turn
    the bits of the individuals that were replaced when the generation is complete. So the old
    population stays as it is until the last trial is formed, however late that is, and no individual
    is ever copied.

    Members
    -------
    i : stream of ``{context, state, first}``, one item a generation; in the first one individuals are drawn
        anew. Taken every 33 cycles, or less often if ``o`` stalls.
    drawn, drawn_state : the row generator's state after the 32 draws of ``drawn_context``, one pulse
    asked, mask : the mask of context ``asked``, in the same cycle; holds still during its generation
    o : stream of ``{u, who}``, 32 for each item, ``latency`` cycles later
    """

    latency = 5

    def __init__(self, config: Config) -> None:
        self.config = config
        self.who = individual(config)
        bits = context_bits(config)
        u = config.profile.log_beta.width
        super().__init__(
            {
                "i": In(stream.Signature(StructLayout({"context": bits, "state": 64, "first": 1}))),
                "drawn": Out(1),
                "drawn_context": Out(bits),
                "drawn_state": Out(64),
                "asked": Out(bits),
                "mask": In(POPULATION),
                "o": Out(stream.Signature(StructLayout({"u": u, "who": self.who}))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        u = self.config.profile.log_beta
        derived = Derived(self.config)
        low, high = LOG_BETA_LOW << u.fraction, (derived.log_beta_high << u.fraction) - 1

        # 32 draws
        advance = Signal()
        running = Signal()
        state = Signal(64)
        draw = Signal(64)
        whose = [Signal(self.who, name=f"whose_{step}") for step in range(4)]
        first = [Signal(name=f"first_{step}") for step in range(4)]
        valid = [running, *(Signal(name=f"valid_{step}") for step in range(1, 4))]
        k = whose[0].k
        m.d.comb += [
            advance.eq(self.o.ready | ~self.o.valid),
            self.i.ready.eq(advance & ~running),
            draw.eq(row_draw(state)),
            self.drawn.eq(advance & running & (k == POPULATION - 1)),
            self.drawn_context.eq(whose[0].context),
            self.drawn_state.eq(draw),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                running.eq(1),
                state.eq(self.i.payload.state),
                whose[0].context.eq(self.i.payload.context),
                first[0].eq(self.i.payload.first),
            ]
        with m.Elif(running & advance):
            m.d.sync += [state.eq(draw), k.eq(k + 1), running.eq(~self.drawn)]
        with m.If(advance):
            for before, after in ((0, 1), (1, 2), (2, 3)):
                m.d.sync += [
                    valid[after].eq(valid[before]),
                    whose[after].eq(whose[before]),
                    first[after].eq(first[before]),
                ]

        # 1: from the draw, an individual of generation 0, and numbers below 31, 30 and 29
        new = [Signal(u.width, name=f"new_{step}") for step in (2, 3)]
        a = Signal(K)
        below_30 = Signal(K)
        below_29 = Signal(K)
        fields = state[48:], state[32:48], state[16:32]
        numbers = [
            (bits * factor).shift_right(16)[:K] for bits, factor in zip(fields, (31, 30, 29), strict=True)
        ]
        with m.If(advance):
            m.d.sync += [
                new[0].eq(state[64 - u.fraction :] * derived.octaves + low),
                a.eq(skip(numbers[0], whose[1].k)),
                below_30.eq(numbers[1]),
                below_29.eq(numbers[2]),
            ]

        # 2: three individuals that differ from each other and from k, and where they are
        own = whose[2].k
        b = Signal(K)
        c = Signal(K)
        least, most = Mux(a < own, a, own), Mux(a < own, own, a)
        middle = Mux(b < least, least, Mux(b < most, b, most))
        free = Signal()
        m.d.comb += [
            self.asked.eq(whose[2].context),
            b.eq(skip(below_30, least, most)),
            c.eq(skip(below_29, Mux(b < least, b, least), middle, Mux(b < most, most, b))),
        ]
        with m.If(advance):
            m.d.sync += [new[1].eq(new[0]), free.eq(~self.mask.bit_select(own, 1))]
        members, writes = [], []
        for name, number in (("a", a), ("b", b), ("c", c)):
            copy = Memory(shape=u.width, depth=self.config.contexts * POPULATION * 2, init=[])
            m.submodules[f"population_{name}"] = copy
            read = copy.read_port()
            slot = self.mask.bit_select(number, 1)
            m.d.comb += [read.addr.eq(Cat(slot, number, whose[2].context)), read.en.eq(advance)]
            members.append(read.data.as_signed())
            writes.append(copy.write_port())

        # 3: the trial
        u_a, u_b, u_c = members
        mutant = u_a + (u_b - u_c).shift_right(1)
        limited = Mux(mutant < low, low, Mux(mutant > high, high, mutant))
        place = Signal(range(self.config.contexts * POPULATION * 2))
        with m.If(advance):
            m.d.sync += [
                self.o.valid.eq(valid[3]),
                self.o.payload.u.eq(Mux(first[3], new[1], limited)),
                self.o.payload.who.eq(whose[3]),
                place.eq(Cat(free, whose[3])),
            ]

        # 4: into the free slot
        for write in writes:
            m.d.comb += [
                write.en.eq(self.o.valid & self.o.ready),
                write.addr.eq(place),
                write.data.eq(self.o.payload.u),
            ]
        return m
