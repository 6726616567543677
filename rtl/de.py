# SPDX-License-Identifier: Apache-2.0
"""Differential evolution: searches log2(beta) of several rows in turn, one trial a cycle."""

from collections.abc import Sequence
from enum import IntEnum

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nms.spec.config import GENERATION_CAP, POPULATION, Config
from nms.spec.derived import LOG_BETA_LOW, Derived
from nms.spec.tables import Status
from rtl.cordic import Rotate
from rtl.fitness import Fitness
from rtl.fixed import half_up
from rtl.flow import Queue, Register
from rtl.hierarchy import Block, place
from rtl.prng import row_draw
from rtl.signatures import EXPONENT, Payloads

K = POPULATION.bit_length() - 1
"""Bits of k, the number of an individual."""


class Phase(IntEnum):
    """What a context waits for."""

    FREE = 0  # a task
    READY = 1  # its turn to issue a generation
    FLYING = 2  # scores of the trials it issued
    CONSTANT = 3  # its turn to hand in the sums of a row without a search
    DONE = 4  # its result to be taken


def first_of(requests: Sequence[Value]) -> Value:
    """The lowest index whose request is high; meaningless if none is."""
    found = Value.cast(len(requests) - 1)
    for index in reversed(range(len(requests) - 1)):
        found = Mux(requests[index], index, found)
    return found


def next_of(m: Module, requests: Sequence[Value], last: Signal) -> Signal:
    """The first index after ``last``, around the end, whose request is high (round robin)."""
    count = len(requests)
    found = Signal(range(count))
    with m.Switch(last):
        for start in range(count):
            order = [(start + 1 + step) % count for step in range(count)]
            with m.Case(start):
                m.d.comb += found.eq(Array(order)[first_of([requests[index] for index in order])])
    return found


def skip(value: Value, *taken: Value) -> Value:
    """``value`` plus one for each of ``taken``, in ascending order, that it reaches: a draw without them."""
    for other in taken:
        value = (value + (value >= other))[:K]
    return value


