# SPDX-License-Identifier: Apache-2.0
"""The search of log2(beta): differential evolution (DE), sections or windows, several rows in turn."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.hdl import Assert
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.memory import ReadPort
from amaranth.lib.wiring import In, Out

from nms.contract.config import GENERATION_CAP, POPULATION, Config
from nms.contract.settings import Search
from nms.contract.tables import Status
from nms.rtl.lib.cordic import Rotate
from nms.rtl.lib.fixed import half_up
from nms.rtl.lib.flow import Queue, Register, Skid, delay, move_together
from nms.rtl.lib.hierarchy import Block, instantiate
from nms.rtl.lib.ram import RAM
from nms.rtl.lib.signatures import EXPONENT, Payloads
from nms.rtl.search.bracket import Bracket, first_section
from nms.rtl.search.contexts import Contexts, ContextState, find_first, find_next
from nms.rtl.search.fitness import Fitness
from nms.rtl.search.trials import Trials, context_bits, individual_layout

COLLAPSED = 64
"""A population whose u (raw) spread less than this is drawn anew by DE/best/1."""


class DE(Block):
    """Searches beta of each row by differential evolution (DE), sections or windows (contract, section 9).

    Up to ``contexts`` rows are in work; each in turn issues a generation of 32 trials. Rows without a
    solution skip the search: their constant sums go through the fitness unit between those of the others.
    Scores are taken whenever they come, so that neither trials nor results that stall can hold up the sums.

    Parameters
    ----------
    config : ``contexts``, ``unroll``, the sizes of a batch and the formats

    Members
    -------
    search, target : method (a Search) and perplexity (raw); constant while there are tasks
    i_tasks : rows to search
    o_trials : candidates, 32 of one row at a time
    i_sums : their S and T, in the same order
    o_results : one for each row, in any order

    Latency
    -------
    :attr:`start_latency` cycles from a task to its first trial; :meth:`turn_latency` from the last sums of
    a generation to the first trial of the row's next one.

    Throughput
    ----------
    A generation takes 33 cycles when nothing stalls, its trials follow each other without a gap.

    Reset
    -----
    All contexts are free.

    Raises
    ------
    In simulation, more runs under way than contexts, and points that are asked for too early, fail
    assertions.
    """

    module = "de"

    def __init__(self, config: Config) -> None:
        payloads, profile = Payloads(config), config.profile
        self.config, self.payloads = config, payloads
        self.parameters = (config.digest,)
        self.who = individual_layout(config)
        self.label = StructLayout({"who": self.who, "constant": 1})
        self.flight = StructLayout({"exponent": EXPONENT, "who": self.who})
        width = profile.perplexity.width
        self.followed = StructLayout(
            {"valid": 1, "who": self.who, "error": width, "perplexity": width, "above": 1, "goes_on": 1}
        )
        self.fitness = Fitness(config, self.label.size)
        self.trials = Trials(config)
        self.bracket = Bracket(config)
        self.rotate = Rotate(
            config.derived.post_indices, profile.cordic.fraction, config.unroll, self.flight.size
        )
        super().__init__(
            {
                "search": In(Search),
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
        return 6 + self.trials.latency + self.rotate.latency

    def turn_latency(self, search: int) -> int:
        """Cycles from the last sums of a generation to the first trial of the next."""
        placing = 1 if search in (Search.DE_RAND1, Search.DE_BEST1) else self.bracket.latency
        return 7 + self.fitness.latency + placing + self.start_latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        contexts = Contexts(m, self.config)
        m.submodules.trials, m.submodules.bracket = self.trials, self.bracket
        m.d.comb += self.trials.search.eq(self.search)
        instantiate(m, "rotate", self.rotate, platform)
        instantiate(m, "fitness", self.fitness, platform)
        m.submodules.runs = runs = Queue(context_bits(self.config), self.config.contexts)

        self._accept(m, contexts)
        self._issue(m, contexts, runs)
        candidates = self._send(m, contexts)
        self._collect(m, contexts, runs)
        member = self._select(m, contexts, candidates)
        self._follow(m, contexts, member)
        self._report(m, contexts)
        return m

    def _accept(self, m: Module, contexts: Contexts) -> None:
        """A task takes a free context; the states' write port serves a generation that ends first."""
        task, trials = self.i_tasks.payload, self.trials
        write = contexts.states.write_port()
        free = Signal(context_bits(self.config))
        ties = task.ties.shift_left(self.config.profile.perplexity.fraction)
        taken = self.i_tasks.ready & self.i_tasks.valid
        m.d.comb += [
            free.eq(find_first(contexts.waiting(ContextState.FREE))),
            self.i_tasks.ready.eq(Cat(contexts.waiting(ContextState.FREE)).any() & ~trials.drawn),
            write.en.eq(trials.drawn | taken),
            write.addr.eq(Mux(trials.drawn, trials.drawn_context, free)),
            write.data.eq(Mux(trials.drawn, trials.drawn_state, task.state)),
            self.bracket.forget.eq(taken),
            self.bracket.forgotten.eq(free),
        ]
        with m.If(taken):
            m.d.sync += [
                contexts.phase[free].eq(Mux(ties < self.target, ContextState.READY, ContextState.CONSTANT)),
                contexts.status[free].eq(Mux(ties > self.target, Status.INFEASIBLE, Status.SATURATED)),
                contexts.row[free].eq(task.row),
                contexts.ties[free].eq(task.ties),
                contexts.generations[free].eq(0),
                contexts.fresh[free].eq(1),
            ]

    def _issue(self, m: Module, contexts: Contexts, runs: Queue) -> None:
        """The next ready context, in turn, issues a generation; ``runs`` remembers whose sums come when."""
        ready = contexts.waiting(ContextState.READY)
        last = Signal(context_bits(self.config))
        chosen, waits = Signal.like(last), Signal()
        state = contexts.states.read_port(domain="comb")
        mask = contexts.masks.read_port(domain="comb")
        points = contexts.points.read_port(domain="comb")
        m.submodules.issuing = issuing = Register(self.trials.i.payload.shape())
        into, out = issuing.i.payload, issuing.o.payload
        origin, step = first_section(self.config)
        issued = Signal()
        m.d.comb += [
            issued.eq(waits & ~issuing.o.valid),  # 33 cycles are enough not to ask whether it leaves
            state.addr.eq(chosen),
            issuing.i.valid.eq(issued),
            into.context.eq(chosen),
            into.state.eq(state.data),
            into.fresh.eq(contexts.fresh[chosen]),
            into.first.eq(contexts.generations[chosen] == 0),
            points.addr.eq(chosen),
            into.points.eq(points.data),
            runs.i.valid.eq(issued),
            runs.i.payload.eq(chosen),
            mask.addr.eq(self.trials.asked),
            self.trials.mask.eq(mask.data),
            self.trials.masked.eq(contexts.generations[self.trials.asked] != 0),
        ]
        # chosen a cycle ahead: a ready context stays ready until it is issued
        m.d.sync += [chosen.eq(find_next(m, ready, last)), waits.eq(Cat(ready).any() & ~issued)]
        with m.If(issued):
            m.d.sync += [contexts.phase[chosen].eq(ContextState.FLYING), last.eq(chosen)]
        move_together(m, [issuing.o], [self.trials.i])
        m.d.comb += self.trials.i.payload.eq(out)
        with m.If(out.first):
            m.d.comb += [
                self.trials.i.payload.points.origin.eq(origin),
                self.trials.i.payload.points.step.eq(step),
            ]
        m.d.sync += Assert(~issued | runs.i.ready, "de: more runs than contexts")

    def _send(self, m: Module, contexts: Contexts) -> ReadPort:
        """2^u as M and q to the PE array; both wait in the memory that is returned for their score."""
        profile, trials, rotate = self.config.profile, self.trials, self.rotate
        m.submodules.tried = tried = Skid(trials.o.payload.shape())  # cuts the way of a stall
        u, fraction = tried.o.payload.u, profile.log_beta.fraction
        flight = Signal(self.flight)
        m.d.comb += [
            flight.exponent.eq(u[fraction:]),
            flight.who.eq(tried.o.payload.who),
            tried.i.payload.eq(trials.o.payload),
            trials.o.ready.eq(tried.i.ready),
            tried.i.valid.eq(trials.o.valid),
            tried.o.ready.eq(rotate.i.ready),
            rotate.i.valid.eq(tried.o.valid),
            rotate.i.payload.angle.eq(u[:fraction].shift_left(profile.cordic.fraction - fraction)),
            rotate.i.payload.tag.eq(flight),
        ]

        m.submodules.leaving = leaving = Skid(self.payloads.trial)
        m.submodules.candidates = candidates = RAM(
            shape=contexts.candidate, depth=self.config.contexts * POPULATION
        )
        write = candidates.write_port()
        one = 1 << profile.mantissa.fraction
        power = half_up(
            rotate.o.payload.x - rotate.o.payload.y, profile.cordic.fraction - profile.mantissa.fraction
        )
        m.submodules.powers = powers = Register(StructLayout({"power": power.shape(), "flight": self.flight}))
        move_together(m, [rotate.o], [powers.i])
        move_together(m, [powers.o], [leaving.i])
        m.d.comb += [
            powers.i.payload.power.eq(power),
            powers.i.payload.flight.eq(rotate.o.payload.tag),
        ]
        power, landed = powers.o.payload.power, powers.o.payload.flight
        m.d.comb += [
            leaving.i.payload.row.eq(contexts.row[landed.who.context]),
            leaving.i.payload.mantissa.eq(Mux(power < one, one, Mux(power >= 2 * one, 2 * one - 1, power))),
            leaving.i.payload.exponent.eq(landed.exponent),
            write.en.eq(powers.o.valid & powers.o.ready),
            write.addr.eq(landed.who),
            write.data.mantissa.eq(leaving.i.payload.mantissa),
            write.data.exponent.eq(landed.exponent),
        ]
        wiring.connect(m, leaving.o, wiring.flipped(self.o_trials))
        return candidates.read_port()

    def _collect(self, m: Module, contexts: Contexts, runs: Queue) -> None:
        """Sums to the fitness unit, in the order of the runs; constant ones slip in between."""
        constants = contexts.waiting(ContextState.CONSTANT)
        constant, whose = Signal(), Signal(context_bits(self.config))
        label = Signal(self.label)
        entering, into = Signal(), Signal(self.fitness.i.payload.shape())
        context = Signal(context_bits(self.config))
        k = Signal(self.who["k"].shape)
        m.d.sync += [self.fitness.i.valid.eq(entering), self.fitness.i.payload.eq(into)]
        # chosen a cycle ahead: a constant context stays so until its sums are taken
        m.d.sync += [constant.eq(Cat(constants).any() & ~constant), whose.eq(find_first(constants))]
        m.d.comb += [
            context.eq(Mux(constant, whose, runs.o.payload)),
            label.constant.eq(constant),
            label.who.context.eq(context),
            label.who.k.eq(k),
            into.tag.eq(label),
        ]
        with m.If(constant):
            m.d.comb += [
                entering.eq(1),
                into.sums.s.eq(contexts.ties[context] << self.config.profile.sums.fraction),
                into.sums.t.eq(0),
            ]
            m.d.sync += contexts.phase[context].eq(ContextState.FLYING)
        with m.Else():
            m.d.comb += [
                self.i_sums.ready.eq(runs.o.valid),
                entering.eq(runs.o.valid & self.i_sums.valid),
                into.sums.eq(self.i_sums.payload),
            ]
            with m.If(entering):
                m.d.comb += runs.o.ready.eq(k == POPULATION - 1)
                m.d.sync += k.eq(k + 1)

    def _select(self, m: Module, contexts: Contexts, candidate: ReadPort) -> Signal:
        """Each score against its individual's and the best so far; with the last one, whether that was all.

        Returns what is now individual k of the population, while its slot is read.
        """
        profile = self.config.profile
        width = profile.perplexity.width
        m.submodules.errors = errors = RAM(shape=width, depth=self.config.contexts * POPULATION)
        old, write_error = errors.read_port(), errors.write_port()

        came, perplexity = self.label(self.fitness.o.payload.tag), self.fitness.o.payload.score.perplexity
        valid = Signal()
        label = Signal(self.label)
        score = Signal(self.payloads.score)
        error = Signal(width)
        above = Signal()
        m.d.comb += [
            old.addr.eq(came.who),
            old.en.eq(self.fitness.o.valid),
            candidate.addr.eq(came.who),
            candidate.en.eq(self.fitness.o.valid),
        ]
        m.d.sync += [
            valid.eq(self.fitness.o.valid),
            label.eq(came),
            score.eq(self.fitness.o.payload.score),
            above.eq(perplexity >= self.target),
            error.eq(Mux(perplexity >= self.target, perplexity - self.target, self.target - perplexity)),
        ]
        # what is held of a context changes with its last score of a generation only: read a cycle ahead
        best, write_best = contexts.bests.read_port(), contexts.bests.write_port()
        mask, write_mask = contexts.masks.read_port(), contexts.masks.write_port()
        m.d.comb += [
            best.addr.eq(label.who.context),
            best.en.eq(valid),
            mask.addr.eq(label.who.context),
            mask.en.eq(valid),
        ]
        held = contexts.generations[label.who.context]
        count, fresh = delay(m, held, 1), delay(m, contexts.fresh[label.who.context], 1)
        begins = delay(m, label.who.k == 0, 1)
        seconds = Signal.like(
            mask.data
        )  # a context's first generation finds no mask: all are in the first slot
        m.d.comb += seconds.eq(Mux(count == 0, 0, mask.data))
        unscored = delay(m, label.constant | ((label.who.k == 0) & (held == 0)), 1)
        small = delay(m, error < profile.stop, 1)

        valid = delay(m, valid, 1, reset_less=False)
        label, score, error, above = (delay(m, value, 1) for value in (label, score, error, above))
        old_error, found = delay(m, old.data, 1), delay(m, Value.cast(candidate.data), 1)

        context, k, constant = label.who.context, label.who.k, label.constant
        least, least_small = Signal(width), Signal()  # of the context whose scores come, and if it ends it
        leading, leading_small = Signal(width), Signal()
        replaced = Signal(POPULATION)  # those of this generation so far, shifted in from the top
        replaces = Signal()
        better = Signal()
        last = Signal()
        solved = Signal()
        ended = Signal()
        member = Signal(self.followed)
        turn = Cat(replaced[1:], replaces)
        m.d.comb += [
            leading.eq(Mux(begins, best.data.error, least)),
            leading_small.eq(Mux(begins, best.data.error < profile.stop, least_small)),
            replaces.eq(fresh | (error <= old_error)),
            better.eq(unscored | (error < leading)),
            last.eq(valid & ~constant & (k == POPULATION - 1)),
            solved.eq(Mux(better, small, leading_small)),
            ended.eq(solved | (count == GENERATION_CAP - 1)),
            self.trials.place_enable.eq(member.valid),
            write_error.en.eq(valid & ~constant & replaces),
            write_error.addr.eq(label.who),
            write_error.data.eq(error),
        ]
        with m.If(valid & ~constant):
            m.d.sync += [least.eq(Mux(better, error, leading)), least_small.eq(solved)]
        m.d.sync += [
            self.trials.place.second.eq(seconds.bit_select(k, 1) ^ replaces),
            self.trials.place.who.eq(label.who),
            member.valid.eq(valid & ~constant),
            member.who.eq(label.who),
            member.error.eq(Mux(replaces, error, old_error)),
            member.perplexity.eq(score.perplexity),
            member.above.eq(above),
            member.goes_on.eq(last & ~ended),
        ]
        with m.If(valid & ~constant):
            m.d.sync += replaced.eq(turn)
        with m.If(last):
            m.d.sync += contexts.generations[context].eq(count + 1)

        # a cycle later, what was found out is written down; with it, a context is done
        whose = delay(m, context, 1)
        m.d.comb += [
            write_mask.en.eq(delay(m, last, 1, reset_less=False)),
            write_mask.addr.eq(whose),
            write_mask.data.eq(delay(m, seconds, 1) ^ replaced),
            write_best.en.eq(delay(m, valid & better, 1, reset_less=False)),
            write_best.addr.eq(whose),
            write_best.data.error.eq(delay(m, error, 1)),
            write_best.data.score.eq(delay(m, score, 1)),
            write_best.data.candidate.eq(delay(m, Mux(constant, 0, found), 1)),
        ]
        done = delay(m, (valid & constant) | (last & ended), 1, reset_less=False)
        searched, solved = delay(m, ~constant, 1), delay(m, solved, 1)
        with m.If(done):
            m.d.sync += contexts.phase[whose].eq(ContextState.DONE)
            with m.If(searched):
                m.d.sync += contexts.status[whose].eq(Mux(solved, Status.SOLVED, Status.UNCONVERGED))
        return member

    def _follow(self, m: Module, contexts: Contexts, member: Signal) -> None:
        """The population's extent and best, or the bracket; with them, the next generation."""
        u, bracket = delay(m, self.trials.member, 1), self.bracket
        going = delay(m, member.goes_on, 2, reset_less=False)
        valid, member = delay(m, member.valid, 2, reset_less=False), delay(m, member, 2)
        least, most, leader = (Signal.like(u, name=name) for name in ("least", "most", "leader"))
        error = Signal.like(member.error)
        context = Signal(context_bits(self.config))
        complete = Signal()
        first = member.who.k == 0
        m.d.sync += [complete.eq(going), context.eq(member.who.context)]
        with m.If(valid):
            with m.If(first | (u < least)):
                m.d.sync += least.eq(u)
            with m.If(first | (u > most)):
                m.d.sync += most.eq(u)
            with m.If(first | (member.error < error)):
                m.d.sync += [leader.eq(u), error.eq(member.error)]

        evolves = Signal()
        evolved, whose = delay(m, complete & evolves, 1, reset_less=False), delay(m, context, 1)
        leader, collapsed = delay(m, leader, 1), delay(m, most - least < COLLAPSED, 1)
        write = contexts.points.write_port()
        m.d.comb += [
            evolves.eq((self.search == Search.DE_RAND1) | (self.search == Search.DE_BEST1)),
            bracket.windows.eq(self.search == Search.WINDOW),
            bracket.target.eq(self.target),
            bracket.came.eq(valid & ~evolves),
            bracket.score.who.eq(member.who),
            bracket.score.u.eq(u),
            bracket.score.perplexity.eq(member.perplexity),
            bracket.score.above.eq(member.above),
            bracket.go.eq(complete & ~evolves),
            bracket.whose.eq(context),
            write.en.eq(Mux(evolves, evolved, bracket.placed)),
        ]
        with m.If(evolves):
            m.d.comb += [write.addr.eq(whose), write.data.origin.eq(leader), write.data.step.eq(0)]
        with m.Else():
            m.d.comb += [write.addr.eq(bracket.context), write.data.eq(bracket.points)]
        with m.If(evolved):
            m.d.sync += [
                contexts.phase[whose].eq(ContextState.READY),
                contexts.fresh[whose].eq((self.search == Search.DE_BEST1) & collapsed),
            ]
        with m.If(bracket.placed):
            m.d.sync += contexts.phase[bracket.context].eq(ContextState.READY)

    def _report(self, m: Module, contexts: Contexts) -> None:
        """The best of a context that is done becomes a result, and the context is free."""
        done = contexts.waiting(ContextState.DONE)
        context, waits, taken = Signal(context_bits(self.config)), Signal(), Signal()
        best = contexts.bests.read_port(domain="comb")
        result = self.o_results.payload
        m.d.comb += [
            best.addr.eq(context),
            taken.eq(waits & (self.o_results.ready | ~self.o_results.valid)),
        ]
        # chosen a cycle ahead: a context that is done stays so until it is taken
        m.d.sync += [context.eq(find_first(done)), waits.eq(Cat(done).any() & ~taken)]
        with m.If(self.o_results.ready):
            m.d.sync += self.o_results.valid.eq(0)
        with m.If(taken):
            m.d.sync += [
                self.o_results.valid.eq(1),
                contexts.phase[context].eq(ContextState.FREE),
                result.row.eq(contexts.row[context]),
                result.status.eq(contexts.status[context]),
                result.mantissa.eq(best.data.candidate.mantissa),
                result.exponent.eq(best.data.candidate.exponent),
                result.perplexity.eq(best.data.score.perplexity),
                result.generations.eq(contexts.generations[context]),
                result.reciprocal.eq(best.data.score.reciprocal),
                result.shift.eq(best.data.score.shift),
            ]