class DE(Block):
    """Searches each row of ``i_tasks`` and answers with one item on ``o_results`` (contract, section 9).

    ``o_trials`` carries the candidates, ``i_sums`` their S and T in the same order. Up to ``contexts``
    rows are in work; each in turn issues a generation of 32 trials without a gap, which takes 33
    cycles when nothing stalls. A row's next generation follows when all 32 scores are back, after
    ``turn_latency``. Results come in any order.

    An individual has two slots in the population memory. A bit of the context's mask says which one
    holds it; its trial is written into the other, and the masks turn when the generation is
    complete. So the old population stays as it is until the last trial is formed, however late
    that is, and no individual is ever copied.

    ``target`` (perplexity, raw) holds still while there are tasks. Rows without a solution skip the
    search: their constant sums go through the fitness unit between those of the others.
    """

    module = "de"

    def __init__(self, config: Config) -> None:
        payloads, profile = Payloads(config), config.profile
        self.config, self.payloads = config, payloads
        self.parameters = (config.digest,)
        self.context_bits = max(1, (config.contexts - 1).bit_length())
        self.fitness = Fitness(config, 1 + self.context_bits + K)
        self.rotate = Rotate(
            Derived(config).post_indices,
            profile.cordic.fraction,
            config.unroll,
            EXPONENT.width + self.context_bits + K,
        )
        super().__init__(
            {
                "target": In(profile.perplexity.width),
                "i_tasks": In(stream.Signature(payloads.task)),
                "o_trials": Out(stream.Signature(payloads.trial)),
                "i_sums": In(stream.Signature(payloads.sums)),
                "o_results": Out(stream.Signature(payloads.result)),
            }
        )

    @property
    def start_latency(self) -> int:
        """Cycles from a task to its first trial."""
        return 7 + self.rotate.latency

    @property
    def turn_latency(self) -> int:
        """Cycles from the last sums of a generation to the first trial of the next."""
        return 9 + self.fitness.latency + self.rotate.latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        contexts, profile = self.config.contexts, self.config.profile
        derived = Derived(self.config)
        u, fraction = profile.log_beta, profile.mantissa.fraction
        low = LOG_BETA_LOW << u.fraction
        high = (derived.log_beta_high << u.fraction) - 1
        context_shape = self.context_bits
        who = StructLayout({"k": K, "context": context_shape})
        candidate = StructLayout({"mantissa": profile.mantissa.width, "exponent": EXPONENT})
        best_shape = StructLayout(
            {"error": profile.perplexity.width, "candidate": candidate, "score": self.payloads.score}
        )

        fitness = place(m, "fitness", self.fitness, platform)
        rotate = place(m, "rotate", self.rotate, platform)

        # Contexts
        phases = Array(Signal(range(len(Phase)), name=f"phase_{c}") for c in range(contexts))
        rows = Array(Signal(derived.index_width, name=f"row_{c}") for c in range(contexts))
        ties = Array(Signal(derived.count_width, name=f"ties_{c}") for c in range(contexts))
        generations = Array(Signal(8, name=f"generations_{c}") for c in range(contexts))
        statuses = Array(Signal(2, name=f"status_{c}") for c in range(contexts))
        m.submodules.states = states = Memory(shape=64, depth=contexts, init=[])
        m.submodules.masks = masks = Memory(shape=POPULATION, depth=contexts, init=[])
        m.submodules.bests = bests = Memory(shape=best_shape, depth=contexts, init=[])
        write_state, read_state = states.write_port(), states.read_port(domain="comb")

        def waiting(phase: Phase) -> list[Value]:
            return [held == phase for held in phases]

        # A task takes a free context
        task = self.i_tasks.payload
        free = Signal(context_shape)
        limit = task.ties.shift_left(profile.perplexity.fraction)
        store = Signal()  # the issuing context needs the write port of the states
        m.d.comb += [
            free.eq(first_of(waiting(Phase.FREE))),
            self.i_tasks.ready.eq(Cat(waiting(Phase.FREE)).any() & ~store),
        ]
        taken = self.i_tasks.ready & self.i_tasks.valid
        with m.If(taken):
            m.d.sync += [
                phases[free].eq(Mux(limit < self.target, Phase.READY, Phase.CONSTANT)),
                statuses[free].eq(Mux(limit > self.target, Status.INFEASIBLE, Status.SATURATED)),
                rows[free].eq(task.row),
                ties[free].eq(task.ties),
                generations[free].eq(0),
            ]

        # Issue: a ready context draws 32 times
        context, k, state = Signal(context_shape), Signal(K), Signal(64)
        running, advance = Signal(), Signal()
        chosen = next_of(m, waiting(Phase.READY), context)
        pick = Signal()
        m.submodules.runs = runs = Queue(context_shape, contexts)
        m.d.comb += [
            pick.eq(~running & Cat(waiting(Phase.READY)).any() & advance),
            runs.i.valid.eq(pick),
            runs.i.payload.eq(chosen),
            read_state.addr.eq(chosen),
        ]
        m.d.sync += Assert(~pick | runs.i.ready, "de: more runs than contexts")
        draw = Signal(64)
        m.d.comb += draw.eq(row_draw(state))
        with m.If(pick):
            m.d.sync += [
                phases[chosen].eq(Phase.FLYING),
                context.eq(chosen),
                state.eq(read_state.data),
                running.eq(1),
            ]
        with m.Elif(running & advance):
            m.d.sync += [state.eq(draw), k.eq(k + 1)]
            m.d.comb += store.eq(k == POPULATION - 1)
            with m.If(store):
                m.d.sync += running.eq(0)
        m.d.comb += [
            write_state.en.eq(store | taken),
            write_state.addr.eq(Mux(store, context, free)),
            write_state.data.eq(Mux(store, draw, task.state)),
        ]

        # Three registers on the way to the population; at each, whose trial it is
        at = [Signal(who, name=f"who_{step}") for step in range(5)]
        there = [Signal(name=f"valid_{step}") for step in range(5)]
        m.d.comb += [there[0].eq(running), at[0].k.eq(k), at[0].context.eq(context)]
        for step in range(4):
            with m.If(advance):
                m.d.sync += [there[step + 1].eq(there[step]), at[step + 1].eq(at[step])]

        # 1: numbers below 32, 31 - 1, ... from the draw; the individual of generation 0
        base = [Signal(K, name=f"base_{name}") for name in "abc"]
        start_2, start_3 = Signal(u.width), Signal(u.width)
        number = [
            (state[48 - 16 * index : 64 - 16 * index] * (POPULATION - 1 - index)).shift_right(16)[:K]
            for index in range(3)
        ]
        with m.If(advance):
            m.d.sync += [
                base[0].eq(skip(number[0], at[1].k)),
                base[1].eq(number[1]),
                base[2].eq(number[2]),
                start_2.eq(state[64 - u.fraction :] * derived.octaves + low),
                start_3.eq(start_2),
            ]

        # 2: three different individuals, none of them k, and their slots
        a, b, c = Signal(K), Signal(K), Signal(K)
        own = at[2].k
        least, most = Mux(a < own, a, own), Mux(a < own, own, a)
        m.d.comb += [a.eq(base[0]), b.eq(skip(base[1], least, most))]
        middle = Mux(b < least, least, Mux(b < most, b, most))
        m.d.comb += c.eq(skip(base[2], Mux(b < least, b, least), middle, Mux(b < most, most, b)))
        read_mask = masks.read_port(domain="comb")
        m.d.comb += read_mask.addr.eq(at[2].context)
        slot_3, slot_4 = Signal(), Signal()
        with m.If(advance):
            m.d.sync += [slot_3.eq(~read_mask.data.bit_select(own, 1)), slot_4.eq(slot_3)]
        individuals, population_writes = [], []
        for name, other in (("a", a), ("b", b), ("c", c)):
            m.submodules[f"population_{name}"] = copy = Memory(
                shape=u.width, depth=contexts * POPULATION * 2, init=[]
            )
            read, write = copy.read_port(), copy.write_port()
            m.d.comb += [
                read.addr.eq(Cat(read_mask.data.bit_select(other, 1), other, at[2].context)),
                read.en.eq(advance),
            ]
            individuals.append(read.data.as_signed())
            population_writes.append(write)

        # 3: the trial
        u_a, u_b, u_c = individuals
        mutant = u_a + (u_b - u_c).shift_right(1)
        limited = Mux(mutant < low, low, Mux(mutant > high, high, mutant))
        trial = Signal(u.width)
        with m.If(advance):
            m.d.sync += trial.eq(Mux(generations[at[3].context] == 0, start_3, limited))

        # 4: it enters the population's free slot and the CORDIC
        m.d.comb += [
            advance.eq(rotate.i.ready | ~there[4]),
            rotate.i.valid.eq(there[4]),
            rotate.i.payload.angle.eq(trial[: u.fraction].shift_left(profile.cordic.fraction - u.fraction)),
            rotate.i.payload.tag.eq(Cat(trial[u.fraction :], at[4])),
        ]
        for write in population_writes:
            m.d.comb += [
                write.en.eq(there[4]),
                write.addr.eq(Cat(slot_4, at[4])),
                write.data.eq(trial),
            ]

        # M and q go out, and wait for the score
        m.submodules.candidates = candidates = Memory(shape=candidate, depth=contexts * POPULATION, init=[])
        keep, kept = candidates.write_port(), candidates.read_port()
        m.submodules.leaving = leaving = Register(self.payloads.trial)
        power = half_up(rotate.o.payload.x - rotate.o.payload.y, profile.cordic.fraction - fraction)
        one = 1 << fraction
        tag = StructLayout({"exponent": EXPONENT, "who": who})(rotate.o.payload.tag)
        m.d.comb += [
            leaving.i.valid.eq(rotate.o.valid),
            rotate.o.ready.eq(leaving.i.ready),
            leaving.i.payload.row.eq(rows[tag.who.context]),
            leaving.i.payload.mantissa.eq(Mux(power < one, one, Mux(power >= 2 * one, 2 * one - 1, power))),
            leaving.i.payload.exponent.eq(tag.exponent),
            keep.en.eq(rotate.o.valid),
            keep.addr.eq(tag.who),
            keep.data.mantissa.eq(leaving.i.payload.mantissa),
            keep.data.exponent.eq(tag.exponent),
        ]
        wiring.connect(m, leaving.o, wiring.flipped(self.o_trials))

        # Sums come back in the order of the runs; constant ones slip in between
        scored = StructLayout({"who": who, "constant": 1})
        m.submodules.entering = entering = Register(fitness.i.payload.shape())
        constant, back = Signal(context_shape), Signal(K)
        waits = Cat(waiting(Phase.CONSTANT)).any()
        label = Signal(scored)
        m.d.comb += [
            constant.eq(first_of(waiting(Phase.CONSTANT))),
            self.i_sums.ready.eq(entering.i.ready & ~waits & runs.o.valid),
            entering.i.valid.eq(entering.i.ready & (waits | (self.i_sums.valid & runs.o.valid))),
            label.constant.eq(waits),
            label.who.context.eq(Mux(waits, constant, runs.o.payload)),
            label.who.k.eq(back),
            entering.i.payload.tag.eq(label),
            entering.i.payload.sums.eq(self.i_sums.payload),
        ]
        with m.If(waits):
            m.d.comb += [
                entering.i.payload.sums.s.eq(ties[constant] << profile.sums.fraction),
                entering.i.payload.sums.t.eq(0),
            ]
            with m.If(entering.i.ready):
                m.d.sync += phases[constant].eq(Phase.FLYING)
        with m.Elif(self.i_sums.ready & self.i_sums.valid):
            m.d.sync += back.eq(back + 1)
            m.d.comb += runs.o.ready.eq(back == POPULATION - 1)
        wiring.connect(m, entering.o, fitness.i)

        # The distance from the target
        new_valid, new_label = Signal(), Signal(scored)
        error, score = Signal(profile.perplexity.width), Signal(self.payloads.score)
        arrived = scored(fitness.o.payload.tag)
        perplexity = fitness.o.payload.score.perplexity
        m.submodules.errors = errors = Memory(
            shape=profile.perplexity.width, depth=contexts * POPULATION, init=[]
        )
        write_error, old_error = errors.write_port(), errors.read_port()
        above = perplexity >= self.target
        m.d.comb += [fitness.o.ready.eq(1), old_error.addr.eq(arrived.who), kept.addr.eq(arrived.who)]
        m.d.sync += [
            new_valid.eq(fitness.o.valid),
            new_label.eq(arrived),
            error.eq(Mux(above, perplexity - self.target, self.target - perplexity)),
            score.eq(fitness.o.payload.score),
        ]

        # Selection and the best so far
        mine = new_label.who.context
        read_best, write_best = bests.read_port(domain="comb"), bests.write_port()
        old_mask, write_mask = masks.read_port(domain="comb"), masks.write_port()
        accepted = Signal(POPULATION)  # of this generation, shifted in from the top
        first, last = generations[mine] == 0, new_label.who.k == POPULATION - 1
        accept = first | (error <= old_error.data)
        better = new_label.constant | (first & (new_label.who.k == 0)) | (error < read_best.data.error)
        least_error = Mux(better, error, read_best.data.error)
        turned = Cat(accepted[1:], accept)
        m.d.comb += [
            read_best.addr.eq(mine),
            write_best.addr.eq(mine),
            write_best.en.eq(new_valid & better),
            write_best.data.error.eq(error),
            write_best.data.score.eq(score),
            write_best.data.candidate.eq(Mux(new_label.constant, 0, Value.cast(kept.data))),
            write_error.addr.eq(new_label.who),
            write_error.en.eq(new_valid & accept & ~new_label.constant),
            write_error.data.eq(error),
            old_mask.addr.eq(mine),
            write_mask.addr.eq(mine),
            write_mask.data.eq(old_mask.data ^ turned),
        ]
        with m.If(new_valid & new_label.constant):
            m.d.sync += phases[mine].eq(Phase.DONE)
        with m.Elif(new_valid):
            m.d.sync += accepted.eq(turned)
            with m.If(last):
                m.d.comb += write_mask.en.eq(1)
                m.d.sync += [generations[mine].eq(generations[mine] + 1), phases[mine].eq(Phase.READY)]
                with m.If(least_error < profile.stop):
                    m.d.sync += [phases[mine].eq(Phase.DONE), statuses[mine].eq(Status.SOLVED)]
                with m.Elif(generations[mine] == GENERATION_CAP - 1):
                    m.d.sync += [phases[mine].eq(Phase.DONE), statuses[mine].eq(Status.UNCONVERGED)]

        # Results
        done, report = Signal(context_shape), bests.read_port(domain="comb")
        result = self.o_results.payload
        m.d.comb += [done.eq(first_of(waiting(Phase.DONE))), report.addr.eq(done)]
        with m.If(~self.o_results.valid | self.o_results.ready):
            m.d.sync += self.o_results.valid.eq(0)
            with m.If(Cat(waiting(Phase.DONE)).any()):
                m.d.sync += [
                    phases[done].eq(Phase.FREE),
                    self.o_results.valid.eq(1),
                    result.row.eq(rows[done]),
                    result.status.eq(statuses[done]),
                    result.mantissa.eq(report.data.candidate.mantissa),
                    result.exponent.eq(report.data.candidate.exponent),
                    result.perplexity.eq(report.data.score.perplexity),
                    result.generations.eq(generations[done]),
                    result.reciprocal.eq(report.data.score.reciprocal),
                    result.shift.eq(report.data.score.shift),
                ]
        return m
